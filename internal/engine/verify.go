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

// What a comparison of values came to.
const (
	Equal       = "equal"
	Different   = "different"
	NotVerified = "not verified"
)

// Verification is the comparison of one copy's value with its source's.
type Verification struct {
	Sync   secret.SyncName `json:"sync"`
	Source plan.SourceRef  `json:"source"`
	Target *plan.Target    `json:"target"`
	Name   secret.Name     `json:"name"`
	Result string          `json:"result"`
	Detail string          `json:"detail,omitempty"`
}

// pair is a copy and its source, to be compared.
type pair struct {
	view *view
	dest store.Destination
	want *plan.Want
	way  *way
	seen string // what the listing said of the copy already, where it is not in sync
	Verification
}

// Verify compares the values of copies with those of their sources, for real. It reads at most budget values in all; what is left over is not verified.
// It prints and returns no value. The errors are those of Plan; what could not be compared is not verified.
func (e *Engine) Verify(ctx context.Context, o Options, budget int) ([]Verification, error) {
	s, err := e.survey(ctx, o)
	if err != nil {
		return nil, err
	}
	var pairs []*pair
	for _, r := range s.about() {
		if err := s.failed[r.Name]; err != nil {
			pairs = append(pairs, &pair{Verification: Verification{Sync: r.Name, Source: plan.SourceRef{Store: r.From}, Result: NotVerified, Detail: "the sync fails: " + err.Error()}})
		}
	}
	for _, c := range s.refusals {
		if s.failed[c.Sync] == nil {
			pairs = append(pairs, &pair{Verification: Verification{Sync: c.Sync, Source: c.Source, Name: c.Name, Result: NotVerified, Detail: fmt.Sprintf("refused (%s): %s", c.Reason, c.Detail)}})
		}
	}
	e.compare(ctx, s, func(at *seen, f plan.Found) {
		if f.Want == nil {
			return
		}
		target := at.targetOf(f.Want)
		p := &pair{view: s.views[f.Want.Rule.From], dest: at.destOf(target.Store), want: f.Want, way: e.ways[f.Want.Route], Verification: Verification{Sync: f.Want.Rule.Name, Target: target, Name: f.Want.Name,
			Source: f.Want.Ref()}}
		switch {
		case f.State == plan.InSync, f.State == plan.Behind && f.Change.Action == plan.Metadata:
		case f.State == plan.Behind && f.Have == nil:
			p.Result, p.Detail = Different, fmt.Sprintf("%s (%s)", f.State, f.Change.Reason)
		case f.State == plan.Behind, f.State == plan.DriftedAway:
			p.seen = fmt.Sprintf("%s (%s)", f.State, f.Change.Reason)
		default:
			p.Result, p.Detail = NotVerified, fmt.Sprintf("%s (%s): %s", f.State, f.Change.Reason, f.Change.Detail)
		}
		pairs = append(pairs, p)
	})
	var open []*pair
	for _, p := range pairs {
		if p.Result == "" {
			open = append(open, p)
		}
	}
	slices.SortFunc(open, func(a, b *pair) int { return compareNames(a.Source.Name, b.Source.Name) })
	left := budget
	for len(open) > 0 && ctx.Err() == nil {
		batch, cost := nextBatch(open, left)
		if len(batch) == 0 { // the next one alone is beyond the budget
			open[0].Result, open[0].Detail = NotVerified, usedUp(budget)
			open = open[1:]
			continue
		}
		left -= cost
		verifyBatch(ctx, batch)
		open = open[len(batch):]
	}
	for _, p := range open {
		p.Result, p.Detail = NotVerified, usedUp(budget)
	}
	all := make([]Verification, 0, len(pairs))
	for _, p := range pairs {
		all = append(all, p.Verification)
	}
	slices.SortStableFunc(all, func(a, b Verification) int {
		return plan.CompareChanges(plan.Change{Target: a.Target, Name: a.Name}, plan.Change{Target: b.Target, Name: b.Name})
	})
	return all, ctx.Err()
}

func usedUp(budget int) string {
	return fmt.Sprintf("it needs more reads than are left of the budget of %d", budget)
}

// nextBatch takes the pairs of the next sources that one read fetches, as far as the budget goes, and says how many values that reads.
func nextBatch(open []*pair, left int) (batch []*pair, cost int) {
	sources := map[secret.Name]bool{}
	for i, p := range open {
		var more []secret.Name
		for _, m := range p.want.Sources() {
			if !sources[m.Name] {
				more = append(more, m.Name)
			}
		}
		full := len(more) > 0 && len(sources) > 0 && len(sources)+len(more) > p.view.source.BatchSize()
		if p.view != open[0].view || full || cost+1+len(more) > left {
			return open[:i], cost
		}
		for _, n := range more {
			sources[n] = true
		}
		cost += 1 + len(more)
	}
	return open, cost
}

// verifyBatch reads the sources of a batch once, and their copies target by target.
func verifyBatch(ctx context.Context, batch []*pair) {
	var names []secret.Name
	byDest := map[plan.Target][]*pair{}
	for _, p := range batch {
		for _, m := range p.want.Sources() {
			names = append(names, m.Name)
		}
		byDest[*p.Target] = append(byDest[*p.Target], p)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	truth := map[secret.Name]store.Reading{}
	for i, r := range batch[0].view.source.Read(ctx, names) {
		truth[names[i]] = r
		defer r.Value.Wipe()
	}
	var readers crew
	for _, pairs := range byDest {
		readers.Go(func() { verifyTarget(ctx, pairs, truth) })
	}
	readers.Wait()
}

func verifyTarget(ctx context.Context, pairs []*pair, truth map[secret.Name]store.Reading) {
	v, ok := pairs[0].dest.(store.Verifier)
	if !ok {
		for _, p := range pairs {
			p.Result, p.Detail = NotVerified, "this kind of store can't be read"
		}
		return
	}
	for len(pairs) > 0 {
		n := min(len(pairs), v.BatchSize())
		names := make([]secret.Name, n)
		for i, p := range pairs[:n] {
			names[i] = p.Name
		}
		for i, got := range v.Read(ctx, names) {
			pairs[i].judge(truth, got)
			got.Value.Wipe()
		}
		pairs = pairs[n:]
	}
}

func (p *pair) judge(truth map[secret.Name]store.Reading, got store.Reading) {
	want, err := p.wanted(truth)
	switch err := errors.Join(err, got.Err); {
	case err != nil:
		p.Result, p.Detail = NotVerified, err.Error()
	case p.same(want, got.Value):
		p.Result, p.Detail = Equal, p.seen
	case p.seen != "":
		p.Result, p.Detail = Different, p.seen
	default:
		p.Result, p.Detail = Different, "the values differ although the version says they are one: write the source anew, or delete the copy"
	}
}

// wanted makes the value that the copy should have.
func (p *pair) wanted(truth map[secret.Name]store.Reading) (secret.Value, error) {
	var inputs []input
	for _, m := range p.want.Sources() {
		r := truth[m.Name]
		if r.Err != nil {
			return secret.Value{}, r.Err
		}
		inputs = append(inputs, input{meta: m, value: r.Value})
	}
	return p.way.value(inputs, p.want.Key)
}

func (p *pair) same(want, got secret.Value) bool {
	if c, ok := p.dest.(store.Comparer); ok {
		return c.Same(want, got)
	}
	return want.Equal(got)
}
