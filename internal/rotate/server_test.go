package rotate_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

// server is a service with users in memory.
type server struct {
	g       *gate
	mu      sync.Mutex
	several bool // a user has several passwords until Forget
	frozen  bool // SetPassword succeeds, and the password does not work
	denySet bool // SetPassword and Forget are refused to all but the master
	single  bool // a user may have one session at a time
	mangle  int  // so many passwords that are set are cut short
	users   map[string][]string
	open    map[string]int // sessions
}

func (s *server) Clone(user string) (string, error) {
	if first, ok := strings.CutSuffix(user, "_clone"); ok {
		return first, nil
	}
	return user + "_clone", nil
}

func (s *server) accepts(user, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.users[user], password)
}

func (s *server) all() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.users)
}

func (s *server) Connect(_ context.Context, c rotate.Credential, _ rotate.TLS) (rotate.Session, error) {
	err := s.g.call("Connect "+c.User(), rotate.ErrAway, func() error {
		if c.Host() != host || c.User() == "" {
			return rotate.ErrForm
		}
		if !s.accepts(c.User(), c.Password()) {
			return fmt.Errorf("user %q: %w", c.User(), rotate.ErrDenied)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.single && s.open[c.User()] > 0 {
			return fmt.Errorf("user %q: %w: too many connections", c.User(), rotate.ErrAway)
		}
		s.open[c.User()]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return session{s, c.User()}, nil
}

type session struct {
	s    *server
	user string
}

func (o session) SetPassword(_ context.Context, user, password string) error {
	return o.s.g.call("SetPassword "+user, rotate.ErrAway, func() error {
		o.s.mu.Lock()
		defer o.s.mu.Unlock()
		if o.s.mangle > 0 {
			o.s.mangle--
			password = password[1:]
		}
		switch had := o.s.users[user]; {
		case o.s.denySet && o.user != "master":
			return fmt.Errorf("user %q may not", o.user)
		case o.s.frozen:
		case slices.Contains(had, password):
		case o.s.several && len(had) > 0:
			o.s.users[user] = append(slices.Clone(had), password)
		default:
			o.s.users[user] = []string{password}
		}
		return nil
	})
}

func (o session) SetClone(_ context.Context, user, clone, password string) error {
	return o.s.g.call("SetClone "+clone, rotate.ErrAway, func() error {
		o.s.mu.Lock()
		defer o.s.mu.Unlock()
		if o.user != "master" || len(o.s.users[user]) == 0 {
			return fmt.Errorf("user %q may not", o.user)
		}
		o.s.users[clone] = []string{password}
		return nil
	})
}

func (o session) Forget(_ context.Context, user string, keep []string) error {
	return o.s.g.call("Forget "+user, rotate.ErrAway, func() error {
		o.s.mu.Lock()
		defer o.s.mu.Unlock()
		if o.s.denySet && o.user != "master" {
			return fmt.Errorf("user %q may not", o.user)
		}
		if o.s.several && !slices.ContainsFunc(keep, func(p string) bool { return slices.Contains(o.s.users[user], p) }) {
			return fmt.Errorf("user %q has none of these", user)
		}
		if o.s.several {
			o.s.users[user] = slices.DeleteFunc(slices.Clone(o.s.users[user]), func(p string) bool { return !slices.Contains(keep, p) })
		}
		return nil
	})
}

func (o session) Close(context.Context) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.open[o.user]--
}
