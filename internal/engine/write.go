package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// unit is one source secret, and all steps that it leads to.
type unit struct {
	view    *view
	meta    *secret.Meta
	steps   []*step
	version secret.Version // the value's
	value   secret.Value
}

// write groups steps by source, and works through batches of sources: those that need a value as many as one read fetches.
func (a *applier) write(ctx context.Context, steps []*step) {
	index := map[sourceKey]*unit{}
	var valued, plain []*unit
	for _, st := range steps {
		key := sourceKey{st.want.Rule.From, st.want.Source.Name}
		u := index[key]
		if u == nil {
			u = &unit{view: a.run.views[st.want.Rule.From], meta: st.want.Source}
			index[key] = u
		}
		u.steps = append(u.steps, st)
	}
	for _, u := range index {
		if slices.ContainsFunc(u.steps, func(st *step) bool { return st.Action != plan.Metadata }) {
			valued = append(valued, u)
		} else {
			plain = append(plain, u)
		}
	}
	batches := a.batches(valued)
	each(ctx, len(batches), batchesAtOnce, func(i int) { a.batch(ctx, batches[i]) })
	each(ctx, len(plain), batchesAtOnce*writesAtOnce, func(i int) { a.metadata(ctx, plain[i]) })
	for _, st := range steps {
		a.skipUnlessDone(st)
	}
}

func (a *applier) skipUnlessDone(st *step) {
	a.out.mu.Lock()
	_, done := a.out.of[st]
	a.out.mu.Unlock()
	if !done {
		a.out.set(st, Skipped, errors.New("interrupted before it was begun"))
	}
}

// batches sorts units by source and name and cuts them into what one read of their source fetches.
func (a *applier) batches(units []*unit) [][]*unit {
	slices.SortFunc(units, func(x, y *unit) int {
		if c := compareNames(secret.Name(x.view.name), secret.Name(y.view.name)); c != 0 {
			return c
		}
		return compareNames(x.meta.Name, y.meta.Name)
	})
	var all [][]*unit
	for len(units) > 0 {
		v := units[0].view
		n := 1
		for n < len(units) && units[n].view == v && n < v.source.BatchSize() {
			n++
		}
		all = append(all, units[:n])
		units = units[n:]
	}
	return all
}

// batch reads the values of some secrets of one source and writes their copies.
func (a *applier) batch(ctx context.Context, units []*unit) {
	names := make([]secret.Name, len(units))
	for i, u := range units {
		names[i] = u.meta.Name
	}
	readings := units[0].view.source.Read(ctx, names)
	var writers crew
	for i, u := range units {
		if err := readings[i].Err; err != nil {
			if ctx.Err() == nil {
				a.out.unread()
				for _, st := range u.steps {
					a.fail(st, fmt.Errorf("its value could not be read: %w", err))
					a.progress.add()
				}
			}
			continue
		}
		u.version, u.value = readings[i].Version, readings[i].Value
		writers.Go(func() {
			a.unit(ctx, u)
			u.value.Wipe()
			u.value = secret.Value{}
		})
	}
	writers.Wait()
}

func (a *applier) failAll(u *unit, err error) {
	for _, st := range u.steps {
		a.out.set(st, Failed, err)
		a.progress.add()
	}
}

// unit writes every copy of one secret, then makes sure that the source did not move meanwhile.
func (a *applier) unit(ctx context.Context, u *unit) {
	if a.run.exact && u.version != u.meta.Version {
		a.failAll(u, fmt.Errorf("stale plan: the source is at version %s now; make a new plan", u.version))
		return
	}
	if u.version != u.meta.Version { // the listing is behind: its tags and its description may be too
		if now, err := u.view.source.Stat(ctx, u.meta.Name); err == nil && now.Deleted.IsZero() {
			u.meta = &now
		}
	}
	written := a.writeAll(ctx, u, u.steps)
	for range rewrites {
		if !slices.ContainsFunc(written, func(st *step) bool { return st.Action != plan.Create }) || ctx.Err() != nil {
			return
		}
		if !a.moved(context.WithoutCancel(ctx), u) {
			return
		}
		written = a.writeAll(ctx, u, written)
	}
}

// moved describes the source once, or reads it where that is denied, and takes over what it says where it is at another version than was written.
func (a *applier) moved(ctx context.Context, u *unit) bool {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	now, err := u.view.source.Stat(ctx, u.meta.Name)
	switch {
	case errors.Is(err, store.ErrNotPermitted):
		now = *u.meta // the value alone has to tell
	case err != nil || !now.Deleted.IsZero() || now.Version == u.version:
		return false // what is wrong with the source, the next run sees
	}
	reading := u.view.source.Read(ctx, []secret.Name{u.meta.Name})[0]
	if reading.Err != nil {
		a.out.unread()
		return false
	}
	if reading.Version == u.version {
		reading.Value.Wipe()
		return false
	}
	u.meta, u.version, u.value = &now, reading.Version, reading.Value
	return true
}

// metadata writes what beside the value differs, from what the source says now.
func (a *applier) metadata(ctx context.Context, u *unit) {
	now, err := u.view.source.Stat(ctx, u.meta.Name)
	switch {
	case err != nil && ctx.Err() != nil:
		return
	case errors.Is(err, store.ErrNotPermitted):
		now = *u.meta // the listing has to do
	case err != nil:
		a.out.unread()
		a.failAll(u, fmt.Errorf("its source could not be described: %w", err))
		return
	}
	if a.run.exact && now.Version != u.meta.Version {
		a.failAll(u, fmt.Errorf("stale plan: the source is at version %s now; make a new plan", now.Version))
		return
	}
	u.meta = &now
	a.writeAll(ctx, u, u.steps)
}

// writeAll writes steps of a unit, in parallel over targets, and returns those that were applied.
func (a *applier) writeAll(ctx context.Context, u *unit, steps []*step) []*step {
	done := make([]bool, len(steps))
	var writers crew
	for i, st := range steps {
		writers.Go(func() { done[i] = a.one(ctx, u, st) })
	}
	writers.Wait()
	var applied []*step
	for i, st := range steps {
		if done[i] {
			applied = append(applied, st)
		}
	}
	return applied
}

// one writes one copy. A write that was begun is finished, whatever becomes of ctx.
func (a *applier) one(ctx context.Context, u *unit, st *step) bool {
	g := a.targets[*st.Target]
	select {
	case <-ctx.Done():
		return false
	case g.slots <- struct{}{}:
	}
	defer func() { <-g.slots }()
	if ctx.Err() != nil {
		return false
	}
	defer a.progress.add()
	if err := g.verify(); err != nil {
		a.fail(st, err)
		return false
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	c, err := st.dest.Write(within, a.engine.writeOf(a.run.Plan.Owner, u, st))
	if err != nil {
		a.fail(st, err)
		return false
	}
	st.have = &c
	if u.version != "" {
		st.Source.Version = u.version
	}
	a.out.set(st, Applied, nil)
	return true
}

// writeOf says what the copy of a step shall be, now that its source was read.
func (e *Engine) writeOf(owner secret.Owner, u *unit, st *step) store.Write {
	want := &plan.Want{Rule: st.want.Rule, Source: u.meta, Name: st.want.Name}
	w := store.Write{
		Name: st.Name, Have: st.have, Value: u.value, Mark: want.Mark(owner, st.have),
		Description: u.meta.Description, Tags: want.OwnTags(), Key: e.set.Stores[st.Target.Store].Key(), Restore: st.Action == plan.Restore,
	}
	if u.version != "" {
		w.Versions = secret.Tokens(owner, secret.Input{Identity: u.meta.Identity, Version: u.version, Created: u.meta.Created})
	}
	return w
}

func (a *applier) fail(st *step, err error) {
	outcome := Failed
	switch {
	case errors.Is(err, store.ErrTooLarge), errors.Is(err, store.ErrScheduled), errors.Is(err, store.ErrNotPermitted), errors.Is(err, store.ErrWrongAccount),
		errors.Is(err, store.ErrBadName), errors.Is(err, store.ErrTooManyTags):
		outcome, st.Reason = Refused, reasonOf(err)
	case errors.Is(err, store.ErrInvalid):
		outcome = Refused
	}
	a.out.set(st, outcome, err)
}
