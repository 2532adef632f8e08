package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Database returns the engine of a service in which users log in with a password, with both strategies. What it is given it logs in with at the server that the secret names, and only there; a master's
// credential is used only where it is for that server, and the secret's own has logged in there. port is the service's usual one, and names are those, in small letters, that a master's secret may
// call it by in its member "engine"; one that has no such member may be used too.
func Database(login Login, port int, names ...string) Engine {
	return database{login: login, port: port, names: names, pause: sleep}
}

type database struct {
	login Login
	port  int
	names []string
	pause func(context.Context, time.Duration)
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// trio are the three credentials of a change; Pending and Previous may be zero.
type trio struct{ current, pending, previous Credential }

// Next keeps the credential as it is, but for the password and, with two users, the user. ErrForm where the current one lacks what the strategy needs.
func (d database) Next(_ context.Context, c Change) (secret.Value, error) {
	next, err := ParseCredential(c.Current)
	if err != nil {
		return secret.Value{}, err
	}
	if c.Strategy == AlternatingUsers {
		if c.Master == nil {
			return secret.Value{}, errNoMaster
		}
		other, err := d.other(next)
		if err != nil {
			return secret.Value{}, err
		}
		next = next.With(memberUser, other)
	}
	password, err := Password(c.Generate)
	if err != nil {
		return secret.Value{}, err
	}
	return next.With(memberPassword, password).Value()
}

var errNoMaster = fmt.Errorf("%w: %s takes the secret of a user who may change others: name it in the configuration, as master, or in the member %q", ErrForm, AlternatingUsers, memberMaster)

// other returns the user who takes turns with that of a credential.
func (d database) other(c Credential) (string, error) {
	if c.User() == "" {
		return "", fmt.Errorf("%w: it has no member %q", ErrForm, memberUser)
	}
	return d.login.Clone(c.User())
}

// Set makes the service accept the pending credential. It changes nothing where that works already.
func (d database) Set(ctx context.Context, c Change) error {
	t, err := d.read(c)
	if err != nil {
		return err
	}
	same, err := d.guard(c, t)
	if err != nil {
		return err
	}
	if same {
		return d.change(ctx, c, t.pending, t.current, t.previous)
	}
	return d.clone(ctx, c, t)
}

// Test logs in with the pending credential.
func (d database) Test(ctx context.Context, c Change) error {
	pending, err := ParseCredential(c.Pending)
	if err != nil {
		return err
	}
	return d.try(ctx, c, pending)
}

// Undo makes the service accept the current credential, and takes the pending password away where it would be valid beside it. Of two users the other one keeps a password that nobody is given.
// Where the current credential works a pending one that is none, or is for another server, is left alone: it was given to no service.
func (d database) Undo(ctx context.Context, c Change) error {
	t, bad := d.read(c)
	if t.current.m == nil {
		return bad
	}
	if bad == nil {
		if t.pending.User() != t.current.User() {
			return nil
		}
		bad = together(t)
	}
	err := d.try(ctx, c, t.current)
	switch {
	case errors.Is(err, ErrDenied) && bad != nil:
		return fmt.Errorf("%w; %w", err, bad)
	case errors.Is(err, ErrDenied):
		err = d.change(ctx, c, t.current, t.pending, t.previous)
	case err == nil && bad != nil:
		if c.Note != nil {
			c.Note(fmt.Sprintf("the current credential works; the service was not asked about the pending one: %v", bad))
		}
		return nil
	}
	if err != nil || t.pending.Password() == t.current.Password() || t.pending.Password() == t.previous.Password() && t.pending.User() == t.previous.User() {
		return err
	}
	if err := d.try(ctx, c, t.pending); errors.Is(err, ErrDenied) {
		return nil
	} else if err != nil {
		return err
	}
	return d.forget(ctx, c, t.current, t.previous)
}

// Done takes away what is neither current, which c.Pending is now, nor previous, where a user can have several passwords.
func (d database) Done(ctx context.Context, c Change) error {
	t, err := d.read(c)
	if err != nil {
		return err
	}
	return d.forget(ctx, c, t.pending, t.current)
}

// read parses the three. A previous value that is no credential is none.
func (d database) read(c Change) (t trio, err error) {
	if t.current, err = ParseCredential(c.Current); err != nil {
		return t, fmt.Errorf("the current value: %w", err)
	}
	if t.pending, err = ParseCredential(c.Pending); err != nil {
		return t, fmt.Errorf("the pending value: %w", err)
	}
	if previous, err := ParseCredential(c.Previous); err == nil {
		t.previous = previous
	}
	return t, nil
}

// fits makes sure that what is to be rolled back to is a credential for the same server, before it is made pending.
func (d database) fits(c Change) error {
	t, err := d.read(c)
	if err == nil {
		_, err = d.guard(c, t)
	}
	return err
}

// guard makes sure that the pending credential is one that Next could have made of the current one, and says whether they are of one user. What is rolled back may be from before another strategy,
// or from before other members were changed, but not for another server.
func (d database) guard(c Change, t trio) (same bool, err error) {
	if err := together(t); err != nil {
		return false, err
	}
	if !c.Rollback && !t.pending.sameBut(t.current, memberUser, memberPassword) {
		return false, fmt.Errorf("%w: the pending credential differs from the current one in more than user and password: the secret was changed since this rotation began", ErrForm)
	}
	same = t.pending.User() == t.current.User()
	switch {
	case same && (c.Rollback || c.Strategy != AlternatingUsers):
		return true, nil
	case same:
		return false, fmt.Errorf("%w: with %s the pending credential is not of the current one's user", ErrForm, AlternatingUsers)
	case c.Strategy != AlternatingUsers && !c.Rollback:
		return false, fmt.Errorf("%w: the pending credential is of user %q, and the current one of %q: with %s it is one user", ErrForm, t.pending.User(), t.current.User(), SingleUser)
	}
	other, err := d.other(t.current)
	if err == nil && other != t.pending.User() {
		err = fmt.Errorf("%w: the pending credential is of user %q, who does not take turns with %q", ErrForm, t.pending.User(), t.current.User())
	}
	return false, err
}

// together makes sure that the pending credential is for the server and the database of the current one.
func together(t trio) error {
	for _, member := range []string{memberHost, memberPort, memberDatabase} {
		if !strings.EqualFold(t.pending.Text(member), t.current.Text(member)) {
			return fmt.Errorf("%w: the pending credential has another %q than the current one", ErrForm, member)
		}
	}
	return nil
}

// try logs in, and out again.
func (d database) try(ctx context.Context, c Change, as Credential) error {
	session, err := d.login.Connect(ctx, as, c.TLS)
	if err != nil {
		return err
	}
	session.Close(ctx)
	return nil
}
