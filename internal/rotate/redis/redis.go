// Package redis logs in to Redis 6 and later, and Valkey, whose users have rules (ACL).
package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"strings"
	"unicode"

	"github.com/gomodule/redigo/redis"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// Login logs in to Redis. The zero Login is ready; its methods may be called concurrently. A credential without a user is that of the user "default".
type Login struct{}

const defaultUser = "default"

var _ rotate.Login = Login{}

// Clone returns the user that takes turns with user. Names may be of any length.
func (Login) Clone(user string) (string, error) {
	return login.Clone(named(user), math.MaxInt, func(s string) int { return len(s) })
}

func named(user string) string {
	if user == "" {
		return defaultUser
	}
	return user
}

// Connect logs in as the user of a credential, as rotate.Login says.
func (Login) Connect(ctx context.Context, c rotate.Credential, t rotate.TLS) (rotate.Session, error) {
	host, address, err := login.Address(c, 6379)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	user := named(c.User())
	if err := usable(user); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if c.Password() == "" {
		return nil, fmt.Errorf("redis: %w: %q is empty", rotate.ErrForm, "password")
	}
	config, err := login.TLS(t, host)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	what := fmt.Sprintf("log in as %q at %s", user, address)
	ctx, cancel := login.Within(ctx, login.ConnectTimeout)
	defer cancel()
	conn, err := redis.DialContext(ctx, "tcp", address, redis.DialReadTimeout(login.CallTimeout), redis.DialWriteTimeout(login.CallTimeout),
		redis.DialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			if config == nil {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			}
			return (&tls.Dialer{Config: config}).DialContext(ctx, network, address) // the driver's own handshake does not end with ctx
		}))
	if err != nil {
		return nil, login.Away(ctx, "redis: "+what, err)
	}
	s := &session{conn: conn}
	if _, err := s.do(ctx, what, "AUTH", user, c.Password()); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return s, nil
}

// usable returns why a user can't have that name; nil if it can.
func usable(user string) error {
	if user == "" || strings.ContainsFunc(user, func(r rune) bool { return r == 0 || unicode.IsSpace(r) }) {
		return fmt.Errorf("%w: a user's name that is empty, or has a space in it", rotate.ErrForm)
	}
	return nil
}
