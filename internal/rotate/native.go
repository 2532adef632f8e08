package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// How a rotation that the store has done is waited for.
const (
	nativeLimit = 15 * time.Minute
	firstWait   = time.Second
	longestWait = 15 * time.Second
	looksAgain  = 3 // how often a token has to be seen neither pending nor current
)

// native has the rotation done that is configured in the store, and waits for it; one that is under way is waited for.
func (w *work) native(ctx context.Context) (Report, error) {
	at, ok := w.s.At.(store.NativeRotator)
	if !ok {
		return w.end(Failed, w.wrap("", fmt.Errorf("it is rotated by %s, which can't be started from here", w.now.By)))
	}
	w.report.Engine = ""
	outcome := Rotated
	if w.token = w.now.Pending; w.token != "" {
		outcome = Resumed
	}
	err := w.one(starting, func() error {
		if err := w.start(ctx, at); err != nil {
			return err
		}
		return w.wait(ctx)
	})
	return w.end(outcome, err)
}

// start starts it, under the first id that is free. One that is under way is left to whoever drives it, who is asked to try again.
func (w *work) start(ctx context.Context, at store.NativeRotator) error {
	if w.token != "" {
		if err := at.Rotate(ctx, w.s.Name, w.token); err != nil && !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrCollision) {
			return err
		}
		return nil
	}
	for g := range generations {
		w.token = w.version(w.from, forNative, g)
		err := at.Rotate(ctx, w.s.Name, w.token)
		if err == nil {
			return nil
		}
		now, lookErr := w.s.At.Stages(ctx, w.s.Name)
		switch {
		case lookErr != nil:
			return err
		case now.Pending != "" && now.Current == w.from: // somebody else was faster, or the answer was lost
			w.token = now.Pending
			return nil
		case now.Current == w.token:
			return nil
		case !errors.Is(err, store.ErrCollision):
			return err
		}
	}
	return fmt.Errorf("there is no version id left that follows from version %s: write the secret once, with the value that it has, and rotate again", w.from)
}

// wait waits until the token is current, or pending no longer.
func (w *work) wait(ctx context.Context) error {
	ctx, end := context.WithTimeout(ctx, nativeLimit)
	defer end()
	gone := 0
	for pause := firstWait; ; pause = min(pause*3/2, longestWait) {
		now, err := w.s.At.Stages(ctx, w.s.Name)
		switch {
		case err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrThrottled) && !errors.Is(err, store.ErrUnavailable):
			return err
		case err != nil: // the next look tells more
		case now.Current == w.token:
			w.report.To = now.Current
			return nil
		case now.Pending != w.token:
			if gone++; gone == looksAgain {
				return fmt.Errorf("version %s is neither pending nor current any more: %s", w.token, w.whoKnows())
			}
		default:
			gone = 0
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("version %s is still pending: %w: %s", w.token, ctx.Err(), w.whoKnows())
		case <-time.After(pause):
		}
	}
}

// whoKnows says where it is written what went wrong.
func (w *work) whoKnows() string {
	_, function, ok := strings.Cut(w.now.By, ":function:")
	if !ok {
		return "it is rotated by " + w.now.By
	}
	function, _, _ = strings.Cut(function, ":")
	return "see the log of its function, /aws/lambda/" + function
}
