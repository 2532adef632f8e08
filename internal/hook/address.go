package hook

import (
	"bytes"
	"fmt"
	"net/netip"
	"syscall"
)

// Reach says which addresses may be sent to, of those that an endpoint can have at all.
type Reach int

// The reaches.
const (
	Elsewhere Reach = iota // neither this machine nor link-local addresses
	Here                   // this machine alone
	Local                  // both of them, and elsewhere
)

// AddressError says that an address is none to send to.
type AddressError struct {
	ip    netip.Addr
	why   string
	Local bool   // the reach Local would permit it
	Help  string // what to do about it; may be empty
}

func (e *AddressError) Error() string {
	text := fmt.Sprintf("not sent to %s: %s", e.ip, e.why)
	if e.Help != "" {
		text += " (" + e.Help + ")"
	}
	return text
}

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

// CheckAddress refuses what is out of reach, and what no endpoint has: an *AddressError.
//
//	loopback      127.0.0.0/8, ::1                                   unless Here or Local
//	link-local    169.254.0.0/16, fe80::/10                          unless Local
//	metadata      169.254.169.254, fd00:ec2::254 and their like      always
//	unspecified   0.0.0.0/8, ::                                      always
//	multicast     224.0.0.0/4, ff00::/8, and 240.0.0.0/4             always
//	others                                                           where Here
func CheckAddress(ip netip.Addr, reach Reach) error {
	ip = embedded(ip.WithZone(""))
	switch {
	case !ip.IsValid():
		return &AddressError{ip: ip, why: "it is no address"}
	case isMetadata(ip):
		return &AddressError{ip: ip, why: "it is a metadata address"}
	case ip.IsUnspecified(), ip.Is4() && ip.As4()[0] == 0:
		return &AddressError{ip: ip, why: "it is an unspecified address"}
	case ip.IsMulticast(), ip.Is4() && ip.As4()[0] >= 240:
		return &AddressError{ip: ip, why: "it is a multicast or reserved address"}
	case ip.IsLinkLocalUnicast() && reach != Local:
		return &AddressError{ip: ip, why: "it is a link-local address", Local: true}
	case ip.IsLoopback() && reach == Elsewhere:
		return &AddressError{ip: ip, why: "it is this machine", Local: true}
	case !ip.IsLoopback() && reach == Here:
		return &AddressError{ip: ip, why: "it is not this machine", Local: true}
	}
	return nil
}

// embedded returns the IPv4 address that an IPv6 address stands for, as mapped, compatible, NAT64 (RFC 6052), 6to4 and Teredo ones do; any other as it is.
func embedded(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if !ip.Is6() || ip.IsUnspecified() || ip.IsLoopback() {
		return ip
	}
	b := ip.As16()
	switch {
	case bytes.Equal(b[:12], make([]byte, 12)), netip.MustParsePrefix("64:ff9b::/96").Contains(ip):
		return netip.AddrFrom4([4]byte(b[12:]))
	case netip.MustParsePrefix("64:ff9b:1::/48").Contains(ip):
		return translated(b)
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	case netip.MustParsePrefix("2001::/32").Contains(ip): // Teredo has it inverted
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	return ip
}

// translated returns the IPv4 address in one of a network's own NAT64. Behind which length of prefix it stands (48, 56, 64 or 96 bits; the ninth byte is none of it) only that network knows:
// what is zero to the end is not part of it.
func translated(b [16]byte) netip.Addr {
	end := len(bytes.TrimRight(b[:], "\x00"))
	switch {
	case end <= 11:
		return netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]})
	case end == 12:
		return netip.AddrFrom4([4]byte{b[7], b[9], b[10], b[11]})
	case end == 13:
		return netip.AddrFrom4([4]byte(b[9:13]))
	}
	return netip.AddrFrom4([4]byte(b[12:]))
}

// Control returns what a net.Dialer checks an address with once it is resolved, before it is connected to.
func Control(reach Reach) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &AddressError{why: "it is no address"}
		}
		return CheckAddress(to.Addr(), reach)
	}
}
