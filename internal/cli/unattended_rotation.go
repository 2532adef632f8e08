package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/notify"
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
			Name: nameOf(ref), Secret: ref.Secret, Every: entry.Every, Schedule: entry.Schedule, Digest: digestOf(f, entry),
			Last: func(ctx context.Context) (time.Time, bool, error) {
				r, err := u.app.rotation(ctx, u.session, ref)
				if err != nil {
					return time.Time{}, false, err
				}
				return r.age(ctx)
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

// rotate rotates one secret, brings it to its copies, and tells of what failed. What failed after the rotation is tried again by the next run.
func (u *unattended) rotate(ctx context.Context, ref store.Ref) error {
	runID := newRunID()
	u.begin(runID, false)
	r, err := u.app.rotation(ctx, u.session, ref)
	if err != nil {
		u.tellRotation(ctx, runID, ref, "not begun", err)
		return err
	}
	if err := u.caughtUp(ctx, runID, r); err != nil {
		return err
	}
	done, err := r.rotator.Rotate(ctx, r.secret)
	if err != nil {
		u.tellRotation(ctx, runID, ref, failedStep(&done), err)
		return err
	}
	u.tellRotation(ctx, runID, ref, "", nil)
	all := u.report(ctx)
	err = u.follow(ctx, ref, manner{}, all)
	u.tellReport(ctx, u.about(ref), runID, all)
	return err
}

// caughtUp makes sure that copies hold what is current before anything new is rotated. The error says why they don't, and has been told.
func (u *unattended) caughtUp(ctx context.Context, runID string, r *rotation) error {
	behind, err := r.behind(ctx, u.engine.Load())
	if err != nil {
		u.tellRotation(ctx, runID, r.ref, "not begun", err)
		return err
	}
	if !behind {
		return nil
	}
	all := u.report(ctx)
	err = u.follow(ctx, r.ref, manner{again: true}, all)
	u.tellReport(ctx, u.about(r.ref), runID, all)
	if err != nil {
		return fmt.Errorf("rotate %q: copies still hold what was current before: nothing new is rotated: %w", string(r.ref.Secret), err)
	}
	return nil
}

// report returns the report of what follows a rotation, which has nothing in it yet.
func (u *unattended) report(ctx context.Context) *engine.Report {
	return &engine.Report{Version: engine.PlanVersion, Owner: u.session.file.Owner, MadeAt: time.Now().UTC(), Interrupted: ctx.Err() != nil}
}

// about is a job that is about one secret.
func (u *unattended) about(ref store.Ref) daemon.Job {
	return daemon.Job{Hints: []event.Hint{{Names: []secret.Name{ref.Secret}}}}
}

// tellRotation tells of a rotation that failed, or, where err is nil, that it does not fail any more.
func (u *unattended) tellRotation(ctx context.Context, runID string, ref store.Ref, step string, err error) {
	if ctx.Err() != nil {
		return
	}
	m := notify.Message{Version: 1, Owner: string(u.session.file.Owner), Time: time.Now().UTC(), Outcome: notify.Resolved, Syncs: []string{}}
	if err != nil {
		m = u.app.failedRotation(u.session, ref, step, err)
	}
	u.tell(ctx, runID, m, func(i notify.Item) bool { return i.Source == nameOf(ref) && isRotation(i) })
}

// isRotation reports whether what failed is a rotation: runs of syncs don't look at these.
func isRotation(i notify.Item) bool {
	return strings.Contains(i.What, " "+string(rotating)+" ") && !strings.HasSuffix(i.What, " "+string(afterwards))
}

// step does one step of a rotation that Secrets Manager drives. The copies follow by the event of its end.
func (u *unattended) step(ctx context.Context, s event.Step) error {
	if len(s.Secret.Names) != 1 {
		return errors.New("rotate: the step names no secret")
	}
	ref, err := u.driven(ctx, s.Secret)
	if err != nil {
		return fmt.Errorf("rotate %q: %w", string(s.Secret.Names[0]), err)
	}
	u.begin(newRunID(), false)
	r, err := u.app.rotation(ctx, u.session, ref)
	if err != nil {
		return err
	}
	if driven, ok := r.secret.At.(store.DrivenRotation); ok && !s.RotationToken.IsZero() {
		r.secret.At = driven.Driven(s.RotationToken)
	}
	return r.rotator.Step(ctx, r.secret, rotate.Step(s.Step), s.Token)
}

// driven returns the secret of a step: in the store of its entry in rotations, else in any store of its place.
func (u *unattended) driven(ctx context.Context, h event.Hint) (store.Ref, error) {
	for _, r := range u.session.file.Rotations {
		if r.Secret != h.Names[0] {
			continue
		}
		if at, err := u.session.stores[r.Store].Home(ctx); err == nil && h.At(at) {
			return store.Ref{Store: r.Store, Secret: r.Secret}, nil
		}
	}
	in, err := wire.At(ctx, u.session.stores, secret.Place{Kind: h.Kind, Account: h.Account, Region: h.Region}, "")
	return store.Ref{Store: in, Secret: h.Names[0]}, err
}
