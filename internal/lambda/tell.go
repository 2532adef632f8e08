package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// maxLines is how many changes of one run get a line of their own.
const maxLines = 1000

// tell writes the log of a run.
func (i *invocation) tell(ctx context.Context, r *engine.Report, v verdict, took time.Duration) {
	lines := 0
	for _, group := range []struct {
		level   slog.Level
		message string
		changes []*engine.Result
	}{
		{slog.LevelError, "a change failed", v.failed},
		{slog.LevelError, "a change was not reached before the deadline", v.late},
		{slog.LevelWarn, "a change is refused", v.refused},
	} {
		for _, c := range group.changes {
			if lines++; lines <= maxLines {
				i.log.LogAttrs(ctx, group.level, group.message, attrs(c)...)
			}
		}
	}
	if lines > maxLines {
		i.log.Warn("more changes failed or are refused", "count", lines-maxLines)
	}
	for _, p := range r.Problems {
		i.log.Error("could not be looked at", "sync", p.Sync, "target", targetOf(p.Target), "error", p.Error)
	}
	for _, b := range r.Brakes {
		i.log.Warn("deletions are held back", "target", b.Target.String(), "deletes", b.Deletes, "of", b.Of, "limit", b.Limit)
	}
	for _, w := range r.Warnings {
		i.log.Warn("the run warns", "warning", w)
	}
	level := slog.LevelInfo
	if v.failures(r) > 0 {
		level = slog.LevelError
	}
	i.log.Log(ctx, level, "run", "owner", r.Owner, "durationMs", took.Milliseconds(), "applied", v.applied, "unchanged", r.Summary.Unchanged, "failed", len(v.failed),
		"late", len(v.late), "notSeen", len(r.Problems), "refused", len(v.refused), "heldBack", len(v.held), "interrupted", r.Interrupted)
}

// attrs are the names of a change, and why it was not made. Nothing in it is a value.
func attrs(c *engine.Result) []slog.Attr {
	return []slog.Attr{
		slog.String("sync", string(c.Sync)), slog.String("source", string(c.Source.Name)), slog.String("store", string(c.Source.Store)), slog.String("name", string(c.Name)),
		slog.String("target", targetOf(c.Target)), slog.String("action", string(c.Action)), slog.String("reason", string(c.Reason)), slog.String("error", c.Error),
	}
}

func targetOf(t *plan.Target) string {
	if t == nil {
		return ""
	}
	return t.String()
}

// told logs where the program broke, and returns what is said of it. The panic's own value is left out, and so are the arguments of functions: a secret may be
// among them.
func told(log *slog.Logger, v any) error {
	var p *engine.PanicError
	if err, ok := v.(error); !ok || !errors.As(err, &p) {
		p = &engine.PanicError{Type: fmt.Sprintf("%T", v)}
		pcs := make([]uintptr, 64)
		frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			p.Where += fmt.Sprintf("  %s\n    %s:%d\n", f.Function, f.File, f.Line)
		}
	}
	log.Error("internal error: a mistake of the program, please report it; the lines hold no secret", "panic", p.Type, "where", p.Where)
	return fmt.Errorf("internal error: a panic of type %s; the log says where", p.Type)
}
