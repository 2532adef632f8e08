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
	"github.com/secretsync-dev/secretsync/internal/notify"
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
	rotatable, err := wire.Rotatable(ctx, s.file, s.stores, s.protected, ref)
	if err != nil {
		return nil, err
	}
	return &rotation{app: a, session: s, ref: ref, entry: wire.RotationOf(ctx, s.file, s.stores, ref), secret: rotatable, rotator: a.rotator(s)}, nil
}

// waveReport is what became of one wave, and of the copies in it.
type waveReport struct {
	rollout.Report
	Copies *engine.Report `json:"report,omitempty"`
}

// manner is how what follows a change is done.
type manner struct {
	again bool // nobody knows of anything that is left to be done
	once  bool // a gate that is known to be shut is looked at once
}

// follow brings a secret that was changed to its copies, wave by wave, through an engine, and does what follows each. The error says why not all of it was done.
// A secret that is waiting for its deletion is left alone: what uses it could not read it any more.
func (r *rotation) follow(ctx context.Context, e *engine.Engine, m manner) ([]waveReport, error) {
	hint, err := r.hint(ctx)
	if err != nil {
		return nil, err
	}
	stages, err := r.secret.At.Stages(ctx, r.ref.Secret)
	if err != nil || !stages.Meta.Deleted.IsZero() {
		return nil, err
	}
	settled := false
	if m.again {
		run, err := e.Plan(ctx, engine.Options{Hints: []event.Hint{hint}})
		if err != nil {
			return nil, err
		}
		settled = run.Plan.Summary.Writes() == 0
	}
	setup := rollout.Setup{
		Store: r.ref.Store, Name: r.ref.Secret, Version: stages.Current, Since: stages.Since, Again: m.again, Settled: settled, Once: m.once, AWS: r.session.factory, Log: r.app.log,
		Login: func(ctx context.Context) error { return r.rotator.Check(ctx, r.secret) },
	}
	var runs []*engine.Report
	waves := wire.Waves(r.entry)
	done, err := rollout.Roll(ctx, setup, waves, func(ctx context.Context, match func(plan.Target) bool) (rollout.Written, error) {
		run, err := e.Plan(ctx, engine.Options{Hints: []event.Hint{hint}, Targets: match})
		if err != nil {
			runs = append(runs, nil)
			return rollout.Written{}, err
		}
		report := e.Apply(ctx, run)
		runs = append(runs, report)
		return rollout.Written{Copies: written(report), Changed: run.Changed()}, unfinished(report, len(runs) == len(waves))
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

// written counts the copies that a run gave another value.
func written(r *engine.Report) (n int) {
	for i := range r.Changes {
		switch c := &r.Changes[i]; c.Action {
		case plan.Create, plan.Update, plan.Restore:
			if c.Outcome == engine.Applied {
				n++
			}
		}
	}
	return n
}

// errCopies says that copies are not as they are wanted: which, and why, is in their report.
var errCopies = errors.New("not all copies were written")

// unfinished returns why what uses copies must not be touched yet. A refusal stood before, and holds up nothing but the waves that go by this one.
func unfinished(r *engine.Report, last bool) error {
	if r.Interrupted || r.Unfinished() || !last && r.NotAsWanted() {
		return errCopies
	}
	return nil
}

// behind reports whether copies hold what was current before: what follows the last rotation was not finished. Whoever rotated anew would change what they still need.
func (r *rotation) behind(ctx context.Context, e *engine.Engine) (bool, error) {
	hint, err := r.hint(ctx)
	if err != nil {
		return false, err
	}
	run, err := e.Plan(ctx, engine.Options{Hints: []event.Hint{hint}})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(run.Plan.Changes, func(c plan.Change) bool { return c.Action == plan.Update && c.Reason == plan.NewVersion }), nil
}

// hint is that by which the copies of the secret are found.
func (r *rotation) hint(ctx context.Context) (event.Hint, error) {
	at, err := r.secret.At.Place(ctx)
	return event.Hint{Kind: at.Kind, Account: at.Account, Region: at.Region, Names: []secret.Name{r.ref.Secret}}, err
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

// failedRotation is a rotation, or what follows one, that failed, as messages tell it. reason says what: a step, or afterwards.
func (a *app) failedRotation(s *session, ref store.Ref, reason string, err error) notify.Message {
	return notify.Message{
		Version: 1, Owner: string(s.file.Owner), Time: time.Now().UTC(), Outcome: notify.Failed, Syncs: []string{}, Summary: notify.Summary{Failed: 1},
		Failures: []notify.Failure{{
			Source: nameOf(ref), Name: string(ref.Secret), Action: string(rotating), Outcome: string(engine.Failed), Reason: reason, Error: err.Error(),
		}},
	}
}

// How messages and reports of unattended runs call a rotation, and what follows one.
const (
	rotating   plan.Action = "rotate"
	afterwards plan.Reason = "after"
)

// nameOf names a secret in its store: "hub rds/app".
func nameOf(ref store.Ref) string { return string(ref.Store) + " " + string(ref.Secret) }

// failedStep names the step that a rotation ended in.
func failedStep(r *rotate.Report) string {
	for _, s := range r.Steps {
		if s.Error != "" {
			return string(s.Step)
		}
	}
	return "not begun"
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
	return store.Ref{Store: chosen, Secret: name}, err
}
