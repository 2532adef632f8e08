package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// execution is what the flags of `exec` say.
type execution struct {
	store              string
	pristine           bool
	withoutCredentials bool
	overwrite          bool
}

func newExec(a *app) *cobra.Command {
	var x execution
	cmd := &cobra.Command{
		Use: "exec NAME... -- CMD [ARG...]", Short: "Runs a command with secrets in its environment",
		Long: `Runs a command with secrets in its environment, and becomes it: signals, the terminal and the exit code are the command's own.

NAME is one of these; quote what your shell would take for a pattern:
  app/db           a JSON object gives a variable for each member, "api-key" as API_KEY; any other value gives one, DB
  'DB_*=app/db'    a variable for each member, DB_API_KEY; '*=app/db' is the same without a prefix
  VAR=app/db       the whole value in VAR
  app/db#member    one member, in MEMBER
  VAR=app/db#member

Nothing is run where a secret can't be read, or a variable would be set twice or is set already.`,
		DisableFlagsInUseLine: true,
	}
	f := cmd.Flags()
	f.StringVar(&x.store, "store", "", "the store of the configuration that the secrets are read from (default: the one that all syncs read)")
	f.BoolVar(&x.pristine, "pristine", false, "the command gets the secrets alone, and nothing of this environment")
	f.BoolVar(&x.withoutCredentials, "without-credentials", false, "the command does not get AWS_* (the Region excepted), VAULT_* and KUBECONFIG of this environment")
	f.BoolVar(&x.overwrite, "overwrite", false, "secrets replace variables that are set already")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dash := cmd.ArgsLenAtDash()
		switch {
		case dash < 0:
			return errors.New("exec needs the command behind --, as in: secretsync exec app/db -- env")
		case dash == 0:
			return errors.New("exec needs the name of a secret before --")
		case dash == len(args):
			return errors.New("exec needs a command after --")
		case a.flags.sync != "" || len(a.flags.only) > 0:
			return errors.New("exec reads what it is told to: --sync and --only don't apply")
		case cmd.Flags().Changed("store") && x.store == "":
			return errors.New("--store is empty: want the name of a store")
		}
		return a.exec(cmd.Context(), x, args[:dash], args[dash:])
	}
	return cmd
}

// exec runs a command with secrets in its environment. Where there are processes that can become another, it returns only if that failed.
func (a *app) exec(ctx context.Context, x execution, names, command []string) error {
	wants, err := parseWants(names)
	if err != nil {
		return err
	}
	program, err := exec.LookPath(command[0]) // before anything is read
	if err != nil {
		return a.notRun(command[0], err)
	}
	readings, err := a.readAll(ctx, secret.StoreName(x.store), namesOf(wants))
	if err != nil {
		return err
	}
	defer wipe(readings)
	vars, err := variablesFrom(wants, readings)
	if err != nil {
		return err
	}
	env, err := x.environment(os.Environ(), vars)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	a.err.clear()
	code, err := become(program, command, env, func() { wipe(readings) })
	if err != nil {
		return a.notRun(command[0], err)
	}
	return exitWith(code)
}

// readAll reads secrets out of a store, in as few calls as it allows. The error joins those of all that can't be read.
func (a *app) readAll(ctx context.Context, from secret.StoreName, names []secret.Name) ([]store.Reading, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	if from, err = chooseStore(s.file, s.stores, from); err != nil {
		return nil, err
	}
	source, err := s.stores[from].Source(ctx, nil)
	if err != nil {
		a.introduceFailed(s)
		return nil, err
	}
	readings := source.Read(ctx, names)
	var errs []error
	for i := range readings {
		errs = append(errs, readings[i].Err)
	}
	if err := errors.Join(errs...); err != nil {
		a.introduceFailed(s)
		wipe(readings)
		return nil, err
	}
	return readings, nil
}

// notRun says why a command was not run, and ends as a shell does.
func (a *app) notRun(command string, err error) error {
	code := exitNotExecutable
	if isAbsent(err) {
		code = exitNotFound
	}
	var at *exec.Error
	if errors.As(err, &at) {
		err = at.Err // its text repeats the command
	}
	a.fail(fmt.Sprintf("run %q: %v", command, err))
	return exit(code)
}

// variablesFrom makes variables of what was read. The error joins everything that is wrong, and quotes no value.
func variablesFrom(wants []want, readings []store.Reading) ([]variable, error) {
	var all []variable
	var errs []error
	for _, w := range wants {
		i := slices.IndexFunc(readings, func(r store.Reading) bool { return r.Name == w.secret })
		if i < 0 {
			errs = append(errs, fmt.Errorf("secret %q: it was not read", string(w.secret)))
			continue
		}
		made, err := w.variables(readings[i].Value.Reveal(), readings[i].Value.IsBinary())
		if err != nil {
			errs = append(errs, fmt.Errorf("secret %q: %w", string(w.secret), err))
			continue
		}
		all = append(all, made...)
	}
	return all, errors.Join(append(errs, defineOnce(all))...)
}

// wipe overwrites the values, as far as the runtime allows; the copies that an environment is made of stay until this process ends.
func wipe(readings []store.Reading) {
	for i := range readings {
		readings[i].Value.Wipe()
	}
}
