package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

func newStatus(a *app) *cobra.Command {
	var fresh, detailed bool
	cmd := &cobra.Command{Use: "status", Short: "Shows the state of every copy in every target", Args: cobra.NoArgs}
	cmd.Flags().BoolVar(&fresh, "fresh", false, "describe every secret instead of trusting listings, which may lag some minutes")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 where copies are not in sync")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := a.options()
		if err != nil {
			return err
		}
		o.Fresh = fresh
		s, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		st, err := s.engine.Status(cmd.Context(), o)
		if err != nil {
			a.introduceFailed(s)
			return err
		}
		a.introduce(cmd.Context(), s, st.Owner, len(st.Copies) == 0 && len(st.Problems) == 0)
		a.warnAll(st.Warnings)
		if err := a.printStatus(st); err != nil {
			return err
		}
		return exitWith(codeOfStatus(st, detailed))
	}
	return cmd
}

func (a *app) printStatus(st *engine.Status) error {
	if a.json() {
		return a.printJSON(st)
	}
	page := a.newPage()
	for all := st.Copies; len(all) > 0; {
		n := 1
		for n < len(all) && sameTarget(all[0].Target, all[n].Target) {
			n++
		}
		page.gap()
		page.heading(targetName(all[0].Target) + ": " + states(countStates(all[:n])))
		page.table(statusRows(all[:n]))
		all = all[n:]
	}
	page.problems(st.Problems)
	page.gap()
	page.linef("%s: %s.", count(len(st.Copies), "copy", "copies"), states(st.Summary))
	return a.print(page.String())
}

func countStates(copies []engine.CopyStatus) map[plan.State]int {
	n := map[plan.State]int{}
	for i := range copies {
		n[copies[i].State]++
	}
	return n
}

// states is "41 in-sync, 2 behind".
func states(n map[plan.State]int) string {
	var parts []string
	for _, s := range []plan.State{plan.InSync, plan.Behind, plan.DriftedAway, plan.NotOurs, plan.Orphan, plan.Deleting, plan.Refused, plan.Unknown} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// statusRows are the copies that are not in sync.
func statusRows(copies []engine.CopyStatus) []row {
	type sameState struct {
		state  plan.State
		reason plan.Reason
		detail string
	}
	same := map[sameState]int{}
	for _, c := range copies {
		same[sameState{c.State, c.Reason, c.Detail}]++
	}
	shown := map[sameState]bool{}
	var rows []row
	for _, c := range copies {
		if c.State == plan.InSync {
			continue
		}
		what := string(c.Name)
		since := ""
		if c.Since != nil {
			since = "since " + c.Since.UTC().Format(time.RFC3339)
		}
		if k := (sameState{c.State, c.Reason, c.Detail}); same[k] > foldAbove && c.State != plan.Behind && c.State != plan.DriftedAway {
			if shown[k] {
				continue
			}
			shown[k] = true
			what, since = fmt.Sprintf("%d secrets: %s, …", same[k], c.Name), ""
		}
		rows = append(rows, row{colour: stateColour(c.State), cells: []string{string(c.State), what, string(c.Reason), list(c.Detail, since)}})
	}
	return rows
}

func stateColour(s plan.State) string {
	switch s {
	case plan.Behind, plan.DriftedAway:
		return yellow
	case plan.Orphan, plan.Deleting:
		return faint
	}
	return red
}
