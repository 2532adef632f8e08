package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

func newSync(a *app) *cobra.Command {
	var event string
	cmd := &cobra.Command{Use: "sync", Short: "Plans and applies in one go", Args: cobra.NoArgs}
	options := a.planning(cmd)
	cmd.Flags().StringVar(&event, "event", "", "only what this event names: a file with an event of EventBridge, SQS or SNS; - is standard input")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := options()
		if err != nil {
			return err
		}
		malformed := 0
		if cmd.Flags().Changed("event") {
			if o, malformed, err = a.readEvent(cmd.Context(), event, o); err != nil {
				return err
			}
		}
		s, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		t, err := a.teller(s)
		if err != nil {
			return err
		}
		run, err := a.plan(cmd.Context(), s, o)
		if err != nil {
			t.ended(cmd.Context(), err)
			return err
		}
		if err := a.apply(cmd.Context(), t, run); err != nil || malformed == 0 {
			return err
		}
		return exitWith(exitPartly)
	}
	return cmd
}

// apply applies a run, prints its report, tells of what failed, and returns its exit code.
func (a *app) apply(ctx context.Context, t *teller, run *engine.Run) error {
	stop := context.AfterFunc(ctx, func() {
		a.note("interrupted: finishing the writes in flight; a second interrupt ends the program at once")
	})
	defer stop()
	r := t.session.engine.Apply(ctx, run)
	err := a.printReport(r)
	t.done(ctx, r)
	if err != nil {
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
