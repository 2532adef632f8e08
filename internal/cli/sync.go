package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

func newSync(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "sync", Short: "Plans and applies in one go", Args: cobra.NoArgs}
	options := a.planning(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := options()
		if err != nil {
			return err
		}
		s, run, err := a.plan(cmd, o)
		if err != nil {
			return err
		}
		return a.apply(cmd.Context(), s, run)
	}
	return cmd
}

// apply applies a run, prints its report and returns its exit code.
func (a *app) apply(ctx context.Context, s *session, run *engine.Run) error {
	stop := context.AfterFunc(ctx, func() {
		a.note("interrupted: finishing the writes in flight; a second interrupt ends the program at once")
	})
	defer stop()
	r := s.engine.Apply(ctx, run)
	if err := a.printReport(r); err != nil {
		return err
	}
	return exitWith(codeOfReport(r))
}

func (a *app) printReport(r *engine.Report) error {
	if a.json() {
		return a.printJSON(r)
	}
	page := a.newPage()
	page.changes(r.Changes)
	page.problems(r.Problems)
	page.staleList(r.StaleList)
	page.brakes(r.Brakes)
	page.reportSummary(r)
	page.newTargets(r.Changes)
	page.cost(r.CostPerMonth)
	return a.print(page.String())
}
