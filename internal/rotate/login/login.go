// Package login has what the logins of databases have in common: how a server is reached, for how long it is waited for, and which names take turns.
package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

// How long a server is waited for.
const (
	ConnectTimeout = 10 * time.Second
	CallTimeout    = 30 * time.Second
)

// Within returns a context that ends after d, or with ctx where that is earlier.
func Within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// Address returns a credential's host, and "host:port". ErrForm where it has no host, or its port is none. A host that drivers take for a socket of this machine, which is a path or begins
// with @, is none.
func Address(c rotate.Credential, usualPort int) (host, address string, err error) {
	host = c.Host()
	if host == "" {
		return "", "", fmt.Errorf("%w: no host", rotate.ErrForm)
	}
	if strings.HasPrefix(host, "@") || strings.ContainsAny(host, `/\`) {
		return "", "", fmt.Errorf("%w: the host is a path: a server is reached by its name or address only", rotate.ErrForm)
	}
	port, err := c.Port(usualPort)
	if err != nil {
		return "", "", err
	}
	return host, net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// TLS returns how TLS is spoken with a host; nil: it is not. It is an error where the settings are wrong, or the file with the certificates can't be read.
func TLS(t rotate.TLS, host string) (*tls.Config, error) {
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	switch t.Mode {
	case "disable":
		return nil, nil
	case "require":
		config.InsecureSkipVerify = true // what the mode is for
		return config, nil
	case "", "verify":
	default:
		return nil, fmt.Errorf("tls: %q is no mode; there are verify, require and disable", t.Mode)
	}
	if t.CA == "" {
		return config, nil
	}
	data, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("tls: %q has no certificate in PEM", t.CA)
	}
	return config, nil
}

// Away returns an ErrAway with the cause's text alone: what drivers return may hold a whole configuration. Where ctx is over it is that error too.
func Away(ctx context.Context, what string, cause error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w: %w", what, rotate.ErrAway, err)
	}
	return fmt.Errorf("%s: %w: %s", what, rotate.ErrAway, cause.Error())
}

// suffix tells the two users apart that take turns. Secrets Manager's own functions use the same.
const suffix = "_clone"

// Clone returns the user that takes turns with user. ErrForm where size finds the longer of the two names longer than limit.
func Clone(user string, limit int, size func(string) int) (string, error) {
	if base, ok := strings.CutSuffix(user, suffix); ok && base != "" {
		return base, nil
	}
	if n := size(user + suffix); n > limit {
		return "", fmt.Errorf("%w: %q with %q is longer than the %d that a user's name may be long there", rotate.ErrForm, user, suffix, limit)
	}
	return user + suffix, nil
}

// Pair returns the user, of two that take turns, whose rights both have: the one without suffix. ErrForm where the two are no such pair.
func Pair(user, other string) (base string, err error) {
	turn, err := Clone(user, math.MaxInt, func(string) int { return 0 })
	switch {
	case err != nil:
		return "", err
	case user == "" || turn != other:
		return "", fmt.Errorf("%w: %q and %q are no two users that take turns", rotate.ErrForm, user, other)
	case len(user) < len(other):
		return user, nil
	}
	return other, nil
}
