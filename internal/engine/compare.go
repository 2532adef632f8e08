package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/shape"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// accountsAtOnce is how many accounts are compared at the same time: a run's memory grows with that many targets.
const accountsAtOnce = 8

// seen is what one comparison found in a place.
type seen struct {
	target   plan.Target   // the store that the place is looked at through, and that orphans are told for
	place    []plan.Target // all targets there
	dest     store.Destination
	others   map[secret.StoreName]store.Destination // of the further targets
	ours     int                                    // copies that are ours and live
	unlisted bool                                   // the listing was denied: orphans are unknown
	steps    []*step
	same     int                // copies that need nothing
	priced   int                // how many wanted copies, not refused, cost something
	price    float64            // what they cost a month, in US dollars
	err      error              // the place could not be looked at
	unseen   []error            // what else could not be
	held     map[store.Ref]bool // sources whose copies here are not as wanted, and are left to something else
	changed  time.Time          // when a wanted copy was changed last, as far as is known
	states   map[plan.State]int
	took     time.Duration // to look at the place
}

// step is a change, and what applying it needs.
type step struct {
	plan.Change
	dest  store.Destination
	want  *plan.Want   // nil for an orphan
	have  *secret.Copy // nil where none is there
	state plan.State   // before the change
	again bool         // it is kept or skipped because of what may pass
}

// compare looks at every place and diffs it. visit, where it is not nil, is told everything that was found, one at a time.
func (e *Engine) compare(ctx context.Context, s *scope, visit func(*seen, plan.Found)) []*seen {
	places := slices.DeleteFunc(s.places(), func(p []plan.Target) bool {
		return !slices.ContainsFunc(p, func(t plan.Target) bool { return s.options.reaches(&t) })
	})
	accounts := byAccount(places)
	results := make([][]*seen, len(accounts))
	progress := counter{phase: "comparing targets", report: e.set.Progress}
	for _, places := range accounts {
		progress.total += len(places)
	}
	var one sync.Mutex
	each(ctx, len(accounts), accountsAtOnce, func(i int) {
		known := map[secret.Identity]bool{} // sources that this account holds a copy of
		for _, place := range accounts[i] {
			found := e.compareOne(ctx, s, place, known, func(at *seen, f plan.Found) {
				if visit != nil {
					one.Lock()
					defer one.Unlock()
					visit(at, f)
				}
			})
			results[i] = append(results[i], found)
			progress.add()
		}
		markNew(s, results[i], known)
	})
	return slices.Concat(results...)
}

// byAccount groups places by account, in order. One that is in none stands alone.
func byAccount(places [][]plan.Target) [][][]plan.Target {
	index := map[secret.Place]int{}
	var groups [][][]plan.Target
	for _, p := range places {
		key := p[0].Place
		if key.Account != "" {
			key = secret.Place{Account: key.Account}
		}
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// markNew marks the creations that bring a secret to an account for the first time. The source's own account has it.
func markNew(s *scope, account []*seen, known map[secret.Identity]bool) {
	for _, at := range account {
		for _, st := range at.steps {
			st.NewTarget = st.Action == plan.Create && st.Target.Account != s.views[st.want.Rule.From].place.Account &&
				!known[secret.Identity(st.want.Identity().Tag())]
		}
	}
}

func (e *Engine) compareOne(ctx context.Context, s *scope, place []plan.Target, known map[secret.Identity]bool, visit func(*seen, plan.Found)) *seen {
	at := &seen{target: place[0], place: place, others: map[secret.StoreName]store.Destination{}, states: map[plan.State]int{}}
	began := e.set.Now()
	defer func() { at.took = e.set.Now().Sub(began) }()
	wants := s.wants(place)
	have, blocked := e.observe(ctx, s, at, wants)
	found := func(f plan.Found) {
		if f.Want == nil && f.Change != nil {
			f.Change.Target = e.through(at, f.Have.Name)
		}
		switch {
		case f.Want != nil && (f.Want.Aside || !s.options.about(f.Want.Rule) || !s.options.reaches(at.targetOf(f.Want))), f.Want == nil && !s.owns(f.Have):
			return // another run's business
		case f.Want == nil && f.Change != nil && !s.options.reaches(f.Change.Target):
			return
		}
		at.states[f.State]++
		if f.Want != nil && f.Have != nil && f.Have.Changed.After(at.changed) {
			at.changed = f.Have.Changed
		}
		switch {
		case f.Change != nil && s.options.holds(f):
			at.hold(s.options, f.Want)
		case f.Change != nil:
			at.keep(f)
		case f.State == plan.InSync:
			at.same++
		}
		if f.Want != nil && (f.Change == nil || f.Change.Action != plan.Refusal) {
			if price := e.price(at.targetOf(f.Want).Store); price > 0 {
				at.price += price
				at.priced++
			}
		}
		visit(at, f)
	}
	if at.err != nil {
		for _, w := range wants {
			found(at.refuse(w, reasonOf(at.err), at.err.Error()))
		}
		return at
	}
	for i := range have {
		if have[i].Mark.Owner == s.owner {
			known[have[i].Mark.Source] = true
			if have[i].Deleted.IsZero() {
				at.ours++
			}
		}
	}
	plan.Diff(at.target, e.guard(s, at.target, wants, blocked), have, e.policy(ctx, s, at), found)
	return at
}

// owns reports whether a copy that nothing wants is the run's business.
func (s *scope) owns(c *secret.Copy) bool {
	switch o := s.options; {
	case o.limited():
		return false
	case o.Due != nil && !slices.Contains(o.Due, c.Mark.Sync):
		return false
	case o.Hints != nil:
		return s.isAbout(c)
	}
	return true
}

// holds reports whether a change of a wanted copy is left to something else.
func (o Options) holds(f plan.Found) bool {
	return o.Held != nil && f.Want != nil && f.Change.Action != plan.Refusal && slices.ContainsFunc(f.Want.Sources(), func(m *secret.Meta) bool {
		return o.Held(store.Ref{Store: f.Want.Rule.From, Secret: m.Name})
	})
}

// hold notes the sources for which a change is left to something else.
func (at *seen) hold(o Options, w *plan.Want) {
	if at.held == nil {
		at.held = map[store.Ref]bool{}
	}
	for _, m := range w.Sources() {
		if ref := (store.Ref{Store: w.Rule.From, Secret: m.Name}); o.Held(ref) {
			at.held[ref] = true
		}
	}
}

// keep turns what was found into a step. The copy is cloned, so that the target's whole listing is not kept with it.
func (at *seen) keep(f plan.Found) {
	st := &step{Change: *f.Change, dest: at.destOf(f.Change.Target.Store), want: f.Want, state: f.State, again: f.Want != nil && f.Want.Passing}
	if f.Have != nil {
		c := *f.Have
		st.have = &c
	}
	at.steps = append(at.steps, st)
}

func (at *seen) refuse(w *plan.Want, reason plan.Reason, detail string) plan.Found {
	c := plan.Change{Action: plan.Refusal, Reason: reason, Sync: w.Rule.Name, Target: at.targetOf(w), Name: w.Name, Detail: detail,
		Source: w.Ref()}
	return plan.Found{State: plan.Unknown, Change: &c, Want: w}
}

// targetOf returns the target that a copy is written through, and that an orphan (nil) is told for.
func (at *seen) targetOf(w *plan.Want) *plan.Target {
	if w != nil && w.At != nil {
		return w.At
	}
	return &at.target
}

// destOf returns the destination that a store's copies are written through.
func (at *seen) destOf(name secret.StoreName) store.Destination {
	if d, ok := at.others[name]; ok {
		return d
	}
	return at.dest
}

// reasonOf says in the plan's words why a store refused.
func reasonOf(err error) plan.Reason {
	switch {
	case errors.Is(err, shape.ErrValue), errors.Is(err, store.ErrBadValue):
		return plan.BadValue
	case errors.Is(err, store.ErrNotPermitted), errors.Is(err, store.ErrWrongAccount), errors.Is(err, store.ErrCredentials):
		return plan.NotPermitted
	case errors.Is(err, store.ErrTooLarge):
		return plan.TooLarge
	case errors.Is(err, store.ErrUnwritable):
		return plan.Unwritable
	case errors.Is(err, store.ErrBadName):
		return plan.BadName
	case errors.Is(err, store.ErrTooManyTags):
		return plan.TooManyTags
	case errors.Is(err, store.ErrScheduled):
		return plan.Scheduled
	}
	return plan.Unreachable
}

func problem(t plan.Target, err error) plan.Problem {
	return plan.Problem{Target: &t, Error: fmt.Sprintf("the target could not be listed: %v", err)}
}
