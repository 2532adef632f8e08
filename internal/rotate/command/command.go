// Package command is the engine for credentials that a program knows how to change: it is started once for each step, is told of it on standard input and answers on standard output.
// docs/rotation-exec.md is the page for those who write such programs.
package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/secretsync-dev/secretsync/internal/program"
	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/protocol"
)

// The exit codes that mean something; 0 is success, and any other is a failure that tells nothing.
const (
	exitDenied  = 10 // as {"denied": true}
	exitAway    = 11 // as {"away": true}
	exitLost    = 12 // as {"lost": true}
	exitNotMine = 64 // the program does not do this step
)

const (
	usualTimeout = time.Minute
	maxErrors    = 16 << 10 // bytes of standard error that are looked at
)

// Options are what the engine works with.
type Options struct {
	// Generate makes the values that a program does not make itself.
	Generate rotate.Engine
	// Log gets, at debug level only, what a program says on its standard error, without the lines in which a value or a part of one stands. Nil: none.
	Log *slog.Logger
}

// New returns the engine. Settings.Command names the program: it inherits the environment and the working directory, to which nothing is added; values are on its standard input only.
// When its time is over, or the context ends, it is killed with all that it started.
func New(o Options) rotate.Engine {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &protocol.Engine{Name: name, Call: o.call, Generate: o.Generate}
}

func name(c rotate.Change) string {
	return fmt.Sprintf("run %q", program.Program{Args: c.Command.Args}.Name())
}

func (o Options) call(ctx context.Context, c rotate.Change, step protocol.Step, request []byte) ([]byte, error) {
	timeout := c.Command.Timeout
	if timeout <= 0 {
		timeout = usualTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	p := program.Program{Args: c.Command.Args, Stdin: request, MaxOutput: protocol.MaxAnswer}
	if o.Log.Enabled(ctx, slog.LevelDebug) {
		p.MaxErrors = maxErrors
	}
	r, err := p.Run(limited)
	switch {
	case errors.Is(err, program.ErrNotStarted):
		return nil, protocol.Unchanged(err)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, fmt.Errorf("no end within %s: %w", timeout, rotate.ErrAway)
	case err != nil:
		return nil, err
	}
	o.tell(ctx, c, step, request, r)
	switch r.Code {
	case 0:
		return r.Stdout, nil
	case exitDenied:
		err = protocol.Unchanged(rotate.ErrDenied)
	case exitAway:
		err = protocol.Unchanged(rotate.ErrAway)
	case exitLost:
		err = rotate.ErrLost
	case exitNotMine:
		err = fmt.Errorf("exit code %d in the step %s: %w", r.Code, step, protocol.ErrNotMine)
	default:
		err = fmt.Errorf("exit code %d in the step %s", r.Code, step)
	}
	clear(r.Stdout)
	return nil, err
}

// tell logs what a program said, as far as it may be shown.
func (o Options) tell(ctx context.Context, c rotate.Change, step protocol.Step, request []byte, r program.Result) {
	if len(r.Stderr) == 0 {
		return
	}
	for _, line := range presentable(r.Stderr, r.Cut, request, r.Stdout) {
		o.Log.LogAttrs(ctx, slog.LevelDebug, "rotation program", slog.String("secret", string(c.Name)), slog.String("step", string(step)), slog.String("says", line))
	}
}
