package rotate_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// numbered is a store that counts its versions, and keeps what is pending beside them: what is promoted has another name from then on, what is recalled too, and of what was withdrawn nothing is left.
type numbered struct {
	at       secret.Place
	mu       sync.Mutex
	values   []secret.Value // of the versions 1, 2, …; the last one is current
	before   int            // the previous one; 0: none
	pending  secret.Version
	value    secret.Value
	promoted bool // the current version was promoted, and not written by somebody else
}

func (n *numbered) Place(context.Context) (secret.Place, error) { return n.at, nil }

func (n *numbered) staged() store.Stages {
	n.mu.Lock()
	defer n.mu.Unlock()
	st := store.Stages{Meta: secret.Meta{Name: secretName}, Current: number(len(n.values)), Pending: n.pending}
	if n.before > 0 {
		st.Previous = number(n.before)
	}
	return st
}

func number(n int) secret.Version { return secret.Version(strconv.Itoa(n)) }

func (n *numbered) Stages(context.Context, secret.Name) (store.Stages, error) { return n.staged(), nil }

func (n *numbered) Value(_ context.Context, _ secret.Name, v secret.Version) (secret.Value, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if v == n.pending && v != "" {
		return n.value.Clone(), nil
	}
	i, err := strconv.Atoi(string(v))
	if err != nil || i < 1 || i > len(n.values) {
		return secret.Value{}, fmt.Errorf("version %s: %w", v, store.ErrNotFound)
	}
	return n.values[i-1].Clone(), nil
}

// put makes a value pending; now is what the caller saw.
func (n *numbered) put(now store.Stages, v secret.Version, value secret.Value) error {
	switch {
	case now.Current != number(len(n.values)), n.pending != "" && n.pending != v:
		return store.ErrConflict
	case n.pending == v && !n.value.Equal(value):
		return store.ErrCollision
	}
	n.pending, n.value = v, value
	return nil
}

func (n *numbered) Propose(_ context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.put(now, v, value)
}

func (n *numbered) Recall(_ context.Context, now store.Stages, v secret.Version) (secret.Version, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.before == 0 {
		return "", store.ErrNotFound
	}
	return v, n.put(now, v, n.values[n.before-1])
}

func (n *numbered) Promote(_ context.Context, now store.Stages) (secret.Version, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.pending == "" && n.promoted && number(n.before) == now.Current: // it is known only what it was promoted from
	case now.Current != number(len(n.values)), n.pending != now.Pending:
		return "", store.ErrConflict
	default:
		n.before = len(n.values)
		n.values = append(n.values, n.value)
		n.pending, n.promoted = "", true
	}
	return number(len(n.values)), nil
}

func (n *numbered) Withdraw(_ context.Context, now store.Stages) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pending == now.Pending {
		n.pending = ""
	}
	return nil
}
