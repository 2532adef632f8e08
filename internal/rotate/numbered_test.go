package rotate_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
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
	base     secret.Version // what was current at the proposal
	g        *gate
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
	if n.pending == "" {
		n.base = now.Current
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

// Promote writes, labels and drops what was pending, each by a call of its own.
func (n *numbered) Promote(_ context.Context, now store.Stages) (to secret.Version, err error) {
	for _, part := range []struct {
		op string
		do func(store.Stages) (secret.Version, bool, error)
	}{{"Promote: write", n.write}, {"Promote: label", n.label}, {"Promote: drop", n.drop}} {
		done := false
		_, err = through(n.g, part.op, func() (secret.Version, error) {
			to, done, err = part.do(now)
			return to, err
		})
		if err != nil {
			return "", err
		}
		if done {
			return to, nil
		}
	}
	return to, nil
}

// write makes a version of what is pending, unless that was done before.
func (n *numbered) write(now store.Stages) (to secret.Version, done bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	current := number(len(n.values))
	switch {
	case n.pending == "" && n.promoted && number(n.before) == now.Current: // it is known only what it was promoted from
		return current, true, nil
	case n.pending == "", n.pending != now.Pending:
		return "", false, store.ErrConflict
	case current != n.base && n.values[len(n.values)-1].Equal(n.value):
		return current, false, nil
	case current != n.base && current != now.Current:
		return "", false, store.ErrConflict
	}
	n.before, n.promoted = len(n.values), false
	n.values = append(n.values, n.value)
	return number(len(n.values)), false, nil
}

func (n *numbered) label(store.Stages) (secret.Version, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.promoted = true
	return number(len(n.values)), false, nil
}

func (n *numbered) drop(now store.Stages) (secret.Version, bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pending == now.Pending {
		n.pending = ""
	}
	return number(len(n.values)), true, nil
}

func (n *numbered) Withdraw(_ context.Context, now store.Stages) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pending == now.Pending {
		n.pending = ""
	}
	return nil
}

func TestARotationThatIsCurrentAlreadyIsFinishedFirst(t *testing.T) {
	for _, a := range []act{doRotate, doCancel} {
		l := way{strategy: rotate.SingleUser, numbered: true}.lab(t)
		l.dieAt(crashAfter, "Promote: write")
		l.fails(doRollback, nil, "a rotation was broken off after version 2 had become current: `rotate rds/app` finishes it, and then it can be rolled back")
		if report, _, err := l.do(a); (err != nil) != (report.Outcome == rotate.Failed) || report.From != "1" || report.To != "2" {
			t.Errorf("%+v", report)
		}
		l.settled("finished")
		l.must(doRollback, rotate.RolledBack)
		if l.credential(l.staged().Current).Password() != canary+"-0" {
			t.Error("it is not rolled back")
		}
	}
}
