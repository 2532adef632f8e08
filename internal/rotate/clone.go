package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// clone makes the pending user one with the rights of the current one, as the master. The current user is never touched.
func (d database) clone(ctx context.Context, c Change, current, pending Credential) error {
	err := d.try(ctx, c, pending)
	if err == nil || !errors.Is(err, ErrDenied) {
		return err
	}
	if c.Master == nil {
		return errNoMaster
	}
	session, err := d.asMaster(ctx, c, current)
	if err != nil {
		return fmt.Errorf("log in with the master: %w", err)
	}
	defer leave(ctx, c, session)
	if err := session.SetClone(ctx, current.User(), pending.User(), pending.Password()); err != nil {
		return fmt.Errorf("give user %q the rights of %q: %w", pending.User(), current.User(), err)
	}
	if err := d.try(ctx, c, pending); err != nil {
		return fmt.Errorf("user %q was given the rights of %q and a password, and can't be used; %q works as before: %w", pending.User(), current.User(), current.User(), err)
	}
	return nil
}

// asMaster logs in as the master, at the server of a credential. ErrForm where the master is another's.
func (d database) asMaster(ctx context.Context, c Change, at Credential) (Session, error) {
	value, err := c.Master(ctx)
	if err != nil {
		return nil, err
	}
	master, err := ParseCredential(value)
	if err != nil {
		return nil, fmt.Errorf("the master's secret: %w", err)
	}
	if master.Host() == "" || !strings.EqualFold(master.Host(), at.Host()) {
		return nil, fmt.Errorf("%w: the master's secret is not for the same %q", ErrForm, memberHost)
	}
	return d.login.Connect(ctx, master, c.TLS)
}

// forget takes away the passwords that the user of now has beside it and, where it is of the same user, also. It is done as that user, or as the master where that user may not.
func (d database) forget(ctx context.Context, c Change, now, also Credential) error {
	keep := []string{now.Password()}
	if also.m != nil && also.User() == now.User() {
		keep = append(keep, also.Password())
	}
	session, err := d.login.Connect(ctx, now, c.TLS)
	if err == nil {
		defer leave(ctx, c, session)
		err = session.Forget(ctx, now.User(), keep)
	}
	if err == nil || unsure(ctx, err) || c.Master == nil {
		return err
	}
	master, err := d.asMaster(ctx, c, now)
	if err != nil {
		return fmt.Errorf("log in with the master: %w", err)
	}
	defer leave(ctx, c, master)
	return master.Forget(ctx, now.User(), keep)
}
