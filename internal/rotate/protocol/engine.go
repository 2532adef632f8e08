package protocol

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// ErrNotMine is a step that the other side does not do.
var ErrNotMine = errors.New("it does not do this step")

// Unchanged marks an error after which the service is as it was before: the other side was never asked, or says so.
func Unchanged(err error) error { return &unchanged{err} }

type unchanged struct{ err error }

func (u *unchanged) Error() string { return u.err.Error() }
func (u *unchanged) Unwrap() error { return u.err }

// A Caller takes a request to whoever does the step, and returns the answer, of MaxAnswer bytes at most. It is called concurrently. Its errors are ErrNotMine, rotate.ErrDenied, ErrAway and
// ErrLost, or others, Unchanged where they are; they quote neither request nor answer. The request is cleared afterwards.
type Caller func(ctx context.Context, c rotate.Change, step Step, request []byte) (answer []byte, err error)

// Engine is a rotate.Engine that asks somebody else.
//
//	the other side            next                      set, undo              test           done
//	answers {}                Generate makes a value    done                   accepted       done
//	answers with a value      it is pending from now    an error               an error       an error
//	denied, away              the error of that name, in set and undo too: it says that nothing has changed
//	lost                      ErrLost
//	does not do the step      Generate makes a value    an error               an error       done
//	was never asked           an error                  an error               an error       an error
//	fails otherwise           an error                  ErrLost and an error   an error       an error
type Engine struct {
	Name     func(c rotate.Change) string // what errors call the other side: `run "rotate-app"`
	Call     Caller
	Generate rotate.Engine // makes the values that the other side does not make
}

var (
	_ rotate.Engine = (*Engine)(nil)
	_ rotate.Maker  = (*Engine)(nil)
)

// MakesAnything implements rotate.Maker: a value of the other side's may have any members.
func (*Engine) MakesAnything() bool { return true }

// Next implements rotate.Engine.
func (e *Engine) Next(ctx context.Context, c rotate.Change) (secret.Value, error) {
	made, err := e.ask(ctx, c, Next)
	switch {
	case errors.Is(err, ErrNotMine):
	case err != nil:
		return secret.Value{}, err
	case made.IsZero():
	case made.Equal(c.Current):
		return secret.Value{}, fmt.Errorf("%s: the value of the answer is the current one", e.Name(c))
	default:
		return made, nil
	}
	if c.Strategy == rotate.AlternatingUsers {
		return secret.Value{}, fmt.Errorf("%s: with alternating-users the step next has to answer with a value: only who does the steps knows the other user", e.Name(c))
	}
	return e.Generate.Next(ctx, c)
}

// Set implements rotate.Engine.
func (e *Engine) Set(ctx context.Context, c rotate.Change) error { return e.change(ctx, c, Set) }

// Undo implements rotate.Engine.
func (e *Engine) Undo(ctx context.Context, c rotate.Change) error { return e.change(ctx, c, Undo) }

// Test implements rotate.Engine.
func (e *Engine) Test(ctx context.Context, c rotate.Change) error {
	_, err := e.ask(ctx, c, Test)
	return err
}

// Done implements rotate.Engine.
func (e *Engine) Done(ctx context.Context, c rotate.Change) error {
	if _, err := e.ask(ctx, c, Done); !errors.Is(err, ErrNotMine) {
		return err
	}
	return nil
}

// change asks for a step after which the service may be another.
func (e *Engine) change(ctx context.Context, c rotate.Change, step Step) error {
	_, err := e.ask(ctx, c, step)
	var same *unchanged
	if err == nil || errors.As(err, &same) || errors.Is(err, ErrNotMine) || errors.Is(err, rotate.ErrLost) {
		return err
	}
	return fmt.Errorf("%w: %w", err, rotate.ErrLost)
}

func (e *Engine) ask(ctx context.Context, c rotate.Change, step Step) (secret.Value, error) {
	request, err := write(ctx, step, c)
	if err != nil {
		return secret.Value{}, Unchanged(err)
	}
	defer clear(request)
	data, err := e.Call(ctx, c, step, request)
	if err != nil {
		return secret.Value{}, fmt.Errorf("%s: %w", e.Name(c), err)
	}
	defer clear(data)
	made, err := read(step, data)
	if err != nil {
		return secret.Value{}, fmt.Errorf("%s: %w", e.Name(c), err)
	}
	return made, nil
}
