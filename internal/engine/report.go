package engine

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Outcome is what became of a change.
type Outcome string

// The outcomes.
const (
	Applied Outcome = "applied"
	Failed  Outcome = "failed"
	Refused Outcome = "refused" // what no retry mends
	Skipped Outcome = "skipped" // not tried: interrupted, held back by a brake, or nothing to do (an orphan that is kept)
)

// Result is a change and what became of it.
type Result struct {
	plan.Change
	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error"`

	again bool // it was not tried because of what may pass: the run ended before, or something could not be looked at
}

// Summary counts changes by action, and those that failed.
type Summary struct {
	plan.Summary
	Failed int `json:"failed"`
}

// Report is what a run did.
type Report struct {
	Version      int              `json:"version"`
	Owner        secret.Owner     `json:"owner"`
	MadeAt       time.Time        `json:"madeAt"`
	ConfigDigest string           `json:"configDigest"`
	Changes      []Result         `json:"changes"`
	Summary      Summary          `json:"summary"`
	Brakes       []plan.Brake     `json:"brakes"`
	Problems     []plan.Problem   `json:"problems,omitempty"`
	Warnings     []string         `json:"warnings,omitempty"`
	StaleList    []plan.StaleList `json:"staleList,omitempty"`
	CostPerMonth plan.Cost        `json:"costPerMonth"`
	Interrupted  bool             `json:"interrupted,omitempty"`
	// Targets says how the copies in every target that was looked at are after the run, in order. It is for metrics, and not part of the JSON.
	Targets []TargetState `json:"-"`
}

// TargetState is how the copies in one target are.
type TargetState struct {
	Target plan.Target
	States map[plan.State]int
	// Took is how long the run looked at the target, and from the first write there to the end of the last one.
	Took time.Duration
	// Err says why the target could not be looked at; empty: it was.
	Err string
}

// MayMend reports whether another run may mend what became of the change: it failed, its target was out of reach, there was no time for it, or a deletion was not proved. A refusal stays one
// until somebody changes something, and so does what a brake holds back.
func (r *Result) MayMend() bool {
	switch r.Outcome {
	case Failed:
		return true
	case Refused:
		return r.Reason == plan.Unreachable || r.again
	case Skipped:
		return r.again
	}
	return false
}

// Unfinished reports whether another run may mend something: a change, or what could not be looked at.
func (r *Report) Unfinished() bool {
	return len(r.Problems) > 0 || slices.ContainsFunc(r.Changes, func(c Result) bool { return c.MayMend() })
}

// NotAsWanted reports whether a copy is not as it is wanted, or could not be looked at. Orphans that are kept do not count.
func (r *Report) NotAsWanted() bool {
	if len(r.Problems) > 0 {
		return true
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		switch {
		case c.Outcome == Failed, c.Outcome == Refused, c.Outcome == Skipped && c.Action != plan.Keep:
			return true
		}
	}
	return false
}

// Braked reports whether a brake held deletions back.
func (r *Report) Braked() bool { return len(r.Brakes) > 0 }

// outcomes collects what became of the steps of a run. Safe for concurrent use.
type outcomes struct {
	mu   sync.Mutex
	of   map[*step]Result
	read bool // a source could not be read
}

func (o *outcomes) set(st *step, outcome Outcome, err error) {
	r := Result{Change: st.Change, Outcome: outcome, again: st.again || errors.Is(err, errInterrupted)}
	if err != nil {
		r.Error = err.Error()
	}
	o.mu.Lock()
	o.of[st] = r
	o.mu.Unlock()
}

// targets returns how the copies are, now that steps have these outcomes.
func (o *outcomes) targets(before []TargetState, steps []*step, wrote map[secret.Place]time.Duration) []TargetState {
	after := make([]TargetState, len(before))
	index := map[secret.Place]int{}
	for i, t := range before {
		after[i] = t
		after[i].States = maps.Clone(t.States)
		after[i].Took += wrote[t.Target.Place]
		index[t.Target.Place] = i
	}
	for _, st := range steps {
		if st.Target == nil || o.of[st].Outcome != Applied {
			continue
		}
		i, ok := index[st.Target.Place]
		if !ok {
			continue
		}
		states := after[i].States
		if states[st.state]--; states[st.state] <= 0 {
			delete(states, st.state)
		}
		switch {
		case st.Action != plan.Remove:
			states[plan.InSync]++
		case !st.have.Expired:
			states[plan.Deleting]++
		}
	}
	return after
}

func (o *outcomes) unread() {
	o.mu.Lock()
	o.read = true
	o.mu.Unlock()
}

func (o *outcomes) failedRead() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.read
}

// unwritten returns the places where a copy of a source was not written, with the source as marks name it.
func (o *outcomes) unwritten() map[where]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := map[where]bool{}
	for st, r := range o.of {
		if st.want != nil && st.Target != nil && r.Outcome != Applied {
			all[where{st.Target.Place, secret.Name(st.want.Identity().Tag())}] = true
		}
	}
	return all
}

// Add adds what another run did that came after. What both say of one copy counts once, and as the later one has it. Targets stay those of the first.
func (r *Report) Add(o *Report) {
	type key struct {
		target       plan.Target
		name, source secret.Name
		sync         secret.SyncName
	}
	of := func(c *Result) key {
		k := key{name: c.Name, source: c.Source.Name, sync: c.Sync}
		if c.Target != nil {
			k.target = *c.Target
		}
		return k
	}
	again := map[key]bool{}
	for i := range o.Changes {
		again[of(&o.Changes[i])] = true
	}
	r.Changes = slices.DeleteFunc(r.Changes, func(c Result) bool { return again[of(&c)] })
	r.Changes = append(r.Changes, o.Changes...)
	unchanged := r.Summary.Unchanged
	r.Summary = Summary{}
	r.Summary.Unchanged = unchanged
	for i := range r.Changes {
		r.Summary.Count(r.Changes[i].Action)
		if r.Changes[i].Outcome == Failed {
			r.Summary.Failed++
		}
	}
	r.Brakes = append(r.Brakes, o.Brakes...)
	r.Problems = append(r.Problems, o.Problems...)
	r.Warnings = append(r.Warnings, o.Warnings...)
	r.StaleList = append(r.StaleList, o.StaleList...)
	r.CostPerMonth.Added += o.CostPerMonth.Added
	r.Interrupted = r.Interrupted || o.Interrupted
}
