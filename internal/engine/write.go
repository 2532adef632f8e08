package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/shape"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// unit is what one copy is made of, one source secret or several, and all steps that it leads to.
type unit struct {
	view   *view
	inputs []input
	steps  []*step
}

// input is one source. Once it was read, its meta's version is the value's.
type input struct {
	meta  *secret.Meta
	value secret.Value
}

func (u *unit) wipe() {
	for i := range u.inputs {
		u.inputs[i].value.Wipe()
		u.inputs[i].value = secret.Value{}
	}
}

// write groups steps by source, and works through batches of sources: those that need a value as many as one read fetches.
func (a *applier) write(ctx context.Context, steps []*step) {
	index := map[sourceKey]*unit{}
	var valued, plain []*unit
	for _, st := range steps {
		key := unitKey(st.want)
		u := index[key]
		if u == nil {
			u = &unit{view: a.run.views[st.want.Rule.From]}
			for _, m := range st.want.Sources() {
				u.inputs = append(u.inputs, input{meta: m})
			}
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

// unitKey stands for the sources of a want.
func unitKey(w *plan.Want) sourceKey {
	var names []string
	for _, m := range w.Sources() {
		names = append(names, string(m.Name))
	}
	return sourceKey{w.Rule.From, secret.Name(strings.Join(names, "\x00"))} // which no name has in it
}

var errInterrupted = errors.New("interrupted before it was begun")

func (a *applier) skipUnlessDone(st *step) {
	a.out.mu.Lock()
	_, done := a.out.of[st]
	a.out.mu.Unlock()
	if !done {
		a.out.set(st, Skipped, errInterrupted)
	}
}

// batches sorts units by source and name and cuts them into what one read of their source fetches.
func (a *applier) batches(units []*unit) [][]*unit {
	slices.SortFunc(units, func(x, y *unit) int {
		if c := compareNames(secret.Name(x.view.name), secret.Name(y.view.name)); c != 0 {
			return c
		}
		return compareNames(x.inputs[0].meta.Name, y.inputs[0].meta.Name)
	})
	var all [][]*unit
	for len(units) > 0 {
		v := units[0].view
		n, names := 1, len(units[0].inputs)
		for n < len(units) && units[n].view == v && names+len(units[n].inputs) <= v.source.BatchSize() {
			names += len(units[n].inputs)
			n++
		}
		all = append(all, units[:n])
		units = units[n:]
	}
	return all
}

// batch reads the values of some secrets of one source and writes their copies.
func (a *applier) batch(ctx context.Context, units []*unit) {
	var names []secret.Name
	for _, u := range units {
		for _, in := range u.inputs {
			names = append(names, in.meta.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	readings := map[secret.Name]store.Reading{}
	for i, r := range units[0].view.source.Read(ctx, names) {
		readings[names[i]] = r
		defer r.Value.Wipe()
	}
	var writers crew
	for _, u := range units {
		read := make([]store.Reading, len(u.inputs))
		for i, in := range u.inputs {
			read[i] = readings[in.meta.Name]
			read[i].Value = read[i].Value.Clone() // every unit wipes its own
		}
		if i := slices.IndexFunc(read, func(r store.Reading) bool { return r.Err != nil }); i >= 0 {
			for _, r := range read {
				r.Value.Wipe()
			}
			if ctx.Err() == nil {
				if !errors.Is(read[i].Err, store.ErrBadValue) { // that one was read
					a.out.unread()
				}
				for _, st := range u.steps {
					a.fail(st, fmt.Errorf("its value could not be read: %w", read[i].Err))
					a.progress.add()
				}
			}
			continue
		}
		writers.Go(func() {
			a.unit(ctx, u, read)
			u.wipe()
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

// unit writes every copy of what was read, then makes sure that the source did not move meanwhile.
func (a *applier) unit(ctx context.Context, u *unit, read []store.Reading) {
	for i, r := range read {
		in := &u.inputs[i]
		in.value = r.Value
		if r.Version == in.meta.Version {
			continue
		}
		if a.run.exact {
			a.failAll(u, fmt.Errorf("stale plan: the source %q is at version %s now; make a new plan", in.meta.Name, r.Version))
			return
		}
		// The listing is behind: its tags and its description may be too.
		now, err := u.view.source.Stat(ctx, in.meta.Name)
		if err != nil || !now.Deleted.IsZero() {
			now = *in.meta
		}
		now.Version = r.Version
		in.meta = &now
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

// moved looks at every source once more, and takes over what it says where it is at another version than was written.
func (a *applier) moved(ctx context.Context, u *unit) bool {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	moved := false
	for i := range u.inputs {
		moved = a.follow(ctx, u.view.source, &u.inputs[i]) || moved
	}
	return moved
}

// follow describes a source once, or reads it where that is denied.
func (a *applier) follow(ctx context.Context, source store.Source, in *input) bool {
	now, err := source.Stat(ctx, in.meta.Name)
	switch {
	case errors.Is(err, store.ErrNotPermitted):
		now = *in.meta // the value alone has to tell
	case err != nil || !now.Deleted.IsZero() || now.Version == in.meta.Version:
		return false // what is wrong with the source, the next run sees
	}
	reading := source.Read(ctx, []secret.Name{in.meta.Name})[0]
	if reading.Err != nil {
		a.out.unread()
		return false
	}
	if reading.Version == in.meta.Version {
		reading.Value.Wipe()
		return false
	}
	in.value.Wipe()
	now.Version = reading.Version
	in.meta, in.value = &now, reading.Value
	return true
}

// metadata writes what beside the value differs, from what the source says now.
func (a *applier) metadata(ctx context.Context, u *unit) {
	for i := range u.inputs {
		in := &u.inputs[i]
		now, err := u.view.source.Stat(ctx, in.meta.Name)
		switch {
		case err != nil && ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrNotPermitted):
			now = *in.meta // the listing has to do
		case err != nil:
			a.out.unread()
			a.failAll(u, fmt.Errorf("its source could not be described: %w", err))
			return
		}
		if a.run.exact && now.Version != in.meta.Version {
			a.failAll(u, fmt.Errorf("stale plan: the source %q is at version %s now; make a new plan", in.meta.Name, now.Version))
			return
		}
		in.meta = &now
	}
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
	defer g.enter(a.engine.set.Now)()
	if err := g.verify(); err != nil {
		a.fail(st, err)
		return false
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	w, want, err := a.writeOf(u, st)
	if err != nil {
		a.fail(st, err)
		return false
	}
	c, err := st.dest.Write(within, w)
	if !want.Shape.AsIs() {
		w.Value.Wipe()
	}
	if err != nil {
		a.fail(st, err)
		return false
	}
	st.have = &c
	if !w.Value.IsZero() {
		st.Source.Version = want.Ref().Version
	}
	a.out.set(st, Applied, nil)
	return true
}

// writeOf says what the copy of a step shall be, now that its sources were read.
func (a *applier) writeOf(u *unit, st *step) (store.Write, *plan.Want, error) {
	want, owner, stores := *st.want, a.run.Plan.Owner, a.engine.set.Stores
	want.Source = u.inputs[0].meta
	if want.Inputs != nil {
		want.Inputs = make([]*secret.Meta, len(u.inputs))
		for i, in := range u.inputs {
			want.Inputs[i] = in.meta
		}
	}
	w := store.Write{
		Name: st.Name, Have: st.have, Mark: want.Mark(owner, st.have), Key: stores[st.Target.Store].Key(), Restore: st.Action == plan.Restore,
	}
	w.Type = typeOf(&want)
	traits := stores[st.Target.Store].Traits()
	if traits.Tags {
		w.Tags = want.OwnTags()
	}
	if traits.Description {
		w.Description = want.Description()
	}
	if u.inputs[0].value.IsZero() {
		return w, &want, nil
	}
	w.Versions = want.Tokens(owner)
	var err error
	w.Value, err = a.run.ways[want.Route].value(u.inputs, want.Key)
	return w, &want, err
}

func (a *applier) fail(st *step, err error) {
	outcome := Failed
	switch {
	case errors.Is(err, shape.ErrValue), errors.Is(err, store.ErrBadValue), errors.Is(err, store.ErrTooLarge), errors.Is(err, store.ErrScheduled), errors.Is(err, store.ErrNotPermitted), errors.Is(err, store.ErrWrongAccount),
		errors.Is(err, store.ErrBadName), errors.Is(err, store.ErrTooManyTags), errors.Is(err, store.ErrUnwritable):
		outcome, st.Reason = Refused, reasonOf(err)
	case errors.Is(err, store.ErrInvalid):
		outcome = Refused
	}
	a.out.set(st, outcome, err)
}
