// Package login has what the logins of databases have in common: how a server is reached, for how long it is waited for, and which names take turns.
package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

// How long a server is waited for where the caller's context has no deadline.
const (
	ConnectTimeout = 10 * time.Second
	CallTimeout    = 30 * time.Second
)

// Within returns a context that ends after d, unless ctx has a deadline of its own.
func Within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// Address returns a credential's host, and "host:port". ErrForm where it has no host, or its port is none.
func Address(c rotate.Credential, usualPort int) (host, address string, err error) {
	host = c.Host()
	if host == "" {
		return "", "", fmt.Errorf("%w: no host", rotate.ErrForm)
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

// Base returns the user, of the two that take turns, whose rights both have: the one without suffix.
func Base(user string) string {
	if base, ok := strings.CutSuffix(user, suffix); ok && base != "" {
		return base
	}
	return user
}
