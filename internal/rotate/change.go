package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// restoring is how long it may take, after the end of a context, to look at and take back a change of a password that was begun.
const restoring = time.Minute

// change gives the user of want its password, logged in as back, as previous or as the master, in this order; as the master only where one of the other two has logged in: who may write a secret
// must not get another's account by it. Where the new password does not work then, the one that logged in is restored over the session that is still open.
// back is what the store says is in use.
//
//	want works                     nothing to do
//	ErrAway, before the change     returned; nothing was changed
//	nobody may, or may log in      an error, ErrDenied where it is the login; nothing was changed, and where a change was tried the next login shows it
//	the change's answer was lost   the next login tells; where that can't be had, ErrAway: a repetition finds out
//	want can't be tried afterwards the session is closed, for it may be the only one that its user may have, and it is tried a few times more
//	want is refused afterwards     what worked is made to work again, and an error says so; ErrLost where it does not
func (d database) change(ctx context.Context, c Change, want, back, previous Credential) error {
	err := d.try(ctx, c, want)
	if err == nil || !errors.Is(err, ErrDenied) {
		return err
	}
	a, err := d.give(ctx, c, want, d.candidates(c, want, back, previous))
	sent := a.session != nil
	if sent {
		defer func() { a.leave(ctx, c) }()
		var end context.CancelFunc
		ctx, end = context.WithTimeout(context.WithoutCancel(ctx), restoring)
		defer end()
	} else if !errors.Is(err, ErrDenied) {
		return err
	}
	tried := d.try(ctx, c, want)
	if sent && tried != nil && !errors.Is(tried, ErrDenied) {
		a.leave(ctx, c)
		tried = d.tryAgain(ctx, c, want)
	}
	switch {
	case tried == nil: // where nothing was sent, somebody else was faster
		return nil
	case !sent && errors.Is(tried, ErrDenied):
		return err
	case !sent:
		return tried
	case !a.changed:
		if d.try(ctx, c, a.worked) == nil {
			err = fmt.Errorf("%w; %w", err, worksStill(a.worked))
		}
		return err
	case !errors.Is(tried, ErrDenied):
		return fmt.Errorf("the password of user %q was changed, or not: %w: repeat it", want.User(), tried)
	case err == nil:
		err = fmt.Errorf("the password of user %q was changed, and does not work: %w", want.User(), tried)
	}
	return d.restore(ctx, c, a, err)
}

// tryAgain is try some times, with pauses that grow to a second: a server takes a moment to notice that a session is over.
func (d database) tryAgain(ctx context.Context, c Change, want Credential) error {
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		err := d.try(ctx, c, want)
		if err == nil || errors.Is(err, ErrDenied) || pause > time.Second || ctx.Err() != nil {
			return err
		}
		d.pause(ctx, pause)
	}
}

// restore makes what worked work again, over a session that is open, if there is one.
func (d database) restore(ctx context.Context, c Change, a attempt, cause error) error {
	err := d.try(ctx, c, a.worked)
	if errors.Is(err, ErrDenied) && a.session != nil {
		set := a.session.SetPassword(ctx, a.worked.User(), a.worked.Password())
		if err = d.try(ctx, c, a.worked); err != nil && set != nil {
			err = set
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w; the password that user %q had could not be restored: %w: give that user the password in the current version of the secret, as a user who may, and repeat it", ErrLost, cause, a.worked.User(), err)
	}
	return fmt.Errorf("%w; %w", cause, worksStill(a.worked))
}

func worksStill(c Credential) error { return fmt.Errorf("the old password of user %q works", c.User()) }

// attempt is what came of changing a password.
type attempt struct {
	session Session    // over which a change was sent last, be it with an error; nil: none was sent, or it is closed
	worked  Credential // the user's own, that logged in; zero: none did
	changed bool       // a change was made, or may have been
}

// leave closes the session.
func (a *attempt) leave(ctx context.Context, c Change) {
	if a.session != nil {
		leave(ctx, c, a.session)
		a.session = nil
	}
}

// candidate is somebody who may be able to change a password.
type candidate struct {
	who string
	as  Credential // zero: the master, who may only where one before has logged in
}

// candidates returns who may change the password of want's user, in the order in which they are tried.
func (d database) candidates(c Change, want, back, previous Credential) []candidate {
	all := []candidate{{"the password that is in use", back}}
	if previous.User() == want.User() && previous.m != nil && together(trio{current: want, pending: previous}) == nil {
		all = append(all, candidate{"the previous password", previous})
	}
	if c.Master != nil {
		all = append(all, candidate{who: "the master"})
	}
	return all
}

// give changes the password of want's user as the first of the candidates who can.
func (d database) give(ctx context.Context, c Change, want Credential, by []candidate) (a attempt, err error) {
	var tried []string
	for _, who := range by {
		master := who.as.m == nil
		if master && a.worked.m == nil {
			break
		}
		var session Session
		var connected error
		if master {
			session, connected = d.asMaster(ctx, c, want)
		} else {
			session, connected = d.login.Connect(ctx, who.as, c.TLS)
		}
		tried, err = append(tried, who.who), connected
		if connected == nil {
			a.leave(ctx, c)
			a.session = session
			if a.worked.m == nil {
				a.worked = who.as
			}
			err = session.SetPassword(ctx, want.User(), want.Password())
			if a.changed = err == nil || unsure(ctx, err); a.changed {
				return a, err
			}
		} else if !errors.Is(connected, ErrDenied) && !errors.Is(connected, ErrForm) {
			return a, fmt.Errorf("log in with %s: %w", who.who, connected)
		}
	}
	help := ""
	switch {
	case c.Master == nil:
		help = fmt.Sprintf("; there is no master: its secret is named in the configuration, as master, or in the member %q", memberMaster)
	case a.worked.m == nil:
		help = "; " + masterOnlyWith
	}
	return a, fmt.Errorf("the password of user %q could not be changed with %s: %w%s", want.User(), strings.Join(tried, ", with "), err, help)
}

// masterOnlyWith is why a master is not used.
const masterOnlyWith = "the master is used only where the secret's own credential works: give that user the password in the current version of the secret, or write the one that works into the secret"

// unsure reports whether a call that failed may have done what it should.
func unsure(ctx context.Context, err error) bool { return errors.Is(err, ErrAway) || ctx.Err() != nil }

// leave ends a session, and passes on what it has to tell.
func leave(ctx context.Context, c Change, s Session) {
	if n, ok := s.(Noter); ok && c.Note != nil {
		for _, note := range n.Notes() {
			c.Note(note)
		}
	}
	s.Close(context.WithoutCancel(ctx))
}
