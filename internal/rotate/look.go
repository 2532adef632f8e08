package rotate

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// supersededError is a rotation that is under way no longer, without being done.
type supersededError struct{ why string }

func (e *supersededError) Error() string { return e.why }

// isSuperseded reports whether err says that, and nothing more.
func isSuperseded(err error) bool {
	_, ok := err.(*supersededError) //nolint:errorlint // one that is wrapped says more
	return ok
}

// look reads the stages, and says where the rotation stands: promoted, or under way, or an error.
//
//	pending    current              it is
//	…          w.token              promoted: also where the store calls it by another name from then on
//	w.token    w.from               under way
//	w.token    another, same value  promoted, in a store that writes first and tidies up then, which is to be done yet
//	w.token    another              an error: the secret was written by somebody else
//	another    …                    superseded by another rotation
//	none       w.from               superseded: it was given up
//	none       another              superseded by another rotation
func (w *work) look(ctx context.Context) (promoted bool, err error) {
	was := w.now
	now, err := w.s.At.Stages(ctx, w.s.Name)
	if err != nil {
		return false, err
	}
	w.now, w.halfway = now, false
	if err := usable(now); err != nil {
		return false, err
	}
	switch {
	case now.Current == w.token:
		return true, nil
	case now.Pending == w.token && now.Current == w.from:
		return false, nil
	case now.Pending == w.token:
		if w.halfway, err = w.written(ctx); w.halfway || err != nil {
			return w.halfway, err
		}
		return false, fmt.Errorf("the secret was written meanwhile by somebody else: version %s is current, and this rotation began at %s: %s gives it up", now.Current, w.from, w.command("--cancel"))
	case now.Pending == "" && now.Current == w.from:
		return false, &supersededError{"it was given up meanwhile"}
	case now.Current != w.from:
		if promoted, err := w.renamed(ctx, was); promoted || err != nil {
			return promoted, err
		}
	}
	if now.Pending == "" {
		return false, &supersededError{fmt.Sprintf("another rotation, or somebody who wrote the secret, took its place: version %s is current", now.Current)}
	}
	return false, &supersededError{fmt.Sprintf("another rotation took its place: version %s is pending", now.Pending)}
}

// written reports whether what is current has the value of what is pending.
func (w *work) written(ctx context.Context) (bool, error) {
	pending, err := w.valueIfAny(ctx, w.token)
	if err != nil || pending.IsZero() {
		return false, err
	}
	current, err := w.valueIfAny(ctx, w.now.Current)
	return err == nil && current.Equal(pending), err
}

// renamed reports whether what is current now is what was pending, in a store that gives what it promotes a name of its own. Some only know what it was promoted from: the value decides.
func (w *work) renamed(ctx context.Context, was store.Stages) (bool, error) {
	was.Current, was.Pending = w.from, w.token
	v, err := w.s.At.Promote(ctx, was)
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !w.value.IsZero() {
		current, err := w.s.At.Value(ctx, w.s.Name, v)
		if err != nil || !current.Equal(w.value) {
			return false, err
		}
	}
	w.report.To = v
	return true, nil
}

// change returns the rotation as its engine sees it, with the values as the store has them; Pending is zero where it has none.
func (w *work) change(ctx context.Context) (Change, error) {
	c := w.blank()
	var err error
	if c.Current, err = w.s.At.Value(ctx, w.s.Name, w.from); err != nil {
		return Change{}, err
	}
	if c.Pending, err = w.valueIfAny(ctx, w.token); err != nil {
		return Change{}, err
	}
	if c.Previous, err = w.valueIfAny(ctx, w.now.Previous); err != nil {
		return Change{}, err
	}
	if !c.Pending.IsZero() {
		w.value = c.Pending
	}
	c.Master = w.master(c.Current)
	return c, nil
}

// begin is look and change. A step that is begun when its rotation was promoted is done.
func (w *work) begin(ctx context.Context) (c Change, promoted bool, err error) {
	if promoted, err = w.look(ctx); promoted || err != nil {
		return c, promoted, err
	}
	if c, err = w.change(ctx); err != nil || !c.Pending.IsZero() {
		return c, false, err
	}
	if promoted, err = w.look(ctx); !promoted && err == nil {
		err = errNoValue
	}
	return c, promoted, err
}

// errNoValue is a pending version that createSecret is still to make.
var errNoValue = errors.New("nothing is pending under that token: createSecret comes first")

// blank is a change without values.
func (w *work) blank() Change {
	return Change{Place: w.at, Name: w.now.Meta.Name, Rollback: w.rollback, Settings: w.s.Settings, Note: w.warn}
}

func (w *work) valueIfAny(ctx context.Context, v secret.Version) (secret.Value, error) {
	if v == "" {
		return secret.Value{}, nil
	}
	value, err := w.s.At.Value(ctx, w.s.Name, v)
	if errors.Is(err, store.ErrNotFound) {
		return secret.Value{}, nil
	}
	return value, err
}

// adopt takes on what is pending: a rotation or a rollback that was begun earlier. Where it is current already, by its value, its promotion was broken off: it began at what is previous now.
func (w *work) adopt(ctx context.Context) error {
	w.token = w.now.Pending
	c, err := w.change(ctx)
	if err != nil {
		return err
	}
	if w.halfway = !c.Pending.IsZero() && c.Pending.Equal(c.Current) && w.now.Previous != "" && w.now.Previous != w.token; w.halfway {
		w.from, w.report.From = w.now.Previous, w.now.Previous
		w.rollback = w.follows(w.token, w.from, forRollback)
		return nil
	}
	w.rollback = w.token == w.now.Previous || w.follows(w.token, w.from, forRollback) || !c.Pending.IsZero() && c.Pending.Equal(c.Previous)
	return nil
}

// settle looks whether what was just done to the service is what the store asks for by now, and mends it where it is not: whoever was slow must not leave the service with a
// credential that is current no longer. Whoever changes stages looks at the service afterwards, and whoever changes the service at the stages: one of them sees the other.
// accepted is the version that the service was made to accept; empty where that is not known. The error is a supersededError itself where the current credential, another's by now, works.
//
//	the rotation is         the service is made to accept
//	under way               nothing else; where its id was used anew, for another value, as if it were superseded
//	promoted                the pending credential, which is current now
//	superseded              the current credential, as Undo does
func (w *work) settle(ctx context.Context, c Change, accepted secret.Version) (promoted bool, err error) {
	for range settlings {
		promoted, err = w.look(ctx)
		if err == nil && !promoted {
			err = w.unchanged(ctx, c.Pending)
		}
		superseded := err
		switch {
		case err == nil && !promoted, err != nil && !isSuperseded(err):
			return false, err
		case promoted && accepted == w.token, !promoted && accepted == w.now.Current:
			return promoted, err
		case promoted:
			accepted, err = w.token, w.engine.Set(ctx, c)
		default:
			accepted, err = w.now.Current, w.accept(ctx, c)
		}
		if err != nil && superseded != nil {
			err = fmt.Errorf("%w; whether the current credential works is not sure: %w", superseded, err)
		}
		if err != nil {
			return promoted, err
		}
	}
	return false, fmt.Errorf("%w, again and again: whether the current credential works is not sure", store.ErrConflict)
}

// unchanged makes sure that what is pending has that value: a supersededError where it has another, as in a store that forgets what was withdrawn.
func (w *work) unchanged(ctx context.Context, value secret.Value) error {
	pending, err := w.valueIfAny(ctx, w.token)
	if err == nil && !pending.IsZero() && !pending.Equal(value) {
		return &supersededError{"it was given up meanwhile, and begun anew"}
	}
	return err
}

// settlings is how often settle follows what others do.
const settlings = 10

// accept makes the service accept what is current now, in place of c.Pending or, where that is refused too, of what was current when the rotation began: that may have been restored.
func (w *work) accept(ctx context.Context, c Change) (err error) {
	began := c.Current
	if c.Current, err = w.s.At.Value(ctx, w.s.Name, w.now.Current); err != nil {
		return err
	}
	if c.Previous, err = w.valueIfAny(ctx, w.now.Previous); err != nil {
		return err
	}
	if err = w.engine.Undo(ctx, c); errors.Is(err, ErrDenied) && !began.IsZero() && !began.Equal(c.Current) {
		c.Pending = began
		err = w.engine.Undo(ctx, c)
	}
	return err
}
