package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// PlanVersion is the version of the plan's and the report's form.
const PlanVersion = 1

// Run is a plan, and what it takes to apply it while nothing has moved.
type Run struct {
	Plan  *plan.Plan
	steps []*step
	views map[secret.StoreName]*view
	ways  map[*plan.Route]*way
	ours  map[secret.Place]int // the live copies that are ours
	// targets is how the copies are before anything is applied.
	targets []TargetState
	// exact: a source that moved after the plan was made is not written at all.
	exact   bool
	held    []store.Ref
	changed time.Time
}

// Changed returns when one of the wanted copies that the run looked at was changed last, before the run; zero: it is not known.
func (r *Run) Changed() time.Time { return r.changed }

// Held returns the sources, sorted, that Options.Held names and whose copies are not as wanted.
func (r *Run) Held() []store.Ref { return r.held }

// Failed reports whether something could not be looked at.
func (r *Run) Failed() bool { return len(r.Plan.Problems) > 0 }

// Plan looks at every source and target, and returns what a run would change. It changes nothing and reads no value but that of the groups' secret.
// What could not be looked at is among the plan's problems; the error, which is ErrNothing or the context's, means that there is no plan.
func (e *Engine) Plan(ctx context.Context, o Options) (*Run, error) {
	s, err := e.survey(ctx, o)
	if err != nil {
		return nil, err
	}
	all := e.compare(ctx, s, nil)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &plan.Plan{Version: PlanVersion, Owner: s.owner, MadeAt: e.set.Now().UTC(), ConfigDigest: e.digest(s), Changes: []plan.Change{}, Brakes: []plan.Brake{},
		Warnings: s.warnings}
	e.prove(ctx, s, p, all)
	if o.Hints != nil {
		e.contest(ctx, all)
	}
	about := s.about()
	if len(about) > 0 && !slices.ContainsFunc(about, func(r *plan.Rule) bool { return s.failed[r.Name] == nil }) {
		return nil, fmt.Errorf("%w: sync %q: %w", ErrNothing, about[0].Name, s.failed[about[0].Name])
	}
	for _, r := range about {
		if err := s.failed[r.Name]; err != nil && !slices.ContainsFunc(p.Problems, func(pr plan.Problem) bool { return pr.Sync == r.Name && pr.Target == nil }) {
			p.Problems = append(p.Problems, plan.Problem{Sync: r.Name, Error: err.Error()})
		}
	}
	p.AllowDeletes = o.AllowDeletes
	run := &Run{Plan: p, views: s.views, ways: e.ways, ours: map[secret.Place]int{}}
	for _, c := range s.refusals {
		if s.failed[c.Sync] == nil {
			run.steps = append(run.steps, &step{Change: c})
		}
	}
	total, added, priced := 0.0, 0.0, 0
	for _, at := range all {
		if at.err != nil {
			p.Problems = append(p.Problems, problem(at.target, at.err))
		}
		for _, err := range at.unseen {
			p.Problems = append(p.Problems, plan.Problem{Target: &at.target, Error: err.Error()})
		}
		if at.unlisted && !o.limited() {
			p.Warnings = append(p.Warnings, unlisted(at.target))
		}
		recent := 0
		if o.Hints != nil && slices.ContainsFunc(at.steps, deletes) {
			if recent, err = e.weigh(ctx, s, at); err != nil {
				p.Problems = append(p.Problems, problem(at.target, err))
			}
		}
		n := 0
		run.ours[at.target.Place] = at.ours
		for _, st := range at.steps {
			switch {
			case deletes(st):
				n++
			case st.Action == plan.Create:
				added += e.price(st.Target.Store)
			}
		}
		limits := e.limits()
		if from, empty := emptied(s.views, at.steps, e.rule); empty {
			limits = plan.Limits{}
			if n > 0 && o.AllowDeletes == nil {
				p.Warnings = append(p.Warnings, fmt.Sprintf("the listing of store %q is empty: nothing in %s is deleted because of it, unless --allow-deletes says so", from, at.target))
			}
		}
		if o.Hints != nil && n > 0 {
			n = e.set.Deletions.admit(e.set.Now(), at.target.Place, n, recent, func(total int) bool {
				_, held := limits.Held(at.target, total, at.ours, allowed(o.AllowDeletes))
				return held
			})
		}
		if brake, held := limits.Held(at.target, n, at.ours, allowed(o.AllowDeletes)); held {
			p.Brakes = append(p.Brakes, brake)
		}
		if at.changed.After(run.changed) {
			run.changed = at.changed
		}
		run.held = append(run.held, slices.Collect(maps.Keys(at.held))...)
		run.steps = append(run.steps, at.steps...)
		run.targets = append(run.targets, at.state())
		p.Summary.Unchanged += at.same
		total += at.price
		priced += at.priced
	}
	slices.SortFunc(run.held, func(a, b store.Ref) int {
		return cmp.Or(cmp.Compare(a.Store, b.Store), cmp.Compare(a.Secret, b.Secret))
	})
	run.held = slices.Compact(run.held)
	slices.SortStableFunc(run.steps, func(a, b *step) int { return plan.CompareChanges(a.Change, b.Change) })
	for _, st := range run.steps {
		p.Changes = append(p.Changes, st.Change)
		p.Summary.Count(st.Action)
	}
	if o.Hints != nil {
		p.Warnings = append(p.Warnings, s.unknown(run.steps)...)
	}
	p.CostPerMonth = plan.Cost{Added: cents(added), Total: cents(total), Copies: priced}
	if o.Hints != nil {
		p.CostPerMonth = plan.Cost{Added: cents(added)} // what all copies cost is for a run to say that looks at all
	}
	return run, ctx.Err()
}

// state returns how the copies in a place are, told for the first store that it is looked at through.
func (at *seen) state() TargetState {
	t := TargetState{Target: at.target, States: at.states, Took: at.took}
	if at.err != nil {
		t.Err = at.err.Error()
	}
	return t
}

// deletes reports whether a step is a deletion that the brakes count.
func deletes(st *step) bool { return st.Action == plan.Remove && !st.have.Expired }

// emptied returns a store whose listing shows nothing at all, and whose copies are to be deleted: then none is, however few they are, unless a person says so.
func emptied(views map[secret.StoreName]*view, steps []*step, rule func(secret.SyncName) *plan.Rule) (secret.StoreName, bool) {
	for _, st := range steps {
		if st.Action != plan.Remove || st.have.Expired {
			continue
		}
		if r := rule(st.Sync); r != nil && views[r.From] != nil && views[r.From].listed && len(views[r.From].metas) == 0 {
			return r.From, true
		}
	}
	return "", false
}

func (e *Engine) limits() plan.Limits { return e.set.Limits }

// digest stands for the configuration and the groups that a plan was made from. The groups' secret counts by its version id, never by its value.
// Where a store outside AWS is counts too: it can come from the environment, and the plan does not show all of it.
func (e *Engine) digest(s *scope) string {
	digest := e.set.ConfigDigest
	if s.groups.version != "" {
		digest += "/" + string(s.groups.version)
	}
	places := map[secret.StoreName]secret.Place{}
	for name, v := range s.views {
		places[name] = v.place
	}
	for name, p := range s.router.Places {
		places[name] = p.Place
	}
	h, elsewhere := sha256.New(), false
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if at := places[name]; !at.Kind.InAWS() && at.Known() {
			elsewhere = true
			_, _ = fmt.Fprintf(h, "%s=%s\n", name, secret.NewIdentity(at, ""))
		}
	}
	if elsewhere {
		digest += "/" + hex.EncodeToString(h.Sum(nil))[:16]
	}
	return digest
}

// price returns what a copy in a store costs a month, in US dollars.
func (e *Engine) price(name secret.StoreName) float64 {
	return e.set.Stores[name].Traits().PricePerMonth
}

func cents(dollars float64) float64 { return math.Round(dollars*100) / 100 }

// allowed returns how many deletions a person allows; less than zero: nobody was asked.
func allowed(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

func unlisted(t plan.Target) string {
	return fmt.Sprintf("listing is not permitted in %s: its copies were described one by one, and orphans there are unknown", t)
}
