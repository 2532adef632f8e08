package rotate

import (
	"context"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Step does one step of a rotation that Secrets Manager drives, under its token. A step that is repeated, or comes out of order, changes nothing that is not its own: see the table in
// its code. What it leaves behind that is no failure is logged.
func (r *Rotator) Step(ctx context.Context, s Secret, step Step, token secret.Version) error {
	w, err := r.open(ctx, "rotate", s)
	if err != nil {
		return err
	}
	//	token is             createSecret        setSecret      testSecret     finishSecret
	//	current              nothing             nothing        nothing        nothing
	//	pending, no value    a value is made     error          error          error
	//	pending              nothing             set, or so     tested         tested, then made current
	//	pending, stale       error               error          error          error
	//	neither              error               error          error          error
	//
	// A test before it was set is refused by the service, which goes on to accept the current credential; finishSecret tests by itself, so that nothing becomes current that does not work.
	switch {
	case !slices.Contains(Steps(), step):
		return w.wrap("", fmt.Errorf("%q is no step: it is one of %v", string(step), Steps()))
	case token != "" && w.now.Current == token:
		w.log.Info("the version is current already", "step", string(step), "version", string(token))
		return nil
	case token == "" || w.now.Pending != token:
		return w.wrap(step, fmt.Errorf("version %q is neither pending nor current: it was given up, or another rotation took its place", string(token)))
	}
	if err := w.equip(ctx); err != nil {
		return err
	}
	if err := w.adopt(ctx); err != nil {
		return w.wrap(step, err)
	}
	if !w.halfway {
		if err := w.stale(ctx, true); err != nil {
			return w.wrap(step, err)
		}
	}
	return w.one(step, func() error {
		switch step {
		case Create:
			return w.create(ctx)
		case Set:
			return w.set(ctx)
		case Test:
			return w.test(ctx)
		}
		if err := w.test(ctx); err != nil {
			return err
		}
		return w.finish(ctx)
	})
}
