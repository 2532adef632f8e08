package cli

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// followed is what a process knows of what follows changes of secrets with waves. The zero followed is that of a process that has just begun: it knows nothing of what another left undone.
// It is safe for concurrent use.
type followed struct {
	mu     sync.Mutex
	turns  map[store.Ref]*sync.Mutex // one at a time for one secret
	owed   map[store.Ref]bool        // what follows was not all done
	looked bool                      // at all of them once
}

// turn waits until nobody else does what follows a change of a secret, and returns how to end the turn.
func (f *followed) turn(ref store.Ref) (end func()) {
	f.mu.Lock()
	if f.turns == nil {
		f.turns, f.owed = map[store.Ref]*sync.Mutex{}, map[store.Ref]bool{}
	}
	if f.turns[ref] == nil {
		f.turns[ref] = &sync.Mutex{}
	}
	one := f.turns[ref]
	f.mu.Unlock()
	one.Lock()
	return one.Unlock
}

// first reports whether nothing was looked at yet.
func (f *followed) first() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := !f.looked
	f.looked = true
	return first
}

func (f *followed) owes(ref store.Ref) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.owed[ref]
}

func (f *followed) owe(ref store.Ref, owes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owed[ref] = owes
}

// waved returns the entry of a secret whose changes go to their targets in waves, or have something that follows; nil: there is nothing.
func (u *unattended) waved(ctx context.Context, ref store.Ref) *config.Rotation {
	entry := wire.RotationOf(ctx, u.session.file, u.session.stores, ref)
	if entry == nil || len(entry.After) == 0 {
		return nil
	}
	return entry
}

// held returns what an engine leaves to waves; nil where the configuration has none.
func (u *unattended) held(ctx context.Context) func(store.Ref) bool {
	if !slices.ContainsFunc(u.session.file.Rotations, func(r config.Rotation) bool { return len(r.After) > 0 }) {
		return nil
	}
	return func(ref store.Ref) bool { return u.waved(ctx, ref) != nil }
}

// followAll brings to their copies, in waves, the secrets that a run held; those that an event is about, as what follows their copies may be missing although these are written; by a run that
// looks at everything also those after whose change something is left to be done, and the first time all, as nobody knows what an earlier process left undone. report gets what became of it.
func (u *unattended) followAll(ctx context.Context, job daemon.Job, held []store.Ref, report *engine.Report) {
	first := job.Hints == nil && job.Only == nil && u.past.followed.first()
	for _, r := range u.session.file.Rotations {
		ref := store.Ref{Store: r.Store, Secret: r.Secret}
		if len(r.After) == 0 || slices.ContainsFunc(held, func(h store.Ref) bool {
			return h.Secret == ref.Secret && u.waved(ctx, h) == wire.RotationOf(ctx, u.session.file, u.session.stores, ref)
		}) {
			continue
		}
		if first || job.Hints == nil && u.past.followed.owes(ref) || u.hinted(ctx, job, ref) {
			held = append(held, ref)
		}
	}
	for _, ref := range held {
		_ = u.follow(ctx, u.own(ctx, ref), manner{again: true}, report) // which says so in the report
	}
}

// own returns a secret as its entry in rotations names it.
func (u *unattended) own(ctx context.Context, ref store.Ref) store.Ref {
	if entry := u.waved(ctx, ref); entry != nil {
		return store.Ref{Store: entry.Store, Secret: entry.Secret}
	}
	return ref
}

// hinted reports whether an event is about a secret.
func (u *unattended) hinted(ctx context.Context, job daemon.Job, ref store.Ref) bool {
	return slices.ContainsFunc(job.Hints, func(h event.Hint) bool {
		if !slices.Contains(h.Names, ref.Secret) {
			return false
		}
		at, err := u.session.stores[ref.Store].Home(ctx)
		return err == nil && h.At(at)
	})
}

// follow brings a secret to its copies in waves, and adds what became of them, and what failed after them, to a report. A secret that is gone has no copies to be written.
func (u *unattended) follow(ctx context.Context, ref store.Ref, m manner, report *engine.Report) error {
	defer u.past.followed.turn(ref)()
	if u.past.followed.owes(ref) {
		m = manner{once: m.again}
	}
	r, err := u.app.rotation(ctx, u.session, ref)
	var waves []waveReport
	if err == nil {
		waves, err = r.follow(ctx, u.engine.Load(), m)
	}
	for _, w := range waves {
		if w.Copies != nil {
			report.Add(w.Copies)
		}
	}
	if errors.Is(err, store.ErrNotFound) && len(waves) == 0 {
		err = nil
	}
	u.past.followed.owe(ref, err != nil)
	switch {
	case ctx.Err() != nil:
		report.Interrupted = true
	case err != nil && !errors.Is(err, errCopies):
		report.Changes = append(report.Changes, engine.Result{Outcome: engine.Failed, Error: err.Error(), Change: plan.Change{
			Action: rotating, Reason: afterwards, Source: plan.SourceRef{Store: ref.Store, Name: ref.Secret}, Name: ref.Secret,
		}})
		report.Summary.Failed++
	}
	return err
}
