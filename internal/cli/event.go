package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// readEvent reads an event from a file, "-" being standard input, and limits a run to what it is about, which may be nothing. Messages of a batch that are malformed
// are told, and counted.
func (a *app) readEvent(ctx context.Context, name string, o engine.Options) (limited engine.Options, malformed int, err error) {
	data, err := a.eventData(ctx, name)
	if err != nil {
		return o, 0, fmt.Errorf("event: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return o, 0, fmt.Errorf("event: %s is empty: a whole run is asked for by {}", name) // and not by a pipe that broke
	}
	messages, err := event.Parse(data)
	if err != nil {
		return o, 0, err
	}
	hints := []event.Hint{}
	var runs []*event.Run
	for _, m := range messages {
		switch {
		case m.Err != nil && m.ID == "":
			return o, 0, m.Err
		case m.Err != nil:
			a.warn(fmt.Sprintf("message %q: %v", m.ID, m.Err))
			malformed++
		case m.Ignored != "":
			a.note("the event is ignored: %s", m.Ignored)
		case m.Run != nil:
			runs = append(runs, m.Run)
		case m.Step != nil:
			return o, 0, errors.New("event: a step of a rotation is for a function on AWS Lambda: use secretsync rotate NAME")
		case m.Rotate != nil:
			return o, 0, errors.New("event: sync rotates nothing: use secretsync rotate NAME")
		default:
			hints = append(hints, m.Hints...)
		}
	}
	switch {
	case len(runs) > 0 && len(hints) > 0:
		return o, 0, errors.New("event: it asks for runs, and names secrets too: give them one by one")
	case len(runs) > 0:
		o, err = limitTo(o, runs)
		return o, malformed, err
	}
	o.Hints = event.Merge(hints)
	return o, malformed, nil
}

// limitTo limits a run to what others ask for. One of them may ask for all.
func limitTo(o engine.Options, runs []*event.Run) (engine.Options, error) {
	var due []secret.SyncName
	for _, r := range runs {
		switch {
		case len(r.Only) > 0 && (len(runs) > 1 || len(o.Only) > 0):
			return o, errors.New("event: it asks for several runs, or --only limits it once more: give them one by one")
		case len(r.Only) > 0:
			o.Only = r.Only
		}
		if r.Syncs == nil {
			return o, nil
		}
		due = append(due, r.Syncs...)
	}
	o.Due = due
	return o, nil
}

func (a *app) eventData(ctx context.Context, name string) ([]byte, error) {
	if name != "-" {
		return readFile(ctx, name)
	}
	return within(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.in, event.MaxBatch+1)) })
}
