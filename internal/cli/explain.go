package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func newExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "explain NAME", Short: "Says which sync, tag, group or rule puts a secret in, or keeps it out of, every target", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := ask(cmd.Context(), a, func(e *engine.Engine, ctx context.Context, o engine.Options) ([]engine.Explanation, error) {
				return e.Explain(ctx, secret.Name(args[0]), o)
			})
			if err != nil {
				return err
			}
			return a.printExplanations(args[0], all)
		},
	}
}

func (a *app) printExplanations(name string, all []engine.Explanation) error {
	if a.json() {
		return a.printJSON(struct {
			Version int                  `json:"version"`
			Targets []engine.Explanation `json:"targets"`
		}{engine.PlanVersion, all})
	}
	page := a.newPage()
	page.heading(name)
	var rows []row
	for i, e := range all {
		r := row{symbol: "-", colour: faint, cells: []string{"goes nowhere", e.Why}}
		switch {
		case e.Target != nil && e.Wanted:
			r.symbol, r.colour, r.cells[0] = "+", green, e.Target.String()
		case e.Target != nil:
			r.cells[0] = "not to " + e.Target.String()
		}
		rows = append(rows, r)
		if i+1 == len(all) || all[i+1].Sync != e.Sync {
			page.linef(" sync %s, from %s", e.Sync, e.Source.Store)
			page.table(rows)
			rows = nil
		}
	}
	return a.print(page.String())
}
