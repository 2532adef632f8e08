package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// tellAtMost is how many changes of one run are in the log.
const tellAtMost = 1000

// tell says in the log how a run ended, and which changes were not made.
func (d *daemon) tell(job Job, trigger string, v verdict, took time.Duration) {
	attrs := []any{"trigger", trigger, "outcome", string(v.outcome()), "took", took.Round(time.Millisecond).String()}
	if job.Hints != nil {
		attrs = append(attrs, "secrets", len(job.Hints))
	}
	if job.Syncs != nil {
		attrs = append(attrs, "syncs", job.Syncs)
	}
	if job.Only != nil {
		attrs = append(attrs, "only", job.Only)
	}
	var p *engine.PanicError
	switch {
	case errors.As(v.err, &p):
		d.log.Error("the run broke: this is a mistake of the program; please report it", append(attrs, "type", p.Type, "where", p.Where)...)
	case v.err != nil && v.ended:
		d.log.Info("the run was interrupted before anything was attempted", attrs...)
	case v.err != nil:
		d.log.Error("the run ended before anything was attempted", append(attrs, "error", v.err.Error())...)
	case v.report == nil:
		d.log.Error("the run ended without a report", attrs...)
	default:
		d.tellChanges(v.report)
		d.tellSummary(trigger, v, attrs)
	}
}

func (d *daemon) tellChanges(r *engine.Report) {
	told := 0
	for i := range r.Changes {
		c := &r.Changes[i]
		level, message := slog.LevelError, "a change failed"
		switch c.Outcome {
		case engine.Failed:
		case engine.Refused:
			level, message = slog.LevelWarn, "a copy is refused"
		default:
			continue
		}
		if told++; told > tellAtMost {
			continue
		}
		target := ""
		if c.Target != nil {
			target = c.Target.String()
		}
		why := c.Error
		if why == "" {
			why = c.Detail
		}
		d.log.Log(context.Background(), level, message, "action", string(c.Action), "reason", string(c.Reason), "sync", string(c.Sync), "source", string(c.Source.Name),
			"target", target, "name", string(c.Name), "error", why)
	}
	if told > tellAtMost {
		d.log.Warn("more changes failed or are refused", "more", told-tellAtMost)
	}
	for _, p := range r.Problems {
		target := ""
		if p.Target != nil {
			target = p.Target.String()
		}
		d.log.Error("something could not be looked at", "sync", string(p.Sync), "target", target, "error", p.Error)
	}
	for _, brake := range r.Brakes {
		d.log.Warn("a brake holds deletions back", "target", brake.Target.String(), "deletes", brake.Deletes, "of", brake.Of, "limit", brake.Limit)
	}
}

func (d *daemon) tellSummary(trigger string, v verdict, attrs []any) {
	var done plan.Summary
	of := map[engine.Outcome]int{}
	for i := range v.report.Changes {
		c := &v.report.Changes[i]
		if c.Outcome == engine.Applied {
			done.Count(c.Action)
		} else if c.Action != plan.Keep {
			of[c.Outcome]++
		}
	}
	attrs = append(attrs, "created", done.Create, "updated", done.Update, "metadata", done.Metadata, "restored", done.Restore, "deleted", done.Delete,
		"refused", of[engine.Refused], "failed", of[engine.Failed], "skipped", of[engine.Skipped], "unchanged", v.report.Summary.Unchanged)
	level := slog.LevelInfo
	if trigger == byEvent && done.Writes() == 0 && v.outcome() == succeeded {
		level = slog.LevelDebug
	}
	d.log.Log(context.Background(), level, "the run is over", attrs...)
}
