package hook

import (
	"bytes"
	"fmt"
	"net/netip"
	"syscall"
)

// addressError says that an address is none to send to.
type addressError struct {
	ip  netip.Addr
	why string
}

func (e *addressError) Error() string { return fmt.Sprintf("not sent to %s: %s", e.ip, e.why) }

// isMetadata reports whether an address is one where clouds hand out credentials to the machines that run there.
func isMetadata(ip netip.Addr) bool {
	for _, known := range []string{
		"169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "fd00:ec2::/32", // AWS, its containers and its pods
		"fd20:ce::254/128", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32",
	} {
		if netip.MustParsePrefix(known).Contains(ip) {
			return true
		}
	}
	return false
}

// check refuses what no endpoint has: an *addressError.
//
//	loopback      127.0.0.0/8, ::1                                   unless loopback
//	link-local    169.254.0.0/16, fe80::/10                          always
//	metadata      169.254.169.254, fd00:ec2::254 and their like      always
//	unspecified   0.0.0.0/8, ::                                      always
//	multicast     224.0.0.0/4, ff00::/8, and 240.0.0.0/4             always
func check(ip netip.Addr, loopback bool) error {
	ip = embedded(ip.WithZone(""))
	switch {
	case !ip.IsValid():
		return &addressError{ip, "it is no address"}
	case isMetadata(ip):
		return &addressError{ip, "it is a metadata address"}
	case ip.IsUnspecified(), ip.Is4() && ip.As4()[0] == 0:
		return &addressError{ip, "it is an unspecified address"}
	case ip.IsMulticast(), ip.Is4() && ip.As4()[0] >= 240:
		return &addressError{ip, "it is a multicast or reserved address"}
	case ip.IsLinkLocalUnicast():
		return &addressError{ip, "it is a link-local address"}
	case ip.IsLoopback() && !loopback:
		return &addressError{ip, "it is this machine, which the url does not name"}
	case !ip.IsLoopback() && loopback:
		return &addressError{ip, "the url names this machine, and it is another"}
	}
	return nil
}

// embedded returns the IPv4 address that an IPv6 address stands for, as mapped, compatible, NAT64 and 6to4 ones do; any other as it is.
func embedded(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if !ip.Is6() || ip.IsUnspecified() || ip.IsLoopback() {
		return ip
	}
	b := ip.As16()
	switch {
	case bytes.Equal(b[:12], make([]byte, 12)), netip.MustParsePrefix("64:ff9b::/96").Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:]))
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

// control checks an address once it is resolved, before it is connected to.
func control(loopback bool) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &addressError{why: "it is no address"}
		}
		return check(to.Addr(), loopback)
	}
}
