package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

func newApply(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Applies exactly a saved plan, or nothing if something has moved", Args: cobra.ExactArgs(1),
		Example: "  secretsync plan --out plan.json && secretsync apply plan.json",
	}
	deletes := allowDeletes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(a.flags.only) > 0 || a.flags.sync != "" {
			return errors.New("apply takes a plan as it is: give --only and --sync to secretsync plan")
		}
		allow, err := deletes()
		if err != nil {
			return err
		}
		saved, err := readPlan(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		s, err := a.open(cmd.Context())
		if err != nil {
			return err
		}
		t, err := a.teller(s)
		if err != nil {
			return err
		}
		run, err := s.engine.Resume(cmd.Context(), saved, allow)
		if err != nil {
			a.introduceFailed(s)
			t.ended(cmd.Context(), err)
			return err
		}
		a.introduce(cmd.Context(), s, saved.Owner, false)
		a.warnAll(saved.Warnings)
		return a.apply(cmd.Context(), t, run)
	}
	return cmd
}
