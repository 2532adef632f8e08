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

// accountsAtOnce is how many accounts are compared at the same time: a run's memory grows with that many targets.
const accountsAtOnce = 8

// seen is what one comparison found in a target.
type seen struct {
	target   plan.Target
	dest     store.Destination
	ours     int  // copies that are ours
	unlisted bool // the listing was denied: orphans are unknown
	steps    []*step
	same     int // copies that need nothing
	wanted   int
	err      error // the target could not be looked at
}

// step is a change, and what applying it needs.
type step struct {
	plan.Change
	dest store.Destination
	want *plan.Want   // nil for an orphan
	have *secret.Copy // nil where none is there
}

// compare looks at every target and diffs it. visit, where it is not nil, is told everything that was found, one target at a time.
func (e *Engine) compare(ctx context.Context, s *scope, visit func(*seen, plan.Found)) []*seen {
	targets := s.targets()
	accounts := byAccount(targets)
	all := make([]*seen, 0, len(targets))
	results := make([][]*seen, len(accounts))
	progress := counter{total: len(targets), phase: "comparing targets", report: e.set.Progress}
	visits := make(chan struct{}, 1)
	each(ctx, len(accounts), accountsAtOnce, func(i int) {
		known := map[secret.Identity]bool{} // sources that this account holds a copy of
		for _, t := range accounts[i] {
			found := e.compareOne(ctx, s, t, known, func(at *seen, f plan.Found) {
				if visit != nil {
					visits <- struct{}{}
					visit(at, f)
					<-visits
				}
			})
			results[i] = append(results[i], found)
			progress.add()
		}
		markNew(results[i], known)
	})
	for _, r := range results {
		all = append(all, r...)
	}
	return all
}

// byAccount groups targets by account, in order.
func byAccount(targets []plan.Target) [][]plan.Target {
	index := map[secret.AccountID]int{}
	var groups [][]plan.Target
	for _, t := range targets {
		i, ok := index[t.Account]
		if !ok {
			i = len(groups)
			index[t.Account] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// markNew marks the creations that bring a secret to an account for the first time.
func markNew(account []*seen, known map[secret.Identity]bool) {
	for _, at := range account {
		for _, st := range at.steps {
			st.NewTarget = st.Action == plan.Create && !known[secret.Identity(st.want.Source.Identity.Tag())]
		}
	}
}

func (e *Engine) compareOne(ctx context.Context, s *scope, t plan.Target, known map[secret.Identity]bool, visit func(*seen, plan.Found)) *seen {
	at := &seen{target: t}
	wants := s.wants(t)
	at.wanted = len(wants)
	have, blocked := e.observe(ctx, s, at, wants)
	if at.err != nil {
		for _, w := range wants {
			visit(at, at.refuse(w, reasonOf(at.err), at.err.Error()))
		}
		return at
	}
	for i := range have {
		if have[i].Mark.Owner == s.owner && have[i].Mark.Owner != "" {
			at.ours++
			known[have[i].Mark.Source] = true
		}
	}
	policy := e.policy(ctx, s, at)
	plan.Diff(t, e.guard(s, t, wants, blocked), have, policy, func(f plan.Found) {
		switch {
		case f.Change == nil && f.State == plan.InSync:
			at.same++
		case f.Change == nil, f.Want == nil && s.options.limited():
		default:
			at.keep(f)
		}
		if f.Want != nil || !s.options.limited() {
			visit(at, f)
		}
	})
	return at
}

// keep turns what was found into a step. The copy is cloned, so that the target's whole listing is not kept with it.
func (at *seen) keep(f plan.Found) {
	st := &step{Change: *f.Change, dest: at.dest, want: f.Want}
	st.Target = &at.target
	if f.Have != nil {
		c := *f.Have
		st.have = &c
	}
	at.steps = append(at.steps, st)
}

func (at *seen) refuse(w *plan.Want, reason plan.Reason, detail string) plan.Found {
	c := plan.Change{Action: plan.Refusal, Reason: reason, Sync: w.Rule.Name, Target: &at.target, Name: w.Name, Detail: detail,
		Source: plan.SourceRef{Store: w.Rule.From, Name: w.Source.Name, Version: w.Source.Version}}
	f := plan.Found{State: plan.Unknown, Change: &c, Want: w}
	at.keep(f)
	return f
}

// observe opens the target and returns what it holds, sorted, and for single names why nothing is known of them.
func (e *Engine) observe(ctx context.Context, s *scope, at *seen, wants []*plan.Want) (have []secret.Copy, blocked map[secret.Name]error) {
	st := e.set.Stores[at.target.Store]
	if at.dest, at.err = st.Destination(ctx, at.target.Place); at.err != nil {
		return nil, nil
	}
	have, err := at.dest.List(ctx)
	switch {
	case errors.Is(err, store.ErrNotPermitted) && !errors.Is(err, store.ErrCredentials):
		at.unlisted = true
		have = nil
	case err != nil:
		at.err = err
		return nil, nil
	}
	var names []secret.Name
	for _, w := range wants {
		if at.unlisted || s.options.describes(w.Name) {
			names = append(names, w.Name)
		}
	}
	for i := range have {
		if have[i].Mark.Owner == s.owner && s.options.describes(have[i].Name) {
			names = append(names, have[i].Name)
		}
	}
	if len(names) == 0 {
		return have, nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return e.describe(ctx, at, have, names)
}

// describe replaces what have shows of names by what a strong read says.
func (e *Engine) describe(ctx context.Context, at *seen, have []secret.Copy, names []secret.Name) ([]secret.Copy, map[secret.Name]error) {
	copies := make([]secret.Copy, len(names))
	errs := make([]error, len(names))
	each(ctx, len(names), statsAtOnce, func(i int) { copies[i], errs[i] = at.dest.Stat(ctx, names[i]) })
	if ctx.Err() != nil {
		at.err = ctx.Err()
		return nil, nil
	}
	have = slices.DeleteFunc(have, func(c secret.Copy) bool { _, asked := slices.BinarySearch(names, c.Name); return asked })
	blocked := map[secret.Name]error{}
	for i, err := range errs {
		switch {
		case err == nil:
			have = append(have, copies[i])
		case !errors.Is(err, store.ErrNotFound):
			blocked[names[i]] = err
		}
	}
	slices.SortFunc(have, func(a, b secret.Copy) int { return compareNames(a.Name, b.Name) })
	return have, blocked
}

// guard refuses, before the diff, what must not be touched whatever is there.
func (e *Engine) guard(s *scope, t plan.Target, wants []*plan.Want, blocked map[secret.Name]error) []*plan.Want {
	if e.set.GroupsFrom == nil && len(e.set.Protected) == 0 && len(blocked) == 0 && !slices.ContainsFunc(wants, func(w *plan.Want) bool { return !w.Source.Mark.IsZero() }) {
		return wants
	}
	guarded := slices.Clone(wants)
	for i, w := range guarded {
		reason, detail := plan.Reason(""), ""
		if err := blocked[w.Name]; err != nil {
			reason, detail = reasonOf(err), err.Error()
		} else if e.protected(s, t.Place, w.Name) {
			reason, detail = plan.NotAllowed, "the configuration itself reads this secret"
		} else if w.Source.Mark.Source != "" && w.Source.Mark.Source == secret.Identity(secret.NewIdentity(identityKind(w.Source.Identity), t.Place, w.Name).Tag()) {
			reason, detail = plan.Ambiguous, "a cycle: the source is itself a copy of this secret"
		}
		if reason != "" {
			refused := *w
			refused.Refused, refused.Detail = reason, detail
			guarded[i] = &refused
		}
	}
	return guarded
}

func (e *Engine) policy(ctx context.Context, s *scope, at *seen) plan.Policy {
	key := e.set.Stores[at.target.Store].Key()
	p := plan.Policy{Owner: s.owner, Key: key, Adopt: s.options.Adopt, Rules: e.rule}
	if r, ok := at.dest.(store.KeyResolver); ok {
		p.SameKey = func(a, b secret.Key) bool {
			same, known := r.SameKey(ctx, a, b)
			return same || !known
		}
	}
	p.Check = func(name secret.Name, tags map[string]string, description string) (plan.Reason, string) {
		err := at.dest.Check(store.Write{Name: name, Tags: tags, Description: description, Key: key})
		switch {
		case err == nil:
			return "", ""
		case errors.Is(err, store.ErrTooManyTags):
			return plan.TooManyTags, err.Error()
		case errors.Is(err, store.ErrKey):
			return plan.KeyMismatch, err.Error()
		}
		return plan.BadName, err.Error()
	}
	p.SourceGone = func(m secret.Mark) bool {
		r := e.rule(m.Sync)
		if r == nil || s.views[r.From] == nil {
			return false
		}
		found, ok := s.views[r.From].find(m.Source.Name())
		return !ok || !found.Deleted.IsZero()
	}
	return p
}

// reasonOf says in the plan's words why a store refused.
func reasonOf(err error) plan.Reason {
	switch {
	case errors.Is(err, store.ErrNotPermitted), errors.Is(err, store.ErrWrongAccount), errors.Is(err, store.ErrCredentials):
		return plan.NotPermitted
	case errors.Is(err, store.ErrTooLarge):
		return plan.TooLarge
	case errors.Is(err, store.ErrScheduled):
		return plan.Scheduled
	}
	return plan.Unreachable
}

func problem(t plan.Target, err error) plan.Problem {
	return plan.Problem{Target: &t, Error: fmt.Sprintf("the target could not be listed: %v", err)}
}
