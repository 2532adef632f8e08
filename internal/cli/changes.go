package cli

import (
	"fmt"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// foldAbove is how many lines that say the same of one target are shown before they become one.
const foldAbove = 5

// look is how an action is shown.
type look struct{ symbol, colour string }

func lookOf(a plan.Action) look {
	switch a {
	case plan.Create:
		return look{"+", green}
	case plan.Update:
		return look{"~", yellow}
	case plan.Metadata:
		return look{"m", yellow}
	case plan.Restore:
		return look{"r", green}
	case plan.Remove:
		return look{"-", red}
	case plan.Keep:
		return look{".", faint}
	}
	return look{"!", red}
}

// changes writes the changes of a plan, or of a report, target by target. Results of a plan have no outcome.
func (p *page) changes(all []engine.Result) {
	syncs := map[secret.SyncName]bool{}
	for i := range all {
		syncs[all[i].Sync] = true
	}
	for len(all) > 0 {
		n := 1
		for n < len(all) && sameTarget(all[0].Target, all[n].Target) {
			n++
		}
		p.gap()
		p.heading(targetName(all[0].Target))
		p.table(changeRows(all[:n], len(syncs) > 1))
		all = all[n:]
	}
}

func sameTarget(a, b *plan.Target) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func targetName(t *plan.Target) string {
	if t == nil {
		return "not routed"
	}
	return t.String()
}

// sameLine is what changes of one target have in common when they become one line.
type sameLine struct {
	action         plan.Action
	reason         plan.Reason
	outcome        engine.Outcome
	detail, failed string
	sync           secret.SyncName
}

func lineOf(r *engine.Result) sameLine {
	return sameLine{action: r.Action, reason: r.Reason, outcome: r.Outcome, detail: r.Detail, failed: r.Error, sync: r.Sync}
}

// folds reports whether changes like this one may become one line: those that leave their copy alone.
func folds(r *engine.Result) bool {
	return r.Action == plan.Refusal || r.Action == plan.Keep || r.Outcome == engine.Skipped
}

func changeRows(changes []engine.Result, manySyncs bool) []row {
	same := map[sameLine][]secret.Name{}
	for i := range changes {
		same[lineOf(&changes[i])] = append(same[lineOf(&changes[i])], changes[i].Name)
	}
	var rows []row
	for i := range changes {
		c := &changes[i]
		what := fmt.Sprint(c.Name)
		if names := same[lineOf(c)]; folds(c) && len(names) > foldAbove {
			if names[0] != c.Name {
				continue
			}
			what = fmt.Sprintf("%d secrets: %s, %s, …", len(names), names[0], names[1])
		}
		rows = append(rows, changeRow(c, what, manySyncs))
	}
	return rows
}

func changeRow(c *engine.Result, what string, manySyncs bool) row {
	shown := lookOf(c.Action)
	if c.Outcome == engine.Failed {
		shown.colour = red
	}
	r := row{symbol: shown.symbol, colour: shown.colour, cells: []string{what, string(c.Reason)}}
	if c.Outcome != "" {
		outcome := string(c.Outcome)
		if c.Action == plan.Keep {
			outcome = "kept"
		}
		r.cells = append(r.cells, outcome)
	}
	var notes []string
	if c.NewTarget {
		notes = append(notes, "new target")
	}
	if c.Source.Name != "" && c.Source.Name != c.Name {
		notes = append(notes, fmt.Sprintf("from %s", c.Source.Name))
	}
	if c.Detail != "" && c.Detail != c.Error {
		notes = append(notes, c.Detail)
	}
	if manySyncs {
		notes = append(notes, fmt.Sprintf("sync %s", c.Sync))
	}
	r.cells = append(r.cells, strings.Join(notes, "; "))
	r.under = c.Error
	return r
}
