package parameterstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// The suites call secrets "app/db", which is no name here. These put a "/" in front on the way in, and take it off on the way out.

func in(n secret.Name) secret.Name  { return "/" + n }
func out(n secret.Name) secret.Name { return secret.Name(strings.TrimPrefix(string(n), "/")) }

func inAll(names []secret.Name) []secret.Name {
	all := make([]secret.Name, len(names))
	for i, n := range names {
		all[i] = in(n)
	}
	return all
}

func outAll(all []store.Reading) []store.Reading {
	for i := range all {
		all[i].Name = out(all[i].Name)
	}
	return all
}

type slashedSource struct{ store.Source }

func (s slashedSource) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.Source.List(ctx)
	for i := range all {
		all[i].Name = out(all[i].Name)
	}
	return all, err
}

func (s slashedSource) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	m, err := s.Source.Stat(ctx, in(name))
	m.Name = out(m.Name)
	return m, err
}

func (s slashedSource) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return outAll(s.Source.Read(ctx, inAll(names)))
}

type slashed struct{ store.Destination }

func (s slashed) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := s.Destination.List(ctx)
	for i := range all {
		all[i].Name = out(all[i].Name)
	}
	return all, err
}

func (s slashed) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	c, err := s.Destination.Stat(ctx, in(name))
	c.Name = out(c.Name)
	return c, err
}

func (s slashed) Write(ctx context.Context, w store.Write) (secret.Copy, error) {
	w.Name = in(w.Name)
	if w.Have != nil {
		have := *w.Have
		have.Name = w.Name
		w.Have = &have
	}
	c, err := s.Destination.Write(ctx, w)
	c.Name = out(c.Name)
	return c, err
}

func (s slashed) Delete(ctx context.Context, have secret.Copy, days int) error {
	have.Name = in(have.Name)
	return s.Destination.(store.Deleter).Delete(ctx, have, days)
}

func (s slashed) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return outAll(s.Destination.(store.Verifier).Read(ctx, inAll(names)))
}

func (s slashed) BatchSize() int { return s.Destination.(store.Verifier).BatchSize() }

type slashedBack struct{ backdoor }

func (b slashedBack) Put(t *testing.T, name secret.Name, v secret.Value) secret.Version {
	t.Helper()
	return b.backdoor.Put(t, in(name), v)
}

func (b slashedBack) Remove(t *testing.T, name secret.Name) {
	t.Helper()
	b.backdoor.Remove(t, in(name))
}

func (b slashedBack) Value(t *testing.T, name secret.Name) (secret.Value, secret.Version) {
	t.Helper()
	return b.backdoor.Value(t, in(name))
}

func (b slashedBack) Versions(t *testing.T, name secret.Name) int {
	t.Helper()
	return b.backdoor.Versions(t, in(name))
}

var _ storetest.Backdoor = slashedBack{}
