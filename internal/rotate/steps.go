package rotate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// afterwards is how long a rotation may go on after its context's end, once its credential is being changed.
const afterwards = 5 * time.Minute

// What a step can have come to.
const (
	done    = "done"
	failed  = "failed"
	skipped = "skipped"
)

// steps does the four, and reports them.
func (w *work) steps(ctx context.Context) error {
	does := map[Step]func(context.Context) error{Create: w.create, Set: w.set, Test: w.test, Finish: w.finish}
	var first error
	for _, step := range Steps() {
		if step == Set && first == nil {
			first = w.wrap(step, ctx.Err())
			var end context.CancelFunc
			ctx, end = finishing(ctx)
			defer end()
		}
		if first != nil {
			w.report.Steps = append(w.report.Steps, StepReport{Step: step, Outcome: skipped})
			continue
		}
		first = w.one(step, func() error { return does[step](ctx) })
	}
	return first
}

// one does one step, and reports it.
func (w *work) one(step Step, do func() error) error {
	err := do()
	if err != nil {
		w.report.Steps = append(w.report.Steps, StepReport{Step: step, Outcome: failed, Error: err.Error()})
		w.log.Warn("a step failed", "step", string(step), "version", string(w.token), "error", err.Error())
		return w.wrap(step, err)
	}
	w.report.Steps = append(w.report.Steps, StepReport{Step: step, Outcome: done})
	w.log.Info("a step is done", "step", string(step), "version", string(w.token))
	return nil
}

// finishing returns a context for what must not be left half done: it does not end with ctx.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), afterwards)
}

// create makes sure that there is a pending value.
func (w *work) create(ctx context.Context) error {
	switch {
	case w.token == "" && w.rollback:
		return w.recall(ctx)
	case w.token == "":
		return w.propose(ctx)
	}
	if promoted, err := w.look(ctx); promoted || err != nil {
		return err
	}
	_, err := w.s.At.Value(ctx, w.s.Name, w.token)
	if errors.Is(err, store.ErrNotFound) && !w.rollback {
		return w.propose(ctx)
	}
	return err
}

// set makes the service accept it.
func (w *work) set(ctx context.Context) error {
	c, promoted, err := w.begin(ctx)
	if promoted || err != nil {
		return err
	}
	if err := w.engine.Set(ctx, c); err != nil {
		// What is accepted now, Set says. Only where the rotation is under way no longer there is something to mend.
		if _, unsettled := w.settle(ctx, c, ""); unsettled != nil {
			return fmt.Errorf("%w; then: %w", err, unsettled)
		}
		return err
	}
	_, err = w.settle(ctx, c, w.token)
	return err
}

// test makes sure that the service accepts it. Where it does not, the service is made to accept the current credential.
func (w *work) test(ctx context.Context) error {
	c, promoted, err := w.begin(ctx)
	if promoted || err != nil {
		return err
	}
	err = w.engine.Test(ctx, c)
	if err == nil || errors.Is(err, ErrAway) || ctx.Err() != nil {
		return err
	}
	promoted, undone := w.undo(ctx, c)
	switch {
	case promoted && undone == nil: // by somebody else, while it was undone here: it works now
		return nil
	case undone == nil:
		return fmt.Errorf("%w: the current credential works; %s tries the same new one again, %s gives it up", err, w.command(""), w.command("--cancel"))
	case isSuperseded(undone):
		return fmt.Errorf("%w: %w", err, undone)
	}
	return fmt.Errorf("%w; the current credential could not be made to work again: %w: %s tries the new one once more, %s the current one", err, undone, w.command(""), w.command("--cancel"))
}

// undo makes the service accept the current credential, or the pending one where somebody made that current at the same moment.
func (w *work) undo(ctx context.Context, c Change) (promoted bool, err error) {
	err = w.engine.Undo(ctx, c)
	if err == nil {
		return w.settle(ctx, c, w.from)
	}
	if _, unsettled := w.settle(ctx, c, ""); unsettled != nil {
		err = fmt.Errorf("%w; then: %w", err, unsettled)
	}
	return false, err
}

// finish makes it current, and looks at the service once more: who gave the rotation up at the same moment may have changed it.
func (w *work) finish(ctx context.Context) error {
	promoted, err := w.look(ctx)
	if err != nil {
		return err
	}
	c, err := w.change(ctx)
	if err != nil && !promoted {
		return err
	}
	if err := w.promote(ctx); err != nil {
		return err
	}
	if err != nil || c.Pending.IsZero() {
		if c, err = w.changed(ctx); err != nil {
			w.warn(fmt.Sprintf("version %s is current; it could not be read: %v", w.report.To, err))
			return nil
		}
	}
	err = w.engine.Test(ctx, c)
	if errors.Is(err, ErrDenied) {
		if _, err := w.settle(ctx, c, ""); err != nil && !isSuperseded(err) {
			return fmt.Errorf("version %s was made current, and does not work: %w: %s takes it back", w.report.To, err, w.command("--rollback"))
		}
	} else if err != nil {
		w.warn(fmt.Sprintf("version %s is current; whether it works was tested before, and could not be tested again: %v", w.report.To, err))
	}
	w.tidy(ctx, c)
	return nil
}

// promote makes it current, and does what is left to be done where somebody else did, or where it was broken off. After an error it looks once more: what is current nevertheless is no failure.
func (w *work) promote(ctx context.Context) error {
	now := w.now
	if now.Pending = w.token; !w.halfway {
		now.Current = w.from
	}
	to, err := w.s.At.Promote(ctx, now)
	if err == nil {
		w.report.To = to
		return nil
	}
	promoted, looked := w.look(ctx)
	switch {
	case looked != nil && errors.Is(err, store.ErrConflict):
		return looked
	case looked != nil:
		return fmt.Errorf("%w; whether it is current all the same can't be found out: %w: look which version is current before this is repeated", err, looked)
	case !promoted, w.halfway: // in the latter case there is more to be done than what follows here
		return err
	case w.report.To == "":
		w.report.To = w.now.Current
	}
	if !errors.Is(err, store.ErrConflict) {
		w.warn(fmt.Sprintf("version %s is current, though an error came with that: %v", w.report.To, err))
	}
	return nil
}

// changed is change after the promotion, where what was pending is there under another name only.
func (w *work) changed(ctx context.Context) (c Change, err error) {
	if w.now, err = w.s.At.Stages(ctx, w.s.Name); err != nil {
		return c, err
	}
	c = w.blank()
	if c.Pending, err = w.s.At.Value(ctx, w.s.Name, w.report.To); err != nil {
		return c, err
	}
	if c.Current, err = w.valueIfAny(ctx, w.now.Previous); err != nil {
		return c, err
	}
	c.Master = w.master(c.Pending)
	return c, nil
}

// tidy tells the engine that it is done, unless the next rotation is on its way: what that one needs is not for us to take away.
func (w *work) tidy(ctx context.Context, c Change) {
	now, err := w.s.At.Stages(ctx, w.s.Name)
	if err == nil && (now.Pending != "" || now.Current != w.report.To) {
		return
	}
	if err == nil {
		err = w.engine.Done(ctx, c)
	}
	if _, settled := w.settle(ctx, c, w.token); err == nil && !isSuperseded(settled) {
		err = settled
	}
	if err != nil {
		w.warn(fmt.Sprintf("version %s is current; what it leaves behind could not be taken away: %v", w.report.To, err))
	}
}
