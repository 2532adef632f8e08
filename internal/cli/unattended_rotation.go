package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/notify"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// rotations returns the secrets that are rotated unattended.
func (u *unattended) rotations() (all []daemon.Rotation) {
	f := u.session.file
	for i := range f.Rotations {
		entry := &f.Rotations[i]
		ref := store.Ref{Store: entry.Store, Secret: entry.Secret}
		r := daemon.Rotation{
			Name: string(ref.Store) + " " + string(ref.Secret), Secret: ref.Secret, Every: entry.Every, Schedule: entry.Schedule, Digest: digestOf(f, entry),
			Last: func(ctx context.Context) (time.Time, bool, error) {
				r, err := u.app.rotation(ctx, u.session, ref)
				if err != nil {
					return time.Time{}, false, err
				}
				last, begun, err := r.age(ctx)
				return last, begun || u.past.owed.has(ref), err
			},
			Rotate: func(ctx context.Context) error { return u.rotate(ctx, ref) },
		}
		if w := entry.Window; w != nil {
			r.Window = &daemon.Window{From: w.From, To: w.To, Days: w.Days}
		}
		all = append(all, r)
	}
	return all
}

// digestOf stands for all that a rotation depends on.
func digestOf(f *config.File, entry *config.Rotation) string {
	data, err := json.Marshal(entry) //nolint:gosec // what is called Secret is a name
	if err != nil {
		return "" // plain structs: can't happen
	}
	sum := sha256.Sum256(append(data, f.Digest...))
	return hex.EncodeToString(sum[:])
}

// owed are the secrets that were rotated, and after which not all was done that follows. It is safe for concurrent use.
type owed struct {
	mu  sync.Mutex
	all map[store.Ref]bool
}

func (o *owed) has(ref store.Ref) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all[ref]
}

func (o *owed) set(ref store.Ref, owes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[store.Ref]bool{}
	}
	o.all[ref] = owes
}

// rotate rotates one secret, brings it to its copies, and tells of what failed. Where only what follows failed the last time, only that is done.
func (u *unattended) rotate(ctx context.Context, ref store.Ref) error {
	runID := newRunID()
	u.begin(runID, false)
	r, err := u.app.rotation(ctx, u.session, ref)
	if err != nil {
		u.tellRotation(ctx, runID, ref, "not begun", err)
		return err
	}
	if !u.past.owed.has(ref) {
		done, err := r.rotator.Rotate(ctx, r.secret)
		if err != nil {
			u.tellRotation(ctx, runID, ref, failedStep(&done), err)
			return err
		}
		u.tellRotation(ctx, runID, ref, "", nil)
	}
	all := &engine.Report{Version: engine.PlanVersion, Owner: u.session.file.Owner, MadeAt: time.Now().UTC()}
	err = u.follow(ctx, r, nil, all)
	u.past.owed.set(ref, err != nil)
	if err != nil && !errors.Is(err, errCopies) {
		all.Problems = append(all.Problems, afterwards(ref, err))
	}
	u.tellReport(ctx, daemon.Job{Hints: []event.Hint{{Names: []secret.Name{ref.Secret}}}}, runID, all)
	return err
}

// failedStep names the step that a rotation ended in.
func failedStep(r *rotate.Report) string {
	for _, s := range r.Steps {
		if s.Error != "" {
			return string(s.Step)
		}
	}
	return "not begun"
}

// tellRotation tells of a rotation that failed, or, where err is nil, that it does not fail any more.
func (u *unattended) tellRotation(ctx context.Context, runID string, ref store.Ref, step string, err error) {
	if ctx.Err() != nil {
		return
	}
	of := string(ref.Store) + " " + string(ref.Secret)
	m := notify.Message{Version: 1, Owner: string(u.session.file.Owner), Time: time.Now().UTC(), Outcome: notify.Resolved, Syncs: []string{}}
	if err != nil {
		m.Outcome, m.Summary.Failed = notify.Failed, 1
		m.Failures = []notify.Failure{{Source: of, Name: string(ref.Secret), Action: "rotate", Outcome: string(engine.Failed), Reason: step, Error: err.Error()}}
	}
	u.tell(ctx, runID, m, func(i notify.Item) bool { return i.Source == of && strings.Contains(i.What, " rotate ") })
}

// step does one step of a rotation that Secrets Manager drives. The copies follow by the event of its end.
func (u *unattended) step(ctx context.Context, s event.Step) error {
	at := secret.Place{Kind: s.Secret.Kind, Account: s.Secret.Account, Region: s.Secret.Region}
	in, err := wire.At(ctx, u.session.stores, at, "")
	if err != nil {
		return fmt.Errorf("rotate %q: %w", string(s.Secret.Names[0]), err)
	}
	u.begin(newRunID(), false)
	for _, name := range s.Secret.Names {
		var r *rotation
		if r, err = u.app.rotation(ctx, u.session, store.Ref{Store: in, Secret: name}); err != nil {
			return err
		}
		if driven, ok := r.secret.At.(store.DrivenRotation); ok && !s.RotationToken.IsZero() {
			r.secret.At = driven.Driven(s.RotationToken)
		}
		if err = r.rotator.Step(ctx, r.secret, rotate.Step(s.Step), s.Token); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return err
}

// waves returns the configured rotation of a secret whose changes go to their targets in waves; nil: it has none.
func (u *unattended) waves(ref store.Ref) *config.Rotation {
	if entry := wire.RotationOf(u.session.file, ref); entry != nil && len(entry.After) > 0 {
		return entry
	}
	return nil
}

// held returns what an engine leaves to waves; nil where the configuration has none.
func (u *unattended) held() func(store.Ref) bool {
	if !slices.ContainsFunc(u.session.file.Rotations, func(r config.Rotation) bool { return len(r.After) > 0 }) {
		return nil
	}
	return func(ref store.Ref) bool { return u.waves(ref) != nil }
}

// followAll brings to their copies, in waves, the secrets that a run held, and those that an event is about: what follows their copies may be missing although these are written.
func (u *unattended) followAll(ctx context.Context, job daemon.Job, held []store.Ref, report *engine.Report) {
	for _, r := range u.session.file.Rotations {
		ref := store.Ref{Store: r.Store, Secret: r.Secret}
		if len(r.After) > 0 && !slices.Contains(held, ref) && u.hinted(ctx, job, ref) {
			held = append(held, ref)
		}
	}
	for _, ref := range held {
		r, err := u.app.rotation(ctx, u.session, ref)
		if err == nil {
			err = u.follow(ctx, r, job.Syncs, report)
		}
		if err != nil && !errors.Is(err, errCopies) && !errors.Is(err, store.ErrNotFound) { // a secret that is gone has no copies to be written
			report.Problems = append(report.Problems, afterwards(ref, err))
		}
	}
}

// afterwards says that what follows a rotation was not done.
func afterwards(ref store.Ref, err error) plan.Problem {
	return plan.Problem{Error: fmt.Sprintf("secret %q: what follows a rotation: %v", string(ref.Secret), err)}
}

// hinted reports whether an event is about a secret.
func (u *unattended) hinted(ctx context.Context, job daemon.Job, ref store.Ref) bool {
	st := u.session.stores[ref.Store]
	return slices.ContainsFunc(job.Hints, func(h event.Hint) bool {
		if !slices.Contains(h.Names, ref.Secret) {
			return false
		}
		at, err := st.Home(ctx)
		return err == nil && h.At(at)
	})
}

// follow brings a secret to its copies in waves, and adds what became of them to a report.
func (u *unattended) follow(ctx context.Context, r *rotation, syncs []secret.SyncName, report *engine.Report) error {
	waves, err := r.follow(ctx, u.engine.Load(), engine.Options{Due: syncs})
	for _, w := range waves {
		if w.Copies != nil {
			report.Add(w.Copies)
		}
	}
	return err
}
