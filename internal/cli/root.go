package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const about = `Secret Sync copies secrets from where they are kept to where they are needed: AWS accounts and Regions.

There is no state file: every copy carries a mark that says whose it is and where it comes from.
Nothing that does not carry our mark is ever overwritten or deleted, unless a person adopts it by name.`

// newRoot returns the command line: one command a file.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use: "secretsync", Short: "Copies secrets to where they are needed", Long: about,
		SilenceErrors: true, SilenceUsage: true, Args: cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.begin(cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.getenv(lambdaEnv) != "" {
				return a.lambda(cmd.Context())
			}
			return cmd.Help()
		},
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\nsee: %s --help", err, cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVarP(&a.flags.config, "config", "c", "", "the configuration: a file, secretsmanager:NAME or ssm:NAME\n(default $SECRETSYNC_CONFIG, else ./secretsync.yaml, else the built-in one)")
	f.StringVarP(&a.flags.output, "output", "o", "text", "how results are printed: text or json")
	f.StringArrayVar(&a.flags.only, "only", nil, "only source secrets whose names match this glob (repeatable); such a run deletes nothing")
	f.StringVar(&a.flags.sync, "sync", "", "only this sync of the configuration; such a run deletes nothing")
	f.StringVar(&a.flags.logLevel, "log-level", "warn", "what is logged: debug, info, warn or error")
	f.StringVar(&a.flags.logFormat, "log-format", "text", "how it is logged: text or json")
	for flag, choices := range map[string][]string{"output": {"text", "json"}, "log-level": {"debug", "info", "warn", "error"}, "log-format": {"text", "json"}} {
		_ = root.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)) // fails for a flag that is not there only
	}
	root.AddCommand(
		newPlan(a), newApply(a), newSync(a), newStatus(a), newExplain(a), newVerify(a), newRotate(a), newShare(a), newExec(a),
		newInit(a), newGenerate(a), newValidate(a), newSchema(a), newDoctor(a), newServe(a), newSandbox(a), newDemo(a), newVersion(a),
	)
	askForShell(root)
	return root
}

// options returns what the flags of every command say of a run.
func (a *app) options() (engine.Options, error) {
	only, err := globs("only", a.flags.only)
	return engine.Options{Only: only, Sync: secret.SyncName(a.flags.sync)}, err
}

// allowDeletes adds --allow-deletes to a command, and returns how to read it: nil where it was not given.
func allowDeletes(cmd *cobra.Command) func() (*int, error) {
	n := cmd.Flags().Int("allow-deletes", 0, "let up to this many deletions per target go, once, whatever the brakes say")
	return func() (*int, error) {
		switch {
		case !cmd.Flags().Changed("allow-deletes"):
			return nil, nil // not given is a value of its own
		case *n < 0:
			return nil, fmt.Errorf("--allow-deletes %d: want 0 or more", *n)
		}
		return n, nil
	}
}

// planning adds --adopt and --allow-deletes to a command that plans, and returns how to read the options of the run.
func (a *app) planning(cmd *cobra.Command) func() (engine.Options, error) {
	adopt := cmd.Flags().StringArray("adopt", nil, "take over existing secrets whose names match this glob, although they do not carry our mark (repeatable)")
	deletes := allowDeletes(cmd)
	return func() (engine.Options, error) {
		o, err := a.options()
		if err != nil {
			return o, err
		}
		if o.Adopt, err = globs("adopt", *adopt); err != nil {
			return o, err
		}
		o.AllowDeletes, err = deletes()
		return o, err
	}
}

// globs returns the globs of a flag, none of which may be empty.
func globs(flag string, all []string) ([]string, error) {
	if slices.Contains(all, "") {
		return nil, fmt.Errorf("--%s is empty: want a glob on names, as in \"prod/**\"", flag)
	}
	return all, nil
}
