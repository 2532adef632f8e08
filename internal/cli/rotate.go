package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func newRotate(a *app) *cobra.Command {
	var in string
	var cancel, rollback bool
	cmd := &cobra.Command{
		Use: "rotate NAME", Short: "Rotates one secret now, where it is used and where it is kept, and brings it to its copies", Args: cobra.ExactArgs(1),
		Long: `Rotates one secret now: a new credential is made, the service is made to accept it, it is tested, and only then it becomes the current one.
Its copies follow, wave by wave where the configuration has waves.

What was interrupted is resumed by the same command, and given up by --cancel. Where copies still hold what was current before, that is what is resumed:
nothing new is rotated before they hold the current one. --rollback makes the previous credential current again, there and in all copies.`,
	}
	f := cmd.Flags()
	f.StringVar(&in, "store", "", "the store of the configuration that holds the secret (default: that of its entry in rotations, else the one that all syncs read)")
	f.BoolVar(&cancel, "cancel", false, "give up a rotation that was begun and not finished: the service accepts the current credential again")
	f.BoolVar(&rollback, "rollback", false, "make the previous credential current again, everywhere")
	cmd.MarkFlagsMutuallyExclusive("cancel", "rollback")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case args[0] == "":
			return errors.New("rotate: the name is empty")
		case strings.HasPrefix(args[0], "arn:"):
			return errors.New("rotate: name the secret, not its ARN; --store says where it is")
		case a.flags.sync != "" || len(a.flags.only) > 0:
			return errors.New("rotate names its secret itself, and all its copies follow: --sync and --only don't apply")
		case cmd.Flags().Changed("store") && in == "":
			return errors.New("--store is empty: want the name of a store")
		}
		do := anew
		switch {
		case cancel:
			do = (*rotation).cancel
		case rollback:
			do = (*rotation).rollback
		}
		return a.rotate(cmd.Context(), secret.Name(args[0]), secret.StoreName(in), do)
	}
	return cmd
}

// rotationReport is what `rotate` did.
type rotationReport struct {
	Version  int           `json:"version"`
	Rotation rotate.Report `json:"rotation"`
	Waves    []waveReport  `json:"waves"`
	Error    string        `json:"error,omitempty"` // why what follows could not be done
}

// rotate does one rotation, or what undoes one, and what follows.
func (a *app) rotate(ctx context.Context, name secret.Name, in secret.StoreName, do func(*rotation, context.Context) (rotate.Report, error)) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	t, err := a.teller(s)
	if err != nil {
		return err
	}
	ref, err := chooseSecret(s, name, in)
	if err != nil {
		return err
	}
	r, err := a.rotation(ctx, s, ref)
	if err != nil {
		a.introduceFailed(s)
		return err
	}
	done, err := do(r, ctx)
	if err == nil {
		a.introduce(ctx, s, "", false)
	} else {
		a.introduceFailed(s)
		if len(done.Steps) == 0 {
			t.ended(ctx, err)
			return err
		}
		t.failed(ctx, a.failedRotation(s, ref, failedStep(&done), err))
	}
	report := rotationReport{Version: 1, Rotation: done, Waves: []waveReport{}}
	a.warnAll(done.Warnings)
	code := codeOfRotation(err)
	if err == nil && done.To != "" {
		report.Waves, err = r.follow(ctx, s.engine, manner{})
		code = codeOfWaves(report.Waves, err)
		if err != nil {
			report.Error = err.Error()
		}
		r.tellWaves(ctx, t, report.Waves, err)
	}
	if ctx.Err() != nil {
		code = exitInterrupted
	}
	if err := a.printRotation(&report); err != nil {
		return err
	}
	return exitWith(code)
}

// anew rotates, or finishes what was begun: the rotation, or what follows the last one.
func anew(r *rotation, ctx context.Context) (rotate.Report, error) {
	now, err := r.secret.At.Stages(ctx, r.ref.Secret)
	if err != nil || now.Pending != "" || now.By != "" {
		return r.rotator.Rotate(ctx, r.secret) // which says what is wrong
	}
	behind, err := r.behind(ctx, r.session.engine)
	switch {
	case err != nil:
		return rotate.Report{}, fmt.Errorf("rotate %q: look at its copies: %w", string(r.ref.Secret), err)
	case !behind:
		return r.rotator.Rotate(ctx, r.secret)
	}
	at, err := r.secret.At.Place(ctx)
	return rotate.Report{Store: r.ref.Store, Name: r.ref.Secret, Place: at, Outcome: rotate.Resumed, From: now.Current, To: now.Current, Steps: []rotate.StepReport{}}, err
}

func (r *rotation) cancel(ctx context.Context) (rotate.Report, error) {
	return r.rotator.Cancel(ctx, r.secret)
}

func (r *rotation) rollback(ctx context.Context) (rotate.Report, error) {
	return r.rotator.Rollback(ctx, r.secret)
}

func codeOfRotation(err error) int {
	if err != nil {
		return exitPartly
	}
	return exitOK
}

// codeOfWaves: what brakes hold back wins over what failed, as in every run.
func codeOfWaves(all []waveReport, err error) int {
	code := codeOfRotation(err)
	for _, w := range all {
		if w.Copies != nil {
			code = max(code, codeOfReport(w.Copies))
		}
	}
	return code
}

// tellWaves tells of copies that are not as wanted, and of what was not done after them.
func (r *rotation) tellWaves(ctx context.Context, t *teller, all []waveReport, err error) {
	for _, w := range all {
		if w.Copies != nil {
			r.app.warnAll(w.Copies.Warnings)
			t.done(ctx, w.Copies)
		}
	}
	if err != nil && !errors.Is(err, errCopies) {
		t.failed(ctx, r.app.failedRotation(r.session, r.ref, string(afterwards), err))
	}
}

func (a *app) printRotation(r *rotationReport) error {
	if a.json() {
		return a.printJSON(r)
	}
	page := a.newPage()
	page.rotation(&r.Rotation)
	for i := range r.Waves {
		page.wave(&r.Waves[i], len(r.Waves))
	}
	if r.Error != "" && len(r.Waves) == 0 {
		page.gap()
		page.linef("What follows was not begun: %s", r.Error)
	}
	return a.print(page.String())
}
