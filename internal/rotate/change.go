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

// change gives the user of want its password, logged in as back, as previous or as the master, in this order. Where the new password does not work then, back's is restored over the session
// that is still open: back is what the store says is in use.
//
//	want works                     nothing to do
//	ErrAway, before the change     returned; nothing was changed
//	nobody may, or may log in      an error, ErrDenied where it is the login; nothing was changed, and where a change was tried the next login shows it
//	the change's answer was lost   the next login tells; where that can't be had, ErrAway: a repetition finds out
//	want is refused afterwards     back is made to work again, and an error says so; ErrLost where it does not
func (d database) change(ctx context.Context, c Change, want, back, previous Credential) error {
	err := d.try(ctx, c, want)
	if err == nil || !errors.Is(err, ErrDenied) {
		return err
	}
	session, err := d.give(ctx, c, want, d.candidates(c, want, back, previous))
	sent := session != nil
	if sent {
		defer func() { leave(ctx, c, session) }()
		var end context.CancelFunc
		ctx, end = context.WithTimeout(context.WithoutCancel(ctx), restoring)
		defer end()
	} else if !errors.Is(err, ErrDenied) {
		return err
	}
	tried := d.try(ctx, c, want)
	switch {
	case tried == nil: // where nothing was sent, somebody else was faster
		return nil
	case !sent && errors.Is(tried, ErrDenied):
		return err
	case !sent:
		return tried
	case !errors.Is(tried, ErrDenied):
		return fmt.Errorf("the password of user %q was changed, or not: %w: repeat it", want.User(), tried)
	case err == nil:
		err = fmt.Errorf("the password of user %q was changed, and does not work: %w", want.User(), tried)
	}
	return d.restore(ctx, c, session, back, err)
}

// restore makes back work again, over a session that is open.
func (d database) restore(ctx context.Context, c Change, session Session, back Credential, cause error) error {
	err := d.try(ctx, c, back)
	if errors.Is(err, ErrDenied) {
		set := session.SetPassword(ctx, back.User(), back.Password())
		if err = d.try(ctx, c, back); err != nil && set != nil {
			err = set
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w; the password that user %q had could not be restored: %w: give that user the password in the current version of the secret, as a user who may, and repeat it", ErrLost, cause, back.User(), err)
	}
	return fmt.Errorf("%w; the old password of user %q works", cause, back.User())
}

// candidate is somebody who may be able to change a password.
type candidate struct {
	who     string
	connect func(ctx context.Context) (Session, error)
}

// candidates returns who may change the password of want's user, in the order in which they are tried.
func (d database) candidates(c Change, want, back, previous Credential) []candidate {
	as := func(who string, with Credential) candidate {
		return candidate{who, func(ctx context.Context) (Session, error) { return d.login.Connect(ctx, with, c.TLS) }}
	}
	all := []candidate{as("the password that is in use", back)}
	if previous.User() == want.User() && previous.m != nil && together(trio{current: want, pending: previous}) == nil {
		all = append(all, as("the previous password", previous))
	}
	if c.Master != nil {
		all = append(all, candidate{"the master", func(ctx context.Context) (Session, error) { return d.asMaster(ctx, c, want) }})
	}
	return all
}

// give changes the password of want's user as the first of the candidates who can. It returns the session over which a change was sent last, be it with an error; nil: none was sent.
func (d database) give(ctx context.Context, c Change, want Credential, by []candidate) (last Session, err error) {
	var tried []string
	for _, as := range by {
		session, connected := as.connect(ctx)
		tried, err = append(tried, as.who), connected
		if connected == nil {
			if last != nil {
				leave(ctx, c, last)
			}
			last = session
			if err = session.SetPassword(ctx, want.User(), want.Password()); err == nil || unsure(ctx, err) {
				return last, err
			}
		} else if !errors.Is(connected, ErrDenied) && !errors.Is(connected, ErrForm) {
			err = fmt.Errorf("log in with %s: %w", as.who, connected)
			return last, err
		}
	}
	help := ""
	if c.Master == nil {
		help = fmt.Sprintf("; there is no master: its secret is named in the configuration, as master, or in the member %q", memberMaster)
	}
	return last, fmt.Errorf("the password of user %q could not be changed with %s: %w%s", want.User(), strings.Join(tried, ", with "), err, help)
}

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
