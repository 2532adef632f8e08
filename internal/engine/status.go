package engine

import (
	"context"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// CopyStatus is the state of one copy. Target is nil where routing itself is refused.
type CopyStatus struct {
	Sync   secret.SyncName `json:"sync"`
	Source plan.SourceRef  `json:"source"`
	Target *plan.Target    `json:"target"`
	Name   secret.Name     `json:"name"`
	State  plan.State      `json:"state"`
	Reason plan.Reason     `json:"reason"`
	Detail string          `json:"detail,omitempty"`
	Since  *time.Time      `json:"since"` // the copy's last change; nil where the store does not tell
}

// Status is the state of every copy of every secret in every target.
type Status struct {
	Version  int                `json:"version"`
	Owner    secret.Owner       `json:"owner"`
	Copies   []CopyStatus       `json:"copies"`
	Summary  map[plan.State]int `json:"summary"`
	Problems []plan.Problem     `json:"problems,omitempty"`
	Warnings []string           `json:"warnings,omitempty"`

	waiting int // wanted copies that wait for their deletion
}

// AllInSync reports whether every wanted copy is as wanted; orphans that are kept and deletions under way do not count.
func (s *Status) AllInSync() bool {
	for state, n := range s.Summary {
		if n > 0 && state != plan.InSync && state != plan.Orphan && state != plan.Deleting {
			return false
		}
	}
	return len(s.Problems) == 0 && s.waiting == 0
}

// Status looks at every source and target as Plan does, with the same errors, and returns the state of every copy.
func (e *Engine) Status(ctx context.Context, o Options) (*Status, error) {
	s, err := e.survey(ctx, o)
	if err != nil {
		return nil, err
	}
	st := &Status{Version: PlanVersion, Owner: s.owner, Copies: []CopyStatus{}, Summary: map[plan.State]int{}, Warnings: s.warnings}
	for _, r := range s.about() {
		if err := s.failed[r.Name]; err != nil {
			st.Problems = append(st.Problems, plan.Problem{Sync: r.Name, Error: err.Error()})
		}
	}
	for _, c := range s.refusals {
		if s.failed[c.Sync] == nil {
			st.Copies = append(st.Copies, CopyStatus{Sync: c.Sync, Source: c.Source, Name: c.Name, State: plan.Refused, Reason: c.Reason, Detail: c.Detail})
		}
	}
	all := e.compare(ctx, s, func(at *seen, f plan.Found) { st.Copies = append(st.Copies, statusOf(at, f)) })
	for _, at := range all {
		if at.err != nil {
			st.Problems = append(st.Problems, problem(at.target, at.err))
		}
		if at.unlisted {
			st.Warnings = append(st.Warnings, unlisted(at.target))
		}
	}
	slices.SortStableFunc(st.Copies, func(a, b CopyStatus) int {
		return plan.CompareChanges(plan.Change{Target: a.Target, Name: a.Name}, plan.Change{Target: b.Target, Name: b.Name})
	})
	for _, c := range st.Copies {
		st.Summary[c.State]++
		if c.State == plan.Deleting && c.Reason != "" {
			st.waiting++
		}
	}
	return st, ctx.Err()
}

func statusOf(at *seen, f plan.Found) CopyStatus {
	c := CopyStatus{Target: at.targetOf(f.Want), State: f.State}
	if f.Want != nil {
		c.Sync, c.Name = f.Want.Rule.Name, f.Want.Name
		c.Source = f.Want.Ref()
	}
	if f.Have != nil {
		c.Name = f.Have.Name
		if !f.Have.Changed.IsZero() {
			c.Since = &f.Have.Changed
		}
		if f.Want == nil {
			c.Sync, c.Source = f.Have.Mark.Sync, plan.SourceRef{Name: f.Have.Mark.Source.Name()}
		}
	}
	if f.Change != nil {
		c.Reason, c.Detail = f.Change.Reason, f.Change.Detail
	}
	return c
}
