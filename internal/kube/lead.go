package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// LeaseOptions say which Lease replicas lead by.
type LeaseOptions struct {
	// Namespace is where the Lease is. Empty: the cluster's own Namespace.
	Namespace string
	// Name of the Lease. It must be given.
	Name string
	// Identity is what the Lease calls this replica. It gets an ending by chance, so that no two are the same. Empty: the host's name.
	Identity string
	// Duration is for how long a leader that died keeps others from leading, in whole seconds, rounded up. Zero: 15 seconds.
	Duration time.Duration
	// Logger is told when this replica begins and ceases to lead, and when the Lease can't be read or written. Nil: nobody is told.
	Logger *slog.Logger
}

// Lead waits until this replica holds the Lease, runs do, and renews the Lease meanwhile. do's context ends when ctx does, and when the Lease was lost or could
// not be renewed for two thirds of its duration, which is before another replica takes it. Lead waits for do to return, keeps the Lease for as long as it is its
// own, and gives it up then, so that the next leads within two seconds. After a loss it waits to lead again.
//
// It returns nil when do returned by itself, the error of ctx when that ended, and a *store.Error where the first look at the Lease shows that it will never be
// ours: the cluster can't be opened, or refuses. Of a cluster that does not answer it waits for the return.
//
// The clocks of replicas don't matter: a Lease is free when its holder was not seen to renew it for as long as it lasts. Nothing is made safe by it all the
// same: a leader that was stopped for a while may still finish a write that it had begun. Writes of the tool can be repeated, and are not harmed by another
// replica's: the Lease saves work, it does not guard.
func (c *Cluster) Lead(ctx context.Context, o LeaseOptions, do func(ctx context.Context)) error {
	e, err := c.elector(o)
	if err != nil {
		return err
	}
	return e.lead(ctx, do)
}

func (e *elector) lead(ctx context.Context, do func(context.Context)) error {
	for first := true; ; first = false {
		if err := e.acquire(ctx, first); err != nil {
			return err
		}
		e.logger.Info("leading", "lease", e.lease.name, "identity", e.lease.identity)
		lost := e.hold(ctx, do)
		e.logger.Info("not leading any more", "lease", e.lease.name, "identity", e.lease.identity)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !lost {
			return nil
		}
	}
}

// elector leads by one Lease, one call after the other.
type elector struct {
	cluster  *Cluster
	lease    *lease
	logger   *slog.Logger
	every    time.Duration // between two looks, or renewals
	patience time.Duration // after the last renewal, before do has to stop
	renewed  time.Time     // when the last renewal that succeeded was begun
	said     string        // the last failure that was logged
}

func (c *Cluster) elector(o LeaseOptions) (*elector, error) {
	at := c.place()
	at.Namespace = cmp.Or(o.Namespace, c.Namespace())
	if o.Name == "" {
		return nil, &store.Error{Op: "lead", Place: at, Kind: store.ErrInvalid, Err: errors.New("a Lease without a name")}
	}
	if o.Duration <= 0 {
		o.Duration = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Identity == "" {
		o.Identity, _ = os.Hostname() // the ending tells replicas apart as well
	}
	seconds := int64((o.Duration + time.Second - 1) / time.Second)
	duration := time.Duration(seconds) * time.Second
	return &elector{
		cluster: c,
		lease:   &lease{place: at, name: o.Name, seconds: seconds, identity: o.Identity + "_" + uuid.NewString()},
		logger:  o.Logger, every: min(duration/6, 2*time.Second), patience: duration * 2 / 3,
	}, nil
}

// acquire waits until the Lease is ours.
func (e *elector) acquire(ctx context.Context, first bool) error {
	holder := ""
	for {
		took, err := e.try(ctx)
		if now := e.lease.seen.holder; !took && err == nil && now != holder {
			holder = now
			e.logger.Info("waiting to lead", "lease", e.lease.name, "holder", holder)
		}
		switch {
		case ctx.Err() != nil && took:
			e.giveUp(context.WithoutCancel(ctx), e.renewed.Add(e.patience))
			return ctx.Err()
		case ctx.Err() != nil:
			return ctx.Err()
		case took:
			return nil
		case first && hopeless(err):
			return err
		case err != nil:
			e.say(err)
		}
		first = first && err != nil
		if err := sleep(ctx, e.every); err != nil {
			return err
		}
	}
}

// try takes the Lease if it is free.
func (e *elector) try(ctx context.Context) (took bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	if e.lease.client == nil {
		client, err := e.cluster.Dynamic(ctx)
		if err != nil {
			return false, err
		}
		e.lease.client = client.Resource(leases).Namespace(e.lease.place.Namespace)
	}
	if err := e.lease.read(ctx); err != nil || !e.lease.free() {
		return false, err
	}
	e.renewed = time.Now()
	err = e.lease.write(ctx)
	if errors.Is(err, store.ErrConflict) {
		return false, nil // another one was faster
	}
	return err == nil, err
}

// hold runs do while the Lease is ours, and reports whether it was lost.
func (e *elector) hold(ctx context.Context, do func(context.Context)) (lost bool) {
	doing, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(doing)
	}()
	renewing := context.WithoutCancel(ctx) // also while do ends
	for {
		deadline := e.renewed.Add(e.patience)
		select {
		case <-done:
			e.giveUp(renewing, deadline)
			return false
		case <-time.After(min(e.every, time.Until(deadline))):
		}
		began := time.Now()
		ours, err := e.renew(renewing, deadline)
		switch {
		case ours:
			e.renewed = began
			continue
		case err == nil:
			err = fmt.Errorf("it is %q's", e.lease.seen.holder)
		case time.Now().Before(deadline):
			e.say(err)
			continue
		}
		e.say(err)
		stop()
		<-done
		return true
	}
}

// giveUp lets the next lead. Where that fails, the next waits for as long as the Lease lasts.
func (e *elector) giveUp(ctx context.Context, deadline time.Time) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	err := e.lease.release(ctx)
	if errors.Is(err, store.ErrConflict) {
		if err = e.lease.read(ctx); err == nil && e.lease.ours() {
			err = e.lease.release(ctx)
		}
	}
	if err != nil {
		e.say(err)
	}
}

// renew renews the Lease until the deadline at most. It reports whether the Lease is still ours. A Lease that was written past its holder, by somebody who
// labels it for one, is read again; one that was deleted is not ours any more.
func (e *elector) renew(ctx context.Context, deadline time.Time) (ours bool, err error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for range 3 {
		err = e.lease.write(ctx)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		if err = e.lease.read(ctx); err != nil {
			return false, err
		}
		if !e.lease.ours() {
			return false, nil
		}
	}
	return false, err
}

// say logs a failure, once until there is another one.
func (e *elector) say(err error) {
	if text := err.Error(); text != e.said {
		e.said = text
		e.logger.Warn("the Lease can't be had", "lease", e.lease.name, "err", err)
	}
}

// hopeless reports whether waiting does not mend an error.
func hopeless(err error) bool {
	for _, kind := range []error{store.ErrNotPermitted, store.ErrCredentials, store.ErrInvalid, store.ErrUnwritable, store.ErrBadName} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
