package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/rollout"
	"github.com/secretsync-dev/secretsync/internal/rotate"
	engines "github.com/secretsync-dev/secretsync/internal/rotate/all"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// rotation is one secret of a session that is rotated, and what follows when it was.
type rotation struct {
	app     *app
	session *session
	ref     store.Ref
	entry   *config.Rotation // nil: the configuration has none
	secret  rotate.Secret
	rotator *rotate.Rotator
}

// rotator returns what rotates the secrets of a session.
func (a *app) rotator(s *session) *rotate.Rotator {
	return &rotate.Rotator{Engines: engines.Engines(engines.Options{Log: a.log}), Owner: s.file.Owner, Log: a.log}
}

// rotation opens a secret for rotation.
func (a *app) rotation(ctx context.Context, s *session, ref store.Ref) (*rotation, error) {
	rotatable, err := wire.Rotatable(ctx, s.file, s.stores, ref)
	if err != nil {
		return nil, err
	}
	return &rotation{app: a, session: s, ref: ref, entry: wire.RotationOf(s.file, ref), secret: rotatable, rotator: a.rotator(s)}, nil
}

// waveReport is what became of one wave, and of the copies in it.
type waveReport struct {
	rollout.Report
	Copies *engine.Report `json:"report,omitempty"`
}

// follow brings a secret that was changed to its copies, wave by wave, through an engine, and does what follows each. The error says why not all of it was done.
func (r *rotation) follow(ctx context.Context, e *engine.Engine, o engine.Options) ([]waveReport, error) {
	setup, hint, err := r.rollout(ctx)
	if err != nil {
		return nil, err
	}
	o.Hints = []event.Hint{hint}
	var runs []*engine.Report
	done, err := rollout.Roll(ctx, setup, wire.Waves(r.entry), func(ctx context.Context, match func(plan.Target) bool) (int, error) {
		o := o
		o.Targets = match
		run, err := e.Plan(ctx, o)
		if err != nil {
			runs = append(runs, nil)
			return 0, err
		}
		report := e.Apply(ctx, run)
		runs = append(runs, report)
		return applied(report), unfinished(report)
	})
	all := make([]waveReport, len(done))
	for i := range done {
		all[i].Report = done[i]
		if i < len(runs) {
			all[i].Copies = runs[i]
		}
	}
	return all, err
}

// rollout returns what the waves work with, and the hint by which copies of the secret are found.
func (r *rotation) rollout(ctx context.Context) (rollout.Setup, event.Hint, error) {
	at, err := r.secret.At.Place(ctx)
	if err != nil {
		return rollout.Setup{}, event.Hint{}, err
	}
	stages, err := r.secret.At.Stages(ctx, r.ref.Secret)
	if err != nil {
		return rollout.Setup{}, event.Hint{}, err
	}
	setup := rollout.Setup{
		Store: r.ref.Store, Name: r.ref.Secret, Version: stages.Current, Since: stages.Since, AWS: r.session.factory, Log: r.app.log,
		Login: func(ctx context.Context) error { return r.rotator.Check(ctx, r.secret) },
	}
	return setup, event.Hint{Kind: at.Kind, Account: at.Account, Region: at.Region, Names: []secret.Name{r.ref.Secret}}, nil
}

// applied counts the copies that a run wrote.
func applied(r *engine.Report) (n int) {
	for i := range r.Changes {
		if r.Changes[i].Outcome == engine.Applied {
			n++
		}
	}
	return n
}

// errCopies says that copies are not as they are wanted: which, and why, is in their report.
var errCopies = errors.New("not all copies were written")

// unfinished returns why what uses copies must not be touched yet. A refusal stood before: it holds nothing up.
func unfinished(r *engine.Report) error {
	if r.Interrupted || r.Unfinished() {
		return errCopies
	}
	return nil
}

// age returns when a secret was rotated last, and whether a rotation of it was begun and not finished.
func (r *rotation) age(ctx context.Context) (last time.Time, begun bool, err error) {
	stages, err := r.secret.At.Stages(ctx, r.ref.Secret)
	if err != nil {
		return time.Time{}, false, err
	}
	if stages.By != "" {
		return time.Time{}, false, fmt.Errorf("rotate %q: %w: it is rotated by %s: take it out of rotations, or take its own rotation off", string(r.ref.Secret), store.ErrInvalid, stages.By)
	}
	return stages.Since, stages.Pending != "", nil
}

// chooseSecret returns the secret that a name means: the one that the configuration rotates, else that of the store that is meant.
func chooseSecret(s *session, name secret.Name, in secret.StoreName) (store.Ref, error) {
	var entries []secret.StoreName
	for _, r := range s.file.Rotations {
		if r.Secret == name && (in == "" || r.Store == in) {
			entries = append(entries, r.Store)
		}
	}
	switch {
	case len(entries) > 1:
		return store.Ref{}, fmt.Errorf("secret %q is rotated in several stores: say which is meant with --store: %s", string(name), listed(entries))
	case len(entries) == 1:
		return store.Ref{Store: entries[0], Secret: name}, nil
	}
	chosen, err := chooseStore(s.file, s.stores, in)
	if err == nil && slices.ContainsFunc(s.protected, func(n secret.Name) bool { return n == name }) {
		err = fmt.Errorf("secret %q is the configuration itself: it is not rotated", string(name))
	}
	return store.Ref{Store: chosen, Secret: name}, err
}
