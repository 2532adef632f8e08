package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Checks credentials, roles, permissions, keys and reachability of every store; names what is missing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.options()
			if err != nil {
				return err
			}
			s, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			all, err := s.engine.Doctor(cmd.Context(), o)
			if err != nil {
				a.introduceFailed(s)
				return err
			}
			a.introduce(cmd.Context(), s, "", false)
			all = append(all, a.checkRotations(cmd.Context(), s)...)
			return a.printChecks(append(all, a.checkNotify(s)...))
		},
	}
}

// checkRotations says whether the secrets that are rotated can be looked at, and are rotated by nobody else. It rotates nothing.
func (a *app) checkRotations(ctx context.Context, s *session) (all []engine.Check) {
	for i := range s.file.Rotations {
		ref := store.Ref{Store: s.file.Rotations[i].Store, Secret: s.file.Rotations[i].Secret}
		c := engine.Check{Check: "rotation", Subject: nameOf(ref), OK: true, Detail: "its versions can be looked at; nothing was rotated"}
		r, err := a.rotation(ctx, s, ref)
		if err == nil {
			_, _, err = r.age(ctx)
		}
		if err != nil {
			c.OK, c.Detail = false, err.Error()
		}
		all = append(all, c)
	}
	return all
}

// checkNotify says whether what `notify:` needs is there. It sends nothing.
func (a *app) checkNotify(s *session) []engine.Check {
	if len(s.file.Notify) == 0 {
		return nil
	}
	c := engine.Check{Check: "notify", Subject: "notifications", OK: true, Detail: "passwords, keys and addresses are there; nothing was sent"}
	if _, err := a.teller(s); err != nil {
		c.OK, c.Detail = false, err.Error()
	}
	return []engine.Check{c}
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
