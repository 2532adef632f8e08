package rotate

import (
	"context"
	"errors"
	"fmt"
)

// What giving up a rotation is made of, and what stands for the four steps where the store has a secret rotated: for reports.
const (
	undoing     Step = "undo"         // the service is made to accept the current credential, and the pending one no longer
	withdrawing Step = "withdraw"     // the pending version is pending no longer
	starting    Step = "rotateSecret" // the rotation that is configured in the store is started, and waited for
)

// Cancel gives up a rotation that was begun and not finished, be it one that Secrets Manager drives: the service is made to accept the current credential again, and the pending version is withdrawn.
// Where the service can't be made to, or reached, the version stays pending. One whose promotion was broken off after it had become current is promoted to the end, which is an error.
// As for interruption, see Rotate.
func (r *Rotator) Cancel(ctx context.Context, s Secret) (Report, error) {
	w, err := r.open(ctx, "cancel the rotation of", s)
	switch {
	case err != nil:
		return w.end(Failed, err)
	case w.now.Pending == "":
		return w.end(Nothing, nil)
	}
	if err = w.equip(ctx); err == nil {
		err = w.wrap("", w.adopt(ctx))
	}
	switch {
	case err != nil:
	case w.halfway:
		if err = w.one(Finish, func() error { return w.complete(ctx) }); err == nil {
			err = w.wrap("", fmt.Errorf("version %s was current before it could be given up: %s takes it back", w.report.To, w.command("--rollback")))
		}
	default:
		err = w.giveUp(ctx)
	}
	return w.end(Cancelled, err)
}

// complete finishes a rotation that is current already.
func (w *work) complete(ctx context.Context) error {
	ctx, end := finishing(ctx)
	defer end()
	return w.finish(ctx)
}

func (w *work) giveUp(ctx context.Context) error {
	ctx, end := finishing(ctx)
	defer end()
	c, err := w.change(ctx)
	if err != nil {
		return w.wrap("", err)
	}
	// What has no value was given to no service.
	if !c.Pending.IsZero() {
		err = w.one(undoing, func() error {
			promoted, err := w.undo(ctx, c)
			if promoted && err == nil {
				err = w.tooLate()
			}
			return err
		})
	}
	if err != nil {
		w.report.Steps = append(w.report.Steps, StepReport{Step: withdrawing, Outcome: skipped})
		if w.now.Pending != w.token {
			return err
		}
		return fmt.Errorf("%w: version %s stays pending; %s tries again, %s finishes the rotation", err, w.token, w.command("--cancel"), w.command(""))
	}
	return w.one(withdrawing, func() error {
		if err := w.s.At.Withdraw(ctx, w.now); err != nil {
			return err
		}
		return w.givenUp(ctx, c)
	})
}

// givenUp looks whether somebody finished the rotation at the same moment, or set it once more.
func (w *work) givenUp(ctx context.Context, c Change) error {
	if c.Pending.IsZero() {
		return nil
	}
	promoted, err := w.settle(ctx, c, "")
	var superseded *supersededError
	switch {
	case promoted && err != nil:
		return fmt.Errorf("somebody finished it at the same moment, and version %s, which is current now, may not work: %w", w.token, err)
	case promoted:
		return w.tooLate()
	case isSuperseded(err):
		return nil
	case errors.As(err, &superseded):
		w.warn(fmt.Sprintf("the pending version is withdrawn: %v", err))
		return nil
	}
	return err
}

func (w *work) tooLate() error {
	return fmt.Errorf("somebody finished it at the same moment: %s takes it back", w.command("--rollback"))
}
