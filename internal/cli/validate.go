package cli

import (
	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/wire"
)

func newValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Checks the configuration without any network", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			factory, registry, err := a.drivers(newRunID())
			if err != nil {
				return err
			}
			f, _, err := a.load(cmd.Context(), factory, wire.Kinds(registry))
			if err != nil {
				return err
			}
			if _, err := wire.Open(f, registry); err != nil {
				return err
			}
			if a.json() {
				return a.printJSON(struct {
					Version int    `json:"version"`
					File    string `json:"file"`
					Valid   bool   `json:"valid"`
					Syncs   int    `json:"syncs"`
					Stores  int    `json:"stores"`
				}{1, f.Path, true, len(f.Rules), len(f.Stores)})
			}
			page := a.newPage()
			page.linef("%s is valid: %s, %s", f.Path, count(len(f.Rules), "sync", "syncs"), count(len(f.Stores), "store", "stores"))
			return a.print(page.String())
		},
	}
}
