package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

func newPlan(a *app) *cobra.Command {
	var out string
	var fresh, detailed bool
	cmd := &cobra.Command{
		Use: "plan", Short: "Shows what a run would change, and why; touches nothing", Args: cobra.NoArgs,
		Example: "  secretsync plan\n  secretsync plan --out plan.json && secretsync apply plan.json",
	}
	options := a.planning(cmd)
	cmd.Flags().StringVar(&out, "out", "", "save the plan to this file, for secretsync apply")
	cmd.Flags().BoolVar(&fresh, "fresh", false, "describe every secret instead of trusting listings, which may lag some minutes")
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 where there are changes")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := options()
		if err != nil {
			return err
		}
		o.Fresh = fresh
		s, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		run, err := a.plan(cmd.Context(), s, o)
		if err != nil {
			return err
		}
		if out != "" {
			if err := savePlan(cmd.Context(), out, run.Plan); err != nil {
				return err
			}
		}
		if err := a.printPlanWith(run.Plan, a.advice(cmd.Context(), s, run.Plan)); err != nil {
			return err
		}
		if out != "" {
			a.note("saved: secretsync apply %s applies exactly this plan", out)
		}
		return exitWith(codeOfPlan(run.Plan, detailed))
	}
	return cmd
}

// plan plans a run.
func (a *app) plan(ctx context.Context, s *session, o engine.Options) (*engine.Run, error) {
	run, err := s.engine.Plan(ctx, o)
	if err != nil {
		a.introduceFailed(s)
		return nil, err
	}
	p := run.Plan
	a.introduce(ctx, s, p.Owner, len(p.Changes) == 0 && p.Summary.Unchanged == 0 && len(p.Problems) == 0)
	a.warnAll(p.Warnings)
	return run, nil
}

func (a *app) printPlan(p *plan.Plan) error { return a.printPlanWith(p, plan.Advice{}) }

// printPlanWith is printPlan, with what else than copies would do.
func (a *app) printPlanWith(p *plan.Plan, advice plan.Advice) error {
	if a.json() {
		return a.printJSON(p)
	}
	results := make([]engine.Result, len(p.Changes))
	for i, c := range p.Changes {
		results[i].Change = c
	}
	page := a.newPage()
	page.changes(results)
	page.problems(p.Problems)
	page.staleList(p.StaleList)
	page.brakes(p.Brakes)
	page.planSummary(p.Summary)
	page.newTargets(results)
	page.cost(p.CostPerMonth)
	page.advice(advice)
	return a.print(page.String())
}
