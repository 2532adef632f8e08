package notify

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/secretsync-dev/secretsync/internal/hook"
)

// reach returns which addresses may be sent to. Plain is set for a connection without TLS: it stays on this machine.
func reach(local, plain bool) hook.Reach {
	switch {
	case plain:
		return hook.Here
	case local:
		return hook.Local
	}
	return hook.Elsewhere
}

// helped says of an address that is refused what would permit it.
func helped(err error, local bool) error {
	var refused *hook.AddressError
	if errors.As(err, &refused) && refused.Local && !local {
		refused.Help = "allowLocal: true permits it"
	}
	return err
}

// checkAddress refuses what no receiver of messages has. Loopback and link-local addresses are refused unless local is set.
func checkAddress(ip netip.Addr, local bool) error {
	return helped(hook.CheckAddress(ip, reach(local, false)), local)
}

// control checks an address once it is resolved, before it is connected to.
func control(local, plain bool) func(network, address string, c syscall.RawConn) error {
	check := hook.Control(reach(local, plain))
	return func(network, address string, c syscall.RawConn) error {
		return helped(check(network, address, c), local)
	}
}

// tlsConfig returns what connections are protected with: the system's certificates, and those of a file if there is one.
func (d Deps) tlsConfig(host, caFile string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return cfg, nil
	}
	data, err := d.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("caFile: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if block, _ := pem.Decode(data); block == nil || !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("caFile: no certificate is in it: it must be PEM")
	}
	cfg.RootCAs = pool
	return cfg, nil
}
