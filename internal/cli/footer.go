package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// brakes says which deletions are held back, and how to let them go.
func (p *page) brakes(all []plan.Brake) {
	if len(all) == 0 {
		return
	}
	p.gap()
	p.heading("Deletions held back")
	most := 0
	for _, b := range all {
		p.linef("  %s: %d of %s would be deleted, and the limit is %d", b.Target, b.Deletes, count(b.Of, "copy", "copies"), b.Limit)
		most = max(most, b.Deletes)
	}
	p.linef("  If they are meant, let them go once with --allow-deletes %d; else look for what made their sources disappear.", most)
}

// problems says what could not be looked at.
func (p *page) problems(all []plan.Problem) {
	if len(all) == 0 {
		return
	}
	p.gap()
	p.heading("Could not be looked at")
	for _, pr := range all {
		switch {
		case pr.Target != nil:
			p.linef("  %s: %s", pr.Target, pr.Error)
		case pr.Sync != "":
			p.linef("  sync %s: %s", pr.Sync, pr.Error)
		default:
			p.linef("  %s", pr.Error)
		}
	}
	p.linef("  Nothing is changed there; everything else goes on. secretsync doctor looks closer.")
}

// staleList says which sources a listing left out although they exist.
func (p *page) staleList(all []plan.StaleList) {
	if len(all) == 0 {
		return
	}
	p.gap()
	p.heading("Stale listing")
	for _, s := range all {
		p.linef("  %s (sync %s)", s.Name, s.Sync)
	}
	p.linef("  The listing of the source left out what a description finds: the copies are kept. Listings lag some minutes; a later run sees them.")
}

// newTargets explains the words "new target", once, where changes carry them.
func (p *page) newTargets(all []engine.Result) {
	n := 0
	for i := range all {
		if all[i].NewTarget && (all[i].Outcome == "" || all[i].Outcome == engine.Applied) { // a plan has no outcomes yet
			n++
		}
	}
	if n > 0 {
		p.linef("New target: it never had this secret before (%s).", count(n, "copy", "copies"))
	}
}

// hintFrom is how many copies that cost something make it worth saying where others would cost nothing.
const hintFrom = 10

// cost says what copies cost.
func (p *page) cost(c plan.Cost) {
	all := count(c.Copies, "copy", "copies")
	const basis = "(list price of a stored secret; API calls are extra)"
	switch {
	case c.Total == 0 && c.Added == 0:
	case c.Total == 0:
		p.linef("The copies it creates cost $%.2f a month more %s.", c.Added, basis)
	case c.Added > 0:
		p.linef("The copies it creates cost $%.2f a month more; %s in all: $%.2f a month %s.", c.Added, all, c.Total, basis)
	default:
		p.linef("%s in all: $%.2f a month %s.", all, c.Total, basis)
	}
	if c.Added > 0 && c.Copies >= hintFrom {
		p.linef("Parameter Store keeps values of up to 4 KiB for nothing (type: aws-parameter-store), where those who read them can read them there.")
	}
}

func (p *page) planSummary(s plan.Summary) {
	some := func(n int, what string) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%d %s", n, what)
	}
	p.gap()
	text := list(some(s.Create, "to create"), some(s.Update, "to update"), some(s.Metadata, "whose tags, description or key change"), some(s.Restore, "to restore"),
		some(s.Delete, "to delete"), some(s.Keep, "kept although nothing wants them"), some(s.Refuse, "refused"), fmt.Sprintf("%d unchanged", s.Unchanged))
	if s.Writes() == 0 {
		p.linef("Plan: nothing to change: %s.", text)
		return
	}
	p.linef("Plan: %s.", text)
}

// reportSummary counts what was done by what came of it.
func (p *page) reportSummary(r *engine.Report) {
	done := map[string]int{}
	for i := range r.Changes {
		done[pastOf(&r.Changes[i])]++
	}
	var parts []string
	for _, past := range []string{"created", "updated", "with new tags, description or key", "restored", "scheduled for deletion", "kept although nothing wants them", "FAILED", "refused", "skipped"} {
		if n := done[past]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, past))
		}
	}
	parts = append(parts, fmt.Sprintf("%d unchanged", r.Summary.Unchanged))
	p.gap()
	switch {
	case r.Interrupted:
		p.linef("Interrupted: %s.", strings.Join(parts, ", "))
	case !slices.ContainsFunc(r.Changes, func(c engine.Result) bool { return c.Outcome == engine.Applied }):
		p.linef("Nothing was changed: %s.", strings.Join(parts, ", "))
	default:
		p.linef("Done: %s.", strings.Join(parts, ", "))
	}
}

func pastOf(r *engine.Result) string {
	switch {
	case r.Action == plan.Keep:
		return "kept although nothing wants them"
	case r.Outcome == engine.Failed:
		return "FAILED"
	case r.Outcome != engine.Applied:
		return string(r.Outcome)
	}
	switch r.Action {
	case plan.Create:
		return "created"
	case plan.Update:
		return "updated"
	case plan.Metadata:
		return "with new tags, description or key"
	case plan.Restore:
		return "restored"
	}
	return "scheduled for deletion"
}
