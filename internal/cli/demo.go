package cli

import (
	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/demo"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Shows the main job, start to end, on an AWS in memory", Args: cobra.NoArgs,
		Long: `Shows the main job, start to end, on an AWS in memory: no account, no network, no configuration.
It checks what it tells, prints no value, takes a second or two and leaves nothing behind.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			show := demo.Show{Text: a.print, Plan: a.printPlan, Report: a.printReport, Code: codeOfReport}
			if !a.json() {
				_, err := demo.Run(cmd.Context(), show)
				return err
			}
			show.Text = func(string) error { return nil }
			show.Plan = func(*plan.Plan) error { return nil }
			show.Report = func(*engine.Report) error { return nil }
			steps, err := demo.Run(cmd.Context(), show)
			if err != nil {
				return err
			}
			return a.printJSON(struct {
				Version int         `json:"version"`
				Steps   []demo.Step `json:"steps"`
			}{1, steps})
		},
	}
}
