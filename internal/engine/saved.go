package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// StaleError says that what a saved plan was made from has moved. Nothing was written.
type StaleError struct{ Why string }

func (e *StaleError) Error() string { return "stale plan: " + e.Why }

// Resume looks again at everything that a saved plan is about, strongly, and returns it as a run that Apply takes.
// An *StaleError is returned where the configuration, a source or a copy has moved since; Apply then writes exactly the saved changes, or leaves out a source that moves later.
// The brakes are worked out anew for the saved deletions. allowDeletes is as in Options; nil: what was allowed when the plan was made.
func (e *Engine) Resume(ctx context.Context, saved *plan.Plan, allowDeletes *int) (*Run, error) {
	if saved.Version != PlanVersion {
		return nil, &StaleError{fmt.Sprintf("it is of version %d, and this program makes version %d", saved.Version, PlanVersion)}
	}
	if allowDeletes == nil {
		allowDeletes = saved.AllowDeletes
	}
	o := Options{AllowDeletes: allowDeletes, strong: map[secret.Name]bool{}}
	for _, c := range saved.Changes {
		o.strong[c.Source.Name], o.strong[c.Name] = true, true
		if c.Reason == plan.Adopted {
			o.Adopt = append(o.Adopt, string(c.Name))
		}
	}
	now, err := e.Plan(ctx, o)
	if err != nil {
		return nil, err
	}
	if now.Plan.Owner != saved.Owner {
		return nil, &StaleError{fmt.Sprintf("it was made by owner %q, and this is %q", saved.Owner, now.Plan.Owner)}
	}
	if now.Plan.ConfigDigest != saved.ConfigDigest {
		return nil, &StaleError{"the configuration or the groups have changed since"}
	}
	again := map[changeKey]*step{}
	for _, st := range now.steps {
		again[keyOf(st.Change)] = st
	}
	used := map[changeKey]bool{}
	run := &Run{Plan: saved, views: now.views, ways: now.ways, exact: true}
	for _, c := range saved.Changes {
		st := again[keyOf(c)]
		writes := c.Action != plan.Keep && c.Action != plan.Refusal
		switch {
		case !writes:
			run.steps = append(run.steps, &step{Change: c})
		case used[keyOf(c)]:
			return nil, &StaleError{fmt.Sprintf("%q in %s stands in it twice", c.Name, c.Target)}
		case st == nil:
			return nil, &StaleError{fmt.Sprintf("%s %q in %s is not to be changed that way any more", c.Action, c.Name, c.Target)}
		case st.Action != c.Action || st.Sync != c.Sync:
			return nil, &StaleError{fmt.Sprintf("%q in %s is now to be: %s (%s) by sync %q", c.Name, c.Target, st.Action, st.Reason, st.Sync)}
		case st.Source.Version != c.Source.Version:
			return nil, &StaleError{fmt.Sprintf("the source %q has moved to version %s", c.Source.Name, st.Source.Version)}
		case st.Expect != c.Expect:
			return nil, &StaleError{fmt.Sprintf("the copy %q in %s has changed", c.Name, c.Target)}
		default:
			if err := e.partsMoved(ctx, now, st); err != nil {
				return nil, err
			}
			used[keyOf(c)] = true
			run.steps = append(run.steps, st)
		}
	}
	deletes, targets := map[secret.Place]int{}, map[secret.Place]plan.Target{}
	for _, st := range run.steps {
		if st.Action == plan.Remove && !st.have.Expired {
			deletes[st.Target.Place]++
			targets[st.Target.Place] = *st.Target
		}
	}
	saved.Brakes = []plan.Brake{}
	for _, t := range slices.SortedFunc(maps.Values(targets), plan.Target.Compare) {
		limits := e.limits()
		if _, empty := emptied(now.views, run.steps, e.rule); empty {
			limits = plan.Limits{}
		}
		if brake, held := limits.Held(t, deletes[t.Place], now.ours[t.Place], allowed(allowDeletes)); held {
			saved.Brakes = append(saved.Brakes, brake)
		}
	}
	return run, nil
}

// partsMoved describes the sources of a copy that is made of several: their names are not in the plan, so that they were not described with the others.
func (e *Engine) partsMoved(ctx context.Context, now *Run, st *step) error {
	if st.want == nil || st.want.Inputs == nil {
		return nil
	}
	v := now.views[st.want.Rule.From]
	for _, m := range st.want.Inputs {
		switch again, err := v.source.Stat(ctx, m.Name); {
		case errors.Is(err, store.ErrNotPermitted):
		case err != nil:
			return &StaleError{fmt.Sprintf("the source %q of %q can't be described: %v", m.Name, st.Name, err)}
		case again.Version != m.Version:
			return &StaleError{fmt.Sprintf("the source %q of %q has moved to version %s", m.Name, st.Name, again.Version)}
		}
	}
	return nil
}

// changeKey says which copy a change is about.
type changeKey struct {
	target plan.Target
	name   secret.Name
}

func keyOf(c plan.Change) changeKey {
	k := changeKey{name: c.Name}
	if c.Target != nil {
		k.target = *c.Target
		k.target.Kind, k.target.Host = "", "" // the store's name says both, and a saved plan has neither
	}
	return k
}
