package cli

import (
	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Prints the configuration's JSON Schema (draft-07)", Args: cobra.NoArgs,
		Example: "  secretsync schema > secretsync.schema.json\n  # and as the first line of secretsync.yaml:\n  # yaml-language-server: $schema=secretsync.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, registry, err := a.drivers(newRunID())
			if err != nil {
				return err
			}
			data, err := config.Schema(wire.Kinds(registry))
			if err != nil {
				return err
			}
			return a.print(string(data))
		},
	}
}
