package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomodule/redigo/redis"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

type session struct {
	conn  redis.Conn
	notes []string
}

// verifier returns what the server keeps of a password.
func verifier(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// SetPassword gives a user another password beside those that it has: all are valid until Forget. It is sent as the hash that the server keeps. ErrForm where there is no such user.
// The user may do it by itself where its rules allow ACL GETUSER and SETUSER; that is as good as being allowed everything, so usually it takes a master.
func (s *session) SetPassword(ctx context.Context, user, password string) error {
	user = named(user)
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	what := fmt.Sprintf("give %q a password", user)
	if _, err := s.passwords(ctx, what, user); err != nil {
		return err
	}
	return s.set(ctx, what, user, "#"+verifier(password))
}

// SetClone gives the other one of two users that take turns a password. NAME has the rules; NAME_clone is made where it is missing, and has from then on, at every rotation, the rules of NAME: commands,
// keys, channels, selectors, whether it is on. NAME's own rules stay as they are. Older passwords stay valid until Forget. ErrForm where NAME does not exist, where the two are no pair by their
// names, and where NAME is to get a password and there is no NAME_clone.
func (s *session) SetClone(ctx context.Context, user, clone, password string) error {
	base, err := login.Pair(named(user), clone)
	if err != nil {
		return fmt.Errorf("redis: give %q a password: %w", clone, err)
	}
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	if clone == base {
		if _, err := s.passwords(ctx, fmt.Sprintf("look up %q, which takes turns with %q", user, base), user); err != nil {
			return err
		}
		return s.SetPassword(ctx, clone, password)
	}
	what := fmt.Sprintf("make %q a user like %q", clone, base)
	rules, err := s.rules(ctx, what, base)
	if err != nil {
		return err
	}
	have, err := s.passwords(ctx, what, clone)
	if err != nil && !errors.Is(err, errNoUser) {
		return err
	}
	args := []string{"reset", "#" + verifier(password)} // one call: nobody ever sees the user without its rules
	for _, p := range have {
		args = append(args, "#"+p)
	}
	return s.set(ctx, what, clone, append(args, rules...)...)
}

// Forget takes away every password of a user but these. ErrForm where nothing would be left: it changes nothing then.
func (s *session) Forget(ctx context.Context, user string, keep []string) error {
	user = named(user)
	ctx, cancel := login.Within(ctx, login.CallTimeout)
	defer cancel()
	what := fmt.Sprintf("take older passwords of %q away", user)
	have, err := s.passwords(ctx, what, user)
	if err != nil {
		return err
	}
	var kept []string
	for _, k := range keep {
		kept = append(kept, verifier(k))
	}
	var args []string
	for _, p := range have {
		if !slices.Contains(kept, p) {
			args = append(args, "!"+p)
		}
	}
	switch {
	case len(args) == 0:
		return nil
	case len(args) == len(have):
		return fmt.Errorf("redis: %s: %w: none of those that are to be kept is there", what, rotate.ErrForm)
	}
	return s.set(ctx, what, user, args...)
}

var _ rotate.Noter = (*session)(nil)

// Notes says where a change does not outlive the server, and whose password does not matter.
func (s *session) Notes() []string { return s.notes }

// Close ends the session.
func (s *session) Close(context.Context) { _ = s.conn.Close() } // the server notices by itself

// errNoUser is what this package itself decides by.
var errNoUser = fmt.Errorf("%w: there is no such user", rotate.ErrForm)

// set changes a user, in one step, and has the server keep that over a restart.
func (s *session) set(ctx context.Context, what, user string, rules ...string) error {
	if err := usable(user); err != nil {
		return fmt.Errorf("redis: %s: %w", what, err)
	}
	args := make([]any, 0, 2+len(rules))
	args = append(args, "SETUSER", user)
	for _, r := range rules {
		args = append(args, r)
	}
	if _, err := s.do(ctx, what, "ACL", args...); err != nil {
		return err
	}
	_, err := s.do(ctx, what, "ACL", "SAVE")
	if err == nil || errors.Is(err, rotate.ErrAway) {
		return err // a repetition saves it
	}
	s.note("redis: the change is in use, and lost when the server restarts, for the server does not save its users: " + strings.TrimPrefix(err.Error(), "redis: "))
	return nil
}

func (s *session) note(text string) {
	if !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

// passwords returns the hashes of a user's passwords; errNoUser where there is no such user. It notes where any password is taken.
func (s *session) passwords(ctx context.Context, what, user string) ([]string, error) {
	if err := usable(user); err != nil {
		return nil, fmt.Errorf("redis: %s: %w", what, err)
	}
	reply, err := s.do(ctx, what, "ACL", "GETUSER", user)
	if err != nil {
		return nil, err
	}
	if reply == nil {
		return nil, fmt.Errorf("redis: %s: %w", what, errNoUser)
	}
	fields, err := redis.Values(reply, nil)
	found := map[string][]string{}
	for i := 0; err == nil && i+1 < len(fields); i += 2 {
		name, nameErr := redis.String(fields[i], nil)
		if all, allErr := redis.Strings(fields[i+1], nil); nameErr == nil && allErr == nil {
			found[name] = all
		}
	}
	if slices.Contains(found["flags"], "nopass") {
		s.note(fmt.Sprintf("redis: the user %q has the rule nopass: the server takes any password for it, the old ones too; ACL SETUSER with resetpass and the current password ends that", user))
	}
	if have, ok := found["passwords"]; ok {
		return have, nil
	}
	return nil, fmt.Errorf("redis: %s: the server describes the user in a way that is not known here", what)
}

// rules returns a user's rules as the server writes them down, without passwords; errNoUser where there is no such user.
func (s *session) rules(ctx context.Context, what, user string) ([]string, error) {
	lines, err := redis.Strings(s.do(ctx, what, "ACL", "LIST"))
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, "user "+user+" "); ok {
			return slices.DeleteFunc(strings.Fields(rest), func(rule string) bool { return strings.HasPrefix(rule, "#") || rule == "nopass" || rule == "resetpass" }), nil
		}
	}
	return nil, fmt.Errorf("redis: %s: %w", what, errNoUser)
}

// do does a command. The error says what was attempted, and holds nothing that was sent but the names of users.
func (s *session) do(ctx context.Context, what, command string, args ...any) (any, error) {
	reply, err := redis.DoContext(s.conn, ctx, command, args...)
	if err == nil {
		return reply, nil
	}
	return nil, callError(ctx, "redis: "+what, err)
}
