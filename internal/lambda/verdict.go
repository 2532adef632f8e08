package lambda

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// verdict is what a report says to Lambda: what another attempt may mend, and what it does not, which is no failure of the function.
type verdict struct {
	failed  []*engine.Result // changes that failed, or whose target was out of reach
	late    []*engine.Result // changes that the deadline left undone
	refused []*engine.Result
	held    []*engine.Result // deletions that brakes hold back
	applied int
}

func judge(r *engine.Report) verdict {
	var v verdict
	braked := map[plan.Target]bool{}
	for _, b := range r.Brakes {
		braked[b.Target] = true
	}
	for n := range r.Changes {
		switch c := &r.Changes[n]; {
		case c.Outcome == engine.Applied:
			v.applied++
		case c.MayMend() && c.Outcome == engine.Skipped:
			v.late = append(v.late, c)
		case c.MayMend():
			v.failed = append(v.failed, c)
		case c.Outcome == engine.Refused:
			v.refused = append(v.refused, c)
		case c.Action == plan.Remove && c.Target != nil && braked[*c.Target]:
			v.held = append(v.held, c)
		}
	}
	return v
}

// failures counts what failed in a run, what could not be looked at included.
func (v verdict) failures(r *engine.Report) int { return len(v.failed) + len(v.late) + len(r.Problems) }

// settle finds the messages whose secrets failed: those that name the source of a change that did. What belongs to no single secret, or to one that no message
// names, fails them all.
func (i *invocation) settle(j *job, r *engine.Report, v verdict) {
	for _, p := range r.Problems {
		i.lost(j.from, errors.New(p.Error))
	}
	naming := map[secret.Name][]int{}
	for _, n := range j.from {
		for _, h := range i.messages[n].Hints {
			for _, name := range h.Names {
				naming[name] = append(naming[name], n)
			}
		}
	}
	for _, c := range append(v.failed[:len(v.failed):len(v.failed)], v.late...) {
		i.first = cmp.Or(i.first, error(&changeError{c}))
		of, named := naming[c.Source.Name]
		if !named {
			of = j.from
		}
		for _, n := range of {
			i.failed[n] = true
		}
	}
}

// changeError says of a change why it was not made.
type changeError struct{ c *engine.Result }

func (e *changeError) Error() string {
	text := fmt.Sprintf("%s %q", e.c.Action, e.c.Name)
	if e.c.Target != nil {
		text += " in " + e.c.Target.String()
	}
	return text + ": " + cmp.Or(e.c.Error, string(e.c.Outcome))
}

// summary is the answer to what is not a batch of SQS: what an operator wants to see in the console. It names nothing.
type summary struct {
	Messages  int        `json:"messages"`
	Ignored   []string   `json:"ignored,omitempty"` // why, of each message that is
	Runs      int        `json:"runs"`
	Created   int        `json:"created"`
	Updated   int        `json:"updated"`
	Metadata  int        `json:"metadata"`
	Restored  int        `json:"restored"`
	Deleted   int        `json:"deleted"`
	Kept      int        `json:"kept"`
	Unchanged int        `json:"unchanged"`
	Refused   int        `json:"refused"`
	HeldBack  int        `json:"heldBack"`            // deletions, by brakes
	Rotations *rotations `json:"rotations,omitempty"` // nil: none were asked for
	malformed int
	failed    int
	late      int
	unseen    int
}

func (s *summary) add(r *engine.Report, v verdict) {
	count := map[plan.Action]*int{plan.Create: &s.Created, plan.Update: &s.Updated, plan.Metadata: &s.Metadata, plan.Restore: &s.Restored, plan.Remove: &s.Deleted}
	for n := range r.Changes {
		c := &r.Changes[n]
		if to := count[c.Action]; to != nil && c.Outcome == engine.Applied {
			*to++
		}
		if c.Action == plan.Keep {
			s.Kept++
		}
	}
	s.Unchanged += r.Summary.Unchanged
	s.Refused += len(v.refused)
	s.HeldBack += len(v.held)
	s.failed += len(v.failed)
	s.late += len(v.late)
	s.unseen += len(r.Problems)
}

// text says what failed, as an error's message.
func (s *summary) text(first error) string {
	var parts []string
	rotated := cmp.Or(s.Rotations, &rotations{})
	for _, part := range []struct {
		n    int
		what string
	}{
		{s.malformed, "malformed"}, {s.failed, "failed"}, {s.late, "not reached before the deadline"}, {s.unseen, "could not be looked at"},
		{s.Created + s.Updated + s.Metadata + s.Restored + s.Deleted, "applied"},
		{rotated.failed, "not rotated"}, {rotated.late, "rotations not reached before the deadline"}, {rotated.Rotated, "rotated"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	text := strings.Join(parts, ", ")
	if first == nil {
		return text
	}
	if text != "" {
		text += "; first: "
	}
	return text + first.Error()
}
