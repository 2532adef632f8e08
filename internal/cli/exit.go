package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// The exit codes.
const (
	exitOK          = 0
	exitNothing     = 1 // nothing was attempted: bad configuration, no credentials, no source could be listed, stale plan
	exitDiffers     = 2 // only with --detailed-exitcode: there are changes, or copies that are not in sync
	exitPartly      = 3 // the run went through, and something failed, was refused or could not be looked at; a check failed
	exitBraked      = 4 // a brake held deletions back
	exitInterrupted = 130
)

// exit ends a command with a code after everything was said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exitWith returns the error for a code: nil for 0.
func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return exit(code)
}

// outputError says that a result could not be printed. What the command did is done all the same.
type outputError struct{ err error }

func (e *outputError) Error() string { return "the result could not be printed: " + e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// codeOf returns the exit code of what a command returned, and what is still to be said.
func codeOf(ctx context.Context, err error) (code int, message string) {
	var code0 exit
	var output *outputError
	switch {
	case err == nil:
		return exitOK, ""
	case errors.As(err, &code0):
		return int(code0), ""
	case errors.As(err, &output):
		return exitPartly, err.Error()
	case ctx.Err() != nil:
		return exitInterrupted, "interrupted: nothing was changed"
	}
	return exitNothing, err.Error()
}

// codeOfPlan: refusals and brakes are part of a plan; what could not be looked at is missing from it.
func codeOfPlan(p *plan.Plan, detailed bool) int {
	switch {
	case len(p.Problems) > 0:
		return exitPartly
	case detailed && p.Summary.Writes() > 0:
		return exitDiffers
	}
	return exitOK
}

func codeOfReport(r *engine.Report) int {
	switch {
	case r.Interrupted:
		return exitInterrupted
	case r.Braked():
		return exitBraked
	case r.NotAsWanted():
		return exitPartly
	}
	return exitOK
}

func codeOfStatus(s *engine.Status, detailed bool) int {
	switch {
	case len(s.Problems) > 0:
		return exitPartly
	case detailed && !s.AllInSync():
		return exitDiffers
	}
	return exitOK
}
