// Package storetest says what package store asks of a driver, as tests: the same for every kind of store, run against the real thing or the nearest stand-in.
package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Harness opens stores to test.
type Harness struct {
	// New returns an empty place. It is called once per test, which may run beside others.
	New func(t *testing.T) Fixture
	// Lacks says what this kind of store has not got at all: the tests that are about it are not its tests.
	Lacks Ability
	// Skip says which tests the stand-in can't pass, by name, and why. A name that is no test's fails.
	Skip map[string]string
}

// Ability is a set of what some kinds of stores have and others don't.
type Ability int

// The abilities.
const (
	IDs         Ability = 1 << iota // values are kept under ids of the writer's choice, and an older one can be made current again
	Tags                            // a secret carries tags
	Description                     // a secret carries a description
	AnyValue                        // a value is any text or bytes up to 65,536, kept as they are
	AnyName                         // a name is any path; not those of AWS only
	Schedule                        // a source says of a secret that its deletion is scheduled
	Exclusive                       // however many make a pending version current at once, one new version comes of it
)

// Fixture is one place, from both sides. A side that the driver does not have is nil.
type Fixture struct {
	Source      store.Source
	Destination store.Destination
	Back        Backdoor
	// Rotation is for the suite Rotation only, as is what follows.
	Rotation store.Rotation
	// Empty makes a secret that has no value; nil: there are no such.
	Empty func(t *testing.T, name secret.Name)
	// Cut makes the n-th call from now on, from 0, and all that follow it, of the driver under test fail: not done or, the n-th with lost, done without an answer. mend
	// ends that, and reports whether a call was struck. Nil: that can't be had.
	Cut func(n int, lost bool) (mend func() (struck bool))

	lacks Ability
}

// has reports whether the kind of store has an ability.
func (f Fixture) has(a Ability) bool { return f.lacks&a == 0 }

// Backdoor acts on the place as somebody else, past the driver under test. Its methods fail the test if they can't.
type Backdoor interface {
	// Put writes a value under a new version, which becomes the current one, and creates the secret where there is none.
	Put(t *testing.T, name secret.Name, v secret.Value) secret.Version
	// Plant gives a value that version, which gets no label. It is called for stores with IDs only, as is MoveCurrent.
	Plant(t *testing.T, name secret.Name, version secret.Version, v secret.Value)
	// MoveCurrent makes an older version the current one.
	MoveCurrent(t *testing.T, name secret.Name, version secret.Version)
	// Tag sets tags.
	Tag(t *testing.T, name secret.Name, tags map[string]string)
	// Describe sets the description.
	Describe(t *testing.T, name secret.Name, text string)
	// Schedule schedules the deletion.
	Schedule(t *testing.T, name secret.Name)
	// Remove removes the secret at once.
	Remove(t *testing.T, name secret.Name)
	// Value returns the current value and its version.
	Value(t *testing.T, name secret.Name) (secret.Value, secret.Version)
	// Versions returns how many versions there are.
	Versions(t *testing.T, name secret.Name) int
}

// suite is tests by name.
type suite []struct {
	name  string
	needs Ability
	run   func(t *testing.T, f Fixture)
}

func (s suite) run(t *testing.T, h Harness) {
	unknown := map[string]bool{}
	for name := range h.Skip {
		unknown[name] = true
	}
	for _, test := range s {
		delete(unknown, test.name)
		if test.needs&h.Lacks != 0 {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			if why := h.Skip[test.name]; why != "" {
				t.Skip(why)
			}
			f := h.New(t)
			f.lacks = h.Lacks
			test.run(t, f)
		})
	}
	for name := range unknown {
		t.Errorf("the harness skips %q, which is no test", name)
	}
}

const (
	owner  secret.Owner    = "platform-test"
	source secret.Identity = "sm/111111111111/us-east-1/app/db"
)

// The ids of one source version and of its generations.
func ids(n int) []secret.Version {
	all := make([]secret.Version, 4)
	for g := range all {
		all[g] = secret.Version(fmt.Sprintf("%08x-%04x-4000-8000-00000000cafe", n, g))
	}
	return all
}

// canary is part of every value, and of nothing else.
const canary = "c4n4ry-0f-v4lu3s"

func value(s string) secret.Value { return secret.Text([]byte(canary + s)) }

func mark() secret.Mark { return secret.Mark{Owner: owner, Sync: "app", Source: source} }

// write is a write of version n that expects have.
func write(name secret.Name, n int, have *secret.Copy) store.Write {
	return store.Write{
		Name: name, Have: have, Versions: ids(n), Value: value(fmt.Sprint(n)), Mark: mark(), Description: "a database",
		Tags: map[string]string{"team": "a"},
	}
}

func mustWrite(t *testing.T, d store.Destination, w store.Write) secret.Copy {
	t.Helper()
	c, err := d.Write(t.Context(), w)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return c
}

func mustStat(t *testing.T, d store.Destination, name secret.Name) *secret.Copy {
	t.Helper()
	c, err := d.Stat(t.Context(), name)
	if err != nil {
		t.Fatalf("stat: %v", err)
	}
	return &c
}

// wantErr fails unless err is of a kind, and holds no value.
func wantErr(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got the error %v, want one of kind %q", err, kind)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Error("the error holds the value")
	}
}

func wantValue(t *testing.T, f Fixture, name secret.Name, want secret.Value, version secret.Version) {
	t.Helper()
	v, at := f.Back.Value(t, name)
	if !v.Equal(want) {
		t.Errorf("%q holds another value, of %d bytes, want one of %d", name, v.Size(), want.Size())
	}
	if version != "" && at != version {
		t.Errorf("the current version of %q is %s, want %s", name, at, version)
	}
}
