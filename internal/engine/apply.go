package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	batchesAtOnce = 4               // how many batches of values are in memory at the same time
	writesAtOnce  = 8               // per target
	writeTimeout  = 2 * time.Minute // a write that was begun is finished even if the run is interrupted
	rewrites      = 3               // how often a copy follows a source that keeps moving
)

// Apply does what a plan says: all writes, source by source, and then the deletions. It goes on where one secret or target fails.
// When ctx ends, the writes in flight are finished and the rest is reported as skipped.
func (e *Engine) Apply(ctx context.Context, run *Run) *Report {
	a := &applier{engine: e, run: run, out: &outcomes{of: map[*step]Result{}}, targets: map[plan.Target]*gate{}}
	var writes, deletes []*step
	for _, st := range run.steps {
		switch st.Action {
		case plan.Create, plan.Update, plan.Metadata, plan.Restore:
			writes = append(writes, st)
			a.addGate(st)
		case plan.Remove:
			deletes = append(deletes, st)
			a.addGate(st)
		case plan.Refusal:
			a.out.set(st, Refused, errors.New(st.Detail))
		default:
			a.out.set(st, Skipped, nil)
		}
	}
	a.progress = counter{phase: "writing", total: len(writes), report: e.set.Progress}
	a.write(ctx, writes)
	a.remove(ctx, deletes)
	return a.report(ctx)
}

// applier is one call of Apply.
type applier struct {
	engine   *Engine
	run      *Run
	out      *outcomes
	targets  map[plan.Target]*gate // complete before anything is written
	progress counter
}

// gate lets a bounded number of writes into a target, after its account was verified.
type gate struct {
	slots  chan struct{}
	verify func() error

	mu          sync.Mutex
	first, last time.Time // when the first write began and the last one ended
}

// enter notes that a write begins, and returns what notes that it has ended.
func (g *gate) enter(now func() time.Time) (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.first.IsZero() {
		g.first = now()
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.last = now()
	}
}

// addGate makes the gate of a step's target, where there is none yet.
func (a *applier) addGate(st *step) {
	if a.targets[*st.Target] != nil {
		return
	}
	dest := st.dest
	a.targets[*st.Target] = &gate{slots: make(chan struct{}, writesAtOnce), verify: sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
		defer cancel()
		return dest.Verify(ctx)
	})}
}

// wrote returns how long writing took, by place.
func (a *applier) wrote() map[secret.Place]time.Duration {
	all := map[secret.Place]time.Duration{}
	for t, g := range a.targets {
		all[t.Place] = max(all[t.Place], g.last.Sub(g.first))
	}
	return all
}

// report puts the outcomes into the plan's order.
func (a *applier) report(ctx context.Context) *Report {
	p := a.run.Plan
	r := &Report{Version: p.Version, Owner: p.Owner, MadeAt: p.MadeAt, ConfigDigest: p.ConfigDigest, Changes: []Result{}, Brakes: p.Brakes,
		Problems: p.Problems, Warnings: p.Warnings, StaleList: p.StaleList, CostPerMonth: p.CostPerMonth, Interrupted: ctx.Err() != nil}
	r.Summary.Summary = p.Summary
	added := 0.0
	for _, st := range a.run.steps {
		got := a.out.of[st]
		if got.Action == plan.Create && got.Outcome == Applied {
			added += a.engine.price(got.Target.Store)
		}
		if got.Outcome == Failed {
			r.Summary.Failed++
		}
		r.Changes = append(r.Changes, got)
	}
	r.Targets = a.out.targets(a.run.targets, a.run.steps, a.wrote())
	r.CostPerMonth.Added = cents(added)
	return r
}
