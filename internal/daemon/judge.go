package daemon

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// outcome is how a run ended.
type outcome string

const (
	succeeded    outcome = "success"       // every copy is as wanted
	incomplete   outcome = "incomplete"    // something failed, was refused, was held back or could not be looked at; the rest is done
	notAttempted outcome = "not-attempted" // nothing could be
	interrupted  outcome = "interrupted"   // the daemon was told to end
	panicked     outcome = "panic"

	rotationFailed outcome = "failure" // of rotations, which are done or not
)

// verdict is what a run says of what it was about.
type verdict struct {
	report *engine.Report // nil: nothing was attempted
	err    error
	ended  bool // the daemon was told to end while it ran
}

func (v verdict) outcome() outcome {
	var p *engine.PanicError
	switch {
	case errors.As(v.err, &p):
		return panicked
	case v.ended && (v.report == nil || v.report.Interrupted):
		return interrupted
	case v.report == nil:
		return notAttempted
	case v.report.NotAsWanted() || v.report.Braked():
		return incomplete
	}
	return succeeded
}

// attempted reports whether a sync was: its source could be looked at.
func (v verdict) attempted(sync secret.SyncName) bool {
	if v.report == nil {
		return false
	}
	for _, p := range v.report.Problems {
		if p.Sync == sync && p.Target == nil {
			return false
		}
	}
	return true
}

// succeeded reports whether a run of a sync failed nowhere. A refusal is no failure, and neither is what a brake held back: no other run mends them. A target that could
// not be looked at counts against every sync: which of them lead there is not told.
func (v verdict) succeeded(sync secret.SyncName) bool {
	if v.report == nil || v.report.Interrupted {
		return false
	}
	for _, p := range v.report.Problems {
		if p.Sync == "" || p.Sync == sync {
			return false
		}
	}
	return !slices.ContainsFunc(v.report.Changes, func(c engine.Result) bool { return c.Sync == sync && c.MayMend() })
}

// failed returns a function that reports for which wishes a run about them failed, so that another may mend it. What can't be told apart counts for all of them.
func (v verdict) failed(wishes []*wish) func(*wish) bool {
	all := func(*wish) bool { return true }
	if v.report == nil || v.err != nil || len(v.report.Problems) > 0 {
		return all
	}
	bad := map[secret.Name]bool{}
	for i := range v.report.Changes {
		if c := &v.report.Changes[i]; c.MayMend() {
			bad[c.Source.Name] = true
		}
	}
	for name := range bad {
		if !slices.ContainsFunc(wishes, func(w *wish) bool { return slices.Contains(w.hint.Names, name) }) {
			return all
		}
	}
	return func(w *wish) bool {
		return slices.ContainsFunc(w.hint.Names, func(n secret.Name) bool { return bad[n] })
	}
}

// guarded calls do, and turns a panic into an *engine.PanicError, which does not hold the panic's value.
func guarded(do func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		p, ok := v.(*engine.PanicError)
		if !ok {
			p = &engine.PanicError{Type: fmt.Sprintf("%T", v), Where: where()}
		}
		err = p
	}()
	return do()
}

// where returns the functions and lines of the panic that is being recovered.
func where() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	text := ""
	for {
		f, more := frames.Next()
		text += fmt.Sprintf("  %s\n    %s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return text
		}
	}
}
