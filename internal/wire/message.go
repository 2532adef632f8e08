package wire

import (
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/notify"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Message returns what is to be told of a run, and whether anything is: something failed, was refused, could not be looked at, or was held back.
// The caller adds what it knows of the run: RunID, Account, Region and Syncs.
func Message(r *engine.Report) (m notify.Message, tell bool) {
	m = notify.Message{Version: 1, Owner: string(r.Owner), Time: r.MadeAt, Outcome: notify.Failed}
	count := map[plan.Action]*int{plan.Create: &m.Summary.Created, plan.Update: &m.Summary.Updated, plan.Metadata: &m.Summary.Metadata,
		plan.Restore: &m.Summary.Restored, plan.Remove: &m.Summary.Deleted}
	for i := range r.Changes {
		c := &r.Changes[i]
		switch n := count[c.Action]; {
		case c.Outcome == engine.Applied && n != nil:
			*n++
			continue
		case c.Action == plan.Keep:
			m.Summary.Kept++
			continue
		case c.Outcome == engine.Failed:
			m.Summary.Failed++
		case c.Outcome == engine.Refused:
			m.Summary.Refused++
		default:
			m.Summary.Skipped++
			continue // a brake tells of its own; and an interruption is no failure
		}
		m.Failures = append(m.Failures, failure(c))
	}
	m.Summary.Unchanged = r.Summary.Unchanged
	for _, p := range r.Problems {
		m.Problems = append(m.Problems, notify.Problem{Sync: string(p.Sync), Target: targetOf(p.Target), Error: p.Error})
	}
	for _, b := range r.Brakes {
		m.Brakes = append(m.Brakes, notify.Brake{Target: b.Target.String(), Deletes: b.Deletes, Of: b.Of, Limit: b.Limit})
	}
	return m, len(m.Failures)+len(m.Problems)+len(m.Brakes) > 0
}

func failure(c *engine.Result) notify.Failure {
	return notify.Failure{Sync: string(c.Sync), Source: source(c.Source.Store, c.Source.Name), Name: string(c.Name), Target: targetOf(c.Target),
		Action: string(c.Action), Outcome: string(c.Outcome), Reason: string(c.Reason), Error: c.Error}
}

func source(store secret.StoreName, name secret.Name) string {
	if store == "" {
		return string(name)
	}
	return string(store) + " " + string(name)
}

func targetOf(t *plan.Target) string {
	if t == nil {
		return ""
	}
	return t.String()
}
