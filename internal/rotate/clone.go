package rotate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// clone makes the pending user one with the rights of the current one, as the master, once the current credential has logged in: who may write a secret must not get another's rights by it.
// The current user is never touched.
func (d database) clone(ctx context.Context, c Change, t trio) error {
	current, pending := t.current, t.pending
	err := d.try(ctx, c, pending)
	if err == nil || !errors.Is(err, ErrDenied) {
		return err
	}
	if c.Master == nil {
		return errNoMaster
	}
	if err := d.own(ctx, c, t); err != nil {
		return err
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

// own makes sure that the current user is the secret's own: its password, or the one that it had before, logs in.
func (d database) own(ctx context.Context, c Change, t trio) error {
	err := d.try(ctx, c, t.current)
	if errors.Is(err, ErrDenied) && t.previous.m != nil && t.previous.User() == t.current.User() && together(trio{current: t.current, pending: t.previous}) == nil {
		err = d.try(ctx, c, t.previous)
	}
	if errors.Is(err, ErrDenied) {
		return fmt.Errorf("log in with the password that is in use: %w; %s", err, masterOnlyWith)
	}
	return err
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
	theirs, err := master.Port(d.port)
	if err != nil {
		return nil, fmt.Errorf("the master's secret: %w", err)
	}
	ours, err := at.Port(d.port)
	if err != nil {
		return nil, err
	}
	var other string
	switch engine := strings.ToLower(master.Engine()); {
	case master.Host() == "" || !strings.EqualFold(master.Host(), at.Host()):
		other = memberHost
	case theirs != ours:
		other = memberPort
	case engine != "" && !slices.Contains(d.names, engine):
		other = memberEngine
	default:
		return d.login.Connect(ctx, master, c.TLS)
	}
	return nil, fmt.Errorf("%w: the master's secret is not for the same %q", ErrForm, other)
}

// forget takes away the passwords that the user of now has beside it and, where it is of the same user, also. It is done as that user, or as the master where that user may not.
func (d database) forget(ctx context.Context, c Change, now, also Credential) error {
	keep := []string{now.Password()}
	if also.m != nil && also.User() == now.User() {
		keep = append(keep, also.Password())
	}
	session, err := d.login.Connect(ctx, now, c.TLS)
	if err != nil {
		return err
	}
	defer leave(ctx, c, session)
	if err = session.Forget(ctx, now.User(), keep); err == nil || unsure(ctx, err) || c.Master == nil {
		return err
	}
	master, err := d.asMaster(ctx, c, now)
	if err != nil {
		return fmt.Errorf("log in with the master: %w", err)
	}
	defer leave(ctx, c, master)
	return master.Forget(ctx, now.User(), keep)
}
