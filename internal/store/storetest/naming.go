package storetest

import (
	"context"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Naming runs the suites, which call secrets "app/db", on a store that has no such names: In turns a name of theirs into one of the store's, and Out does the reverse.
type Naming struct {
	In, Out func(secret.Name) secret.Name
}

// Fixture returns a fixture whose names are the suites'. The destination must delete and verify too.
func (n Naming) Fixture(source store.Source, dest store.Destination, back Backdoor) Fixture {
	return Fixture{Source: RenamedSource{source, n}, Destination: RenamedDestination{dest, n}, Back: RenamedBackdoor{back, n}}
}

func (n Naming) read(names []secret.Name, read func([]secret.Name) []store.Reading) []store.Reading {
	theirs := make([]secret.Name, len(names))
	for i, name := range names {
		theirs[i] = n.In(name)
	}
	all := read(theirs)
	for i := range all {
		all[i].Name = n.Out(all[i].Name)
	}
	return all
}

func (n Naming) meta(m secret.Meta) secret.Meta {
	m.Identity = secret.Identity(strings.TrimSuffix(string(m.Identity), string(m.Name)) + string(n.Out(m.Name)))
	m.Name = n.Out(m.Name)
	return m
}

// RenamedSource is a source under other names.
type RenamedSource struct {
	store.Source
	naming Naming
}

// List is of store.Source.
func (s RenamedSource) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.Source.List(ctx)
	for i := range all {
		all[i] = s.naming.meta(all[i])
	}
	return all, err
}

// Stat is of store.Source.
func (s RenamedSource) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	m, err := s.Source.Stat(ctx, s.naming.In(name))
	return s.naming.meta(m), err
}

// Read is of store.Source.
func (s RenamedSource) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return s.naming.read(names, func(theirs []secret.Name) []store.Reading { return s.Source.Read(ctx, theirs) })
}

// RenamedDestination is a destination under other names.
type RenamedDestination struct {
	store.Destination
	naming Naming
}

// List is of store.Destination.
func (d RenamedDestination) List(ctx context.Context) ([]secret.Copy, error) {
	all, err := d.Destination.List(ctx)
	for i := range all {
		all[i].Name = d.naming.Out(all[i].Name)
	}
	return all, err
}

// Stat is of store.Destination.
func (d RenamedDestination) Stat(ctx context.Context, name secret.Name) (secret.Copy, error) {
	c, err := d.Destination.Stat(ctx, d.naming.In(name))
	c.Name = d.naming.Out(c.Name)
	return c, err
}

// Write is of store.Destination.
func (d RenamedDestination) Write(ctx context.Context, w store.Write) (secret.Copy, error) {
	w.Name = d.naming.In(w.Name)
	if w.Have != nil {
		have := *w.Have
		have.Name = w.Name
		w.Have = &have
	}
	c, err := d.Destination.Write(ctx, w)
	c.Name = d.naming.Out(c.Name)
	return c, err
}

// Delete is of store.Deleter.
func (d RenamedDestination) Delete(ctx context.Context, have secret.Copy, days int) error {
	have.Name = d.naming.In(have.Name)
	return d.Destination.(store.Deleter).Delete(ctx, have, days)
}

// Read is of store.Verifier.
func (d RenamedDestination) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return d.naming.read(names, func(theirs []secret.Name) []store.Reading { return d.Destination.(store.Verifier).Read(ctx, theirs) })
}

// BatchSize is of store.Verifier.
func (d RenamedDestination) BatchSize() int { return d.Destination.(store.Verifier).BatchSize() }

// RenamedBackdoor is a backdoor under other names, for what a store without IDs, tags, descriptions and schedules is asked for.
type RenamedBackdoor struct {
	Backdoor
	naming Naming
}

// Put is of Backdoor.
func (b RenamedBackdoor) Put(t *testing.T, name secret.Name, v secret.Value) secret.Version {
	t.Helper()
	return b.Backdoor.Put(t, b.naming.In(name), v)
}

// Remove is of Backdoor.
func (b RenamedBackdoor) Remove(t *testing.T, name secret.Name) {
	t.Helper()
	b.Backdoor.Remove(t, b.naming.In(name))
}

// Value is of Backdoor.
func (b RenamedBackdoor) Value(t *testing.T, name secret.Name) (secret.Value, secret.Version) {
	t.Helper()
	return b.Backdoor.Value(t, b.naming.In(name))
}

// Versions is of Backdoor.
func (b RenamedBackdoor) Versions(t *testing.T, name secret.Name) int {
	t.Helper()
	return b.Backdoor.Versions(t, b.naming.In(name))
}
