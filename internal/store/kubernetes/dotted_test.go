package kubernetes_test

import (
	"context"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// The suites call secrets "app/db", which is no name here. These put a "." where the "/" is on the way in, and take it back on the way out.

func in(n secret.Name) secret.Name  { return secret.Name(strings.ReplaceAll(string(n), "/", ".")) }
func out(n secret.Name) secret.Name { return secret.Name(strings.ReplaceAll(string(n), ".", "/")) }

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

type dottedSource struct{ store.Source }

func outMeta(m secret.Meta) secret.Meta {
	m.Identity = secret.Identity(strings.TrimSuffix(string(m.Identity), string(m.Name)) + string(out(m.Name)))
	m.Name = out(m.Name)
	return m
}

func (s dottedSource) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.Source.List(ctx)
	for i := range all {
		all[i] = outMeta(all[i])
	}
	return all, err
}

func (s dottedSource) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	m, err := s.Source.Stat(ctx, in(name))
	return outMeta(m), err
}

func (s dottedSource) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return outAll(s.Source.Read(ctx, inAll(names)))
}

type dotted struct{ dest }

func (s dotted) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := s.dest.List(ctx)
	for i := range all {
		all[i].Name = out(all[i].Name)
	}
	return all, err
}

func (s dotted) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	c, err := s.dest.Stat(ctx, in(name))
	c.Name = out(c.Name)
	return c, err
}

func (s dotted) Write(ctx context.Context, w store.Write) (secret.Copy, error) {
	w.Name = in(w.Name)
	if w.Have != nil {
		have := *w.Have
		have.Name = w.Name
		w.Have = &have
	}
	c, err := s.dest.Write(ctx, w)
	c.Name = out(c.Name)
	return c, err
}

func (s dotted) Delete(ctx context.Context, have secret.Copy, days int) error {
	have.Name = in(have.Name)
	return s.dest.Delete(ctx, have, days)
}

func (s dotted) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return outAll(s.dest.Read(ctx, inAll(names)))
}

type dottedBack struct{ backdoor }

func (b dottedBack) Put(t *testing.T, name secret.Name, v secret.Value) secret.Version {
	t.Helper()
	return b.backdoor.Put(t, in(name), v)
}

func (b dottedBack) Remove(t *testing.T, name secret.Name) {
	t.Helper()
	b.backdoor.Remove(t, in(name))
}

func (b dottedBack) Value(t *testing.T, name secret.Name) (secret.Value, secret.Version) {
	t.Helper()
	return b.backdoor.Value(t, in(name))
}

func (b dottedBack) Versions(t *testing.T, name secret.Name) int {
	t.Helper()
	return b.backdoor.Versions(t, in(name))
}

var _ storetest.Backdoor = dottedBack{}
