package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

const defaultBudget = 1000

func newVerify(a *app) *cobra.Command {
	var budget int
	cmd := &cobra.Command{
		Use: "verify", Short: "Compares values for real, within a budget; prints no value", Args: cobra.NoArgs,
		Long: "Compares the values of copies with those of their sources, for real. It prints no value.\nIt needs the permission to read in the targets; what can't be read is not verified.",
	}
	cmd.Flags().IntVar(&budget, "budget", defaultBudget, "how many values are read at most")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if budget < 1 {
			return fmt.Errorf("--budget %d: want 1 or more", budget)
		}
		all, err := ask(cmd.Context(), a, func(e *engine.Engine, ctx context.Context, o engine.Options) ([]engine.Verification, error) {
			return e.Verify(ctx, o, budget)
		})
		if err != nil {
			return err
		}
		return a.printVerifications(all)
	}
	return cmd
}

// verified counts comparisons by what they came to.
type verified struct {
	Equal       int `json:"equal"`
	Different   int `json:"different"`
	NotVerified int `json:"notVerified"`
}

func (a *app) printVerifications(all []engine.Verification) error {
	var n verified
	for i := range all {
		switch all[i].Result {
		case engine.Equal:
			n.Equal++
		case engine.Different:
			n.Different++
		default:
			n.NotVerified++
		}
	}
	if err := a.writeVerifications(all, n); err != nil {
		return err
	}
	if n.Different+n.NotVerified > 0 {
		return exit(exitPartly)
	}
	return nil
}

func (a *app) writeVerifications(all []engine.Verification, n verified) error {
	if a.json() {
		return a.printJSON(struct {
			Version int                   `json:"version"`
			Checks  []engine.Verification `json:"checks"`
			Summary verified              `json:"summary"`
		}{engine.PlanVersion, all, n})
	}
	page := a.newPage()
	for len(all) > 0 {
		var rows []row
		i := 0
		for ; i < len(all) && sameTarget(all[0].Target, all[i].Target); i++ {
			if all[i].Result != engine.Equal {
				rows = append(rows, row{symbol: "!", colour: red, cells: []string{string(all[i].Name), all[i].Result, all[i].Detail}})
			}
		}
		if len(rows) > 0 {
			page.gap()
			page.heading(targetName(all[0].Target))
			page.table(rows)
		}
		all = all[i:]
	}
	page.gap()
	page.linef("Verified: %d equal, %d different, %d not verified.", n.Equal, n.Different, n.NotVerified)
	return a.print(page.String())
}
