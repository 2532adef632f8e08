package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/secretsync-dev/secretsync/internal/hook"
)

const (
	attempts = 3
	maxWait  = 10 * time.Second // that an answer may ask for
)

// temporary is an error after which one more attempt makes sense.
type temporary struct {
	err   error
	after time.Duration // what the other side asked for; 0: nothing
}

func (t *temporary) Error() string { return t.err.Error() }
func (t *temporary) Unwrap() error { return t.err }

// try makes an attempt, and two more at most where it failed temporarily. Each has Deps.Timeout.
func (d Deps) try(ctx context.Context, name string, do func(context.Context) error) error {
	wait := d.Backoff
	for n := 1; ; n++ {
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, d.Timeout)
		err := do(limited)
		late := limited.Err() != nil && ctx.Err() == nil
		cancel()
		d.Log.LogAttrs(ctx, slog.LevelDebug, "notification", slog.String("to", name), slog.Int("attempt", n), slog.Bool("delivered", err == nil), slog.Duration("took", time.Since(began)))
		if err == nil {
			return nil
		}
		if late {
			err = &temporary{err: fmt.Errorf("no answer within %s", d.Timeout)}
		}
		var again *temporary
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted: %w", ctx.Err())
		case !errors.As(err, &again):
			return err
		case n == attempts:
			return fmt.Errorf("%d attempts: %w", n, err)
		}
		pause := wait/2 + rand.N(wait/2+1) //nolint:gosec // a wait is no secret
		timer := time.NewTimer(max(pause, min(again.after, maxWait)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("interrupted: %w", ctx.Err())
		}
		wait *= 2
	}
}

// netError says what went wrong on the way. It quotes no answer: one might repeat what was sent.
func netError(err error) error {
	if hook.Refused(err) {
		return hook.Cause(err)
	}
	return &temporary{err: hook.Cause(err)}
}
