package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Checks credentials, roles, permissions, keys and reachability of every store; names what is missing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := ask(cmd.Context(), a, (*engine.Engine).Doctor)
			if err != nil {
				return err
			}
			return a.printChecks(all)
		},
	}
}

func (a *app) printChecks(all []engine.Check) error {
	if err := a.writeChecks(all); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(c engine.Check) bool { return !c.OK }) {
		return exit(exitPartly)
	}
	return nil
}

func (a *app) writeChecks(all []engine.Check) error {
	if a.json() {
		return a.printJSON(struct {
			Version int            `json:"version"`
			Checks  []engine.Check `json:"checks"`
		}{engine.PlanVersion, all})
	}
	page := a.newPage()
	failed := 0
	var rows []row
	for i, c := range all {
		r := row{symbol: "ok  ", colour: green, cells: []string{c.Check, c.Detail}}
		if !c.OK {
			failed++
			r.symbol, r.colour = "FAIL", red
		}
		rows = append(rows, r)
		if i+1 == len(all) || all[i+1].Subject != c.Subject {
			page.gap()
			page.heading(c.Subject)
			page.table(rows)
			rows = nil
		}
	}
	page.gap()
	if failed == 0 {
		page.linef("All %s passed.", count(len(all), "check", "checks"))
	} else {
		page.linef("%d of %s failed.", failed, count(len(all), "check", "checks"))
	}
	return a.print(page.String())
}
