package rotate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// mode is a kind of trouble, at one call.
type mode string

const (
	crashBefore mode = "crash before"
	crashAfter  mode = "crash after"
	failBefore  mode = "fail before"
	loseAnswer  mode = "lose the answer of"
	serverGone  mode = "no server since" // for good
	lastAnswer  mode = "no server after" // for good, and without the answer
	pause       mode = "pause before"    // for meanwhile
)

var modes = []mode{crashBefore, crashAfter, failBefore, loseAnswer, serverGone, lastAnswer}

// crash is what a process that dies throws.
type crash struct{}

// gate counts the calls to the store and to the server, and makes trouble at one of them.
type gate struct {
	mu        sync.Mutex
	n, at     int      // calls are counted from 1; at 0 there is no trouble
	first     []string // there is trouble at the first call of one of these too
	mode      mode
	gone      bool
	ops       []string
	meanwhile func()
}

// trouble arms the gate.
func (g *gate) trouble(m mode, at int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n, g.at, g.mode, g.gone, g.ops, g.first = 0, at, m, false, nil, nil
}

func (g *gate) call(op string, kind error, do func() error) error {
	g.mu.Lock()
	g.n++
	g.ops = append(g.ops, op)
	hit, m := g.n == g.at, g.mode
	if slices.Contains(g.first, op) {
		hit, g.first = true, nil
	}
	if hit && m == serverGone {
		g.gone = true
	}
	gone := g.gone && errors.Is(kind, rotate.ErrAway)
	g.mu.Unlock()
	switch {
	case gone, hit && m == failBefore:
		return fmt.Errorf("%w: %s", kind, op)
	case hit && m == crashBefore:
		panic(crash{})
	case hit && m == pause:
		g.meanwhile()
	}
	err := do()
	switch {
	case hit && m == crashAfter:
		panic(crash{})
	case hit && m == lastAnswer:
		g.mu.Lock()
		g.gone = true
		g.mu.Unlock()
		return fmt.Errorf("%w: %s", kind, op)
	case hit && m == loseAnswer:
		return fmt.Errorf("%w: %s", kind, op)
	}
	return err
}

// gated is a store with trouble.
type gated struct {
	of store.Rotation
	g  *gate
}

func through[T any](g *gate, op string, do func() (T, error)) (out T, err error) {
	err = g.call(op, store.ErrUnavailable, func() error {
		out, err = do()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}

func (s gated) Place(ctx context.Context) (secret.Place, error) { return s.of.Place(ctx) }

func (s gated) Stages(ctx context.Context, n secret.Name) (store.Stages, error) {
	return through(s.g, "Stages", func() (store.Stages, error) { return s.of.Stages(ctx, n) })
}

func (s gated) Value(ctx context.Context, n secret.Name, v secret.Version) (secret.Value, error) {
	return through(s.g, "Value", func() (secret.Value, error) { return s.of.Value(ctx, n, v) })
}

func (s gated) Propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	return s.g.call("Propose", store.ErrUnavailable, func() error { return s.of.Propose(ctx, now, v, value) })
}

func (s gated) Recall(ctx context.Context, now store.Stages, v secret.Version) (secret.Version, error) {
	return through(s.g, "Recall", func() (secret.Version, error) { return s.of.Recall(ctx, now, v) })
}

func (s gated) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	return through(s.g, "Promote", func() (secret.Version, error) { return s.of.Promote(ctx, now) })
}

func (s gated) Withdraw(ctx context.Context, now store.Stages) error {
	return s.g.call("Withdraw", store.ErrUnavailable, func() error { return s.of.Withdraw(ctx, now) })
}
