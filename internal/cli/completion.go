package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// askForShell has `completion` fail where no shell is named, or none that it knows: whoever reads its output into a shell must not read its help.
func askForShell(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(cmd *cobra.Command, args []string) error {
			cmd.PrintErrln(cmd.UsageString())
			if len(args) == 0 {
				return errors.New("completion needs a shell: bash, fish, powershell or zsh")
			}
			return fmt.Errorf("completion for %q: want bash, fish, powershell or zsh", args[0])
		}
	}
}
