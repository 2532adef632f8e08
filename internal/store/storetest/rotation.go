package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Rotation tests a driver's rotations: the fixtures have a Rotation, a Source and a Destination.
func Rotation(t *testing.T, h Harness) { rotations.run(t, h) }

const name secret.Name = "app/db"

// token is the version that the tests' n-th proposal is made under.
func token(n int) secret.Version { return ids(n)[0] }

func mustStages(t *testing.T, f Fixture, name secret.Name) store.Stages {
	t.Helper()
	st, err := f.Rotation.Stages(t.Context(), name)
	if err != nil {
		t.Fatalf("stages: %v", err)
	}
	return st
}

func mustPropose(t *testing.T, f Fixture, n int, v secret.Value) store.Stages {
	t.Helper()
	if err := f.Rotation.Propose(t.Context(), mustStages(t, f, name), token(n), v); err != nil {
		t.Fatalf("propose: %v", err)
	}
	return mustStages(t, f, name)
}

func mustPromote(t *testing.T, f Fixture, now store.Stages) secret.Version {
	t.Helper()
	v, err := f.Rotation.Promote(t.Context(), now)
	if err != nil {
		t.Fatalf("promote: %v", err)
	}
	return v
}

func wantStages(t *testing.T, f Fixture, name secret.Name, current, pending, previous secret.Version) {
	t.Helper()
	st := mustStages(t, f, name)
	if st.Current != current || st.Pending != pending || st.Previous != previous {
		t.Errorf("%q: current %s, pending %s, previous %s; want %s, %s, %s", name, st.Current, st.Pending, st.Previous, current, pending, previous)
	}
}

// wantVersion fails unless a version has a value.
func wantVersion(t *testing.T, f Fixture, name secret.Name, v secret.Version, want secret.Value) {
	t.Helper()
	got, err := f.Rotation.Value(t.Context(), name, v)
	if err != nil {
		t.Fatalf("value of %s: %v", v, err)
	}
	if !got.Equal(want) {
		t.Errorf("version %s of %q has another value, of %d bytes, want one of %d", v, name, got.Size(), want.Size())
	}
}

// wantSeen fails unless whoever reads the one secret there is sees a version and a value, by every way of looking.
func wantSeen(t *testing.T, f Fixture, version secret.Version, want secret.Value) {
	t.Helper()
	metas, err := f.Source.List(t.Context())
	if err != nil || len(metas) != 1 || metas[0].Name != name || metas[0].Version != version {
		t.Errorf("the source lists %d secrets, %+v, want version %s: %v", len(metas), metas, version, err)
	}
	if m, err := f.Source.Stat(t.Context(), name); err != nil || m.Version != version {
		t.Errorf("the source shows version %s, want %s: %v", m.Version, version, err)
	}
	if r := f.Source.Read(t.Context(), []secret.Name{name})[0]; r.Err != nil || r.Version != version || !r.Value.Equal(want) {
		t.Errorf("the source reads version %s, %d bytes, want %s: %v", r.Version, r.Value.Size(), version, r.Err)
	}
	copies, err := f.Destination.List(t.Context())
	if err != nil || len(copies) != 1 || copies[0].Name != name || copies[0].Version != version {
		t.Errorf("the destination lists %d copies, %+v, want version %s: %v", len(copies), copies, version, err)
	}
	if c := mustStat(t, f.Destination, name); c.Version != version {
		t.Errorf("the destination shows version %s, want %s", c.Version, version)
	}
}

var rotations = append(append(suite{
	{"ASecretThatWasNeverRotatedHasACurrentVersionOnly", 0, func(t *testing.T, f Fixture) {
		v := f.Back.Put(t, name, value("1"))
		st := mustStages(t, f, name)
		if st.Current != v || st.Pending != "" || st.Previous != "" || st.By != "" || st.Meta.Name != name || st.Meta.Version != v || st.Since.IsZero() {
			t.Errorf("got %+v", st)
		}
		m, err := f.Source.Stat(t.Context(), name)
		if err != nil || m.Identity != st.Meta.Identity || m.Created != st.Meta.Created {
			t.Errorf("got %+v, a source says %+v: %v", st.Meta, m, err)
		}
		wantVersion(t, f, name, v, value("1"))
	}},
	{"WhatIsNotThereIsNotFound", 0, func(t *testing.T, f Fixture) {
		_, err := f.Rotation.Stages(t.Context(), name)
		wantErr(t, err, store.ErrNotFound)
		_, err = f.Rotation.Value(t.Context(), name, token(1))
		wantErr(t, err, store.ErrNotFound)
		f.Back.Put(t, name, value("1"))
		now := mustStages(t, f, name)
		_, err = f.Rotation.Value(t.Context(), name, token(1))
		wantErr(t, err, store.ErrNotFound)
		_, err = f.Rotation.Recall(t.Context(), now, token(1))
		wantErr(t, err, store.ErrNotFound)
		f.Back.Remove(t, name)
		wantErr(t, f.Rotation.Propose(t.Context(), now, token(1), value("2")), store.ErrNotFound)
	}},
	{"ASecretWithoutAValueIsNotRotated", 0, func(t *testing.T, f Fixture) {
		if f.Empty == nil {
			t.Skip("no secret is without a value there")
		}
		f.Empty(t, name)
		now := mustStages(t, f, name)
		if now.Current != "" || now.Pending != "" || now.Previous != "" {
			t.Errorf("got %+v", now)
		}
		wantErr(t, f.Rotation.Propose(t.Context(), now, token(1), value("1")), store.ErrInvalid)
		wantStages(t, f, name, "", "", "")
	}},
	{"NobodySeesAProposal", 0, func(t *testing.T, f Fixture) {
		v := f.Back.Put(t, name, value("1"))
		wantSeen(t, f, v, value("1"))
		now := mustPropose(t, f, 1, value("2"))
		wantSeen(t, f, v, value("1"))
		if now.Pending != token(1) || now.Current != v {
			t.Errorf("got %+v", now)
		}
		wantVersion(t, f, name, token(1), value("2"))
		wantVersion(t, f, name, v, value("1"))
	}},
	{"WhatIsPromotedIsCurrentAndWhatWasCurrentIsPrevious", 0, func(t *testing.T, f Fixture) {
		first := f.Back.Put(t, name, value("1"))
		before := f.Back.Versions(t, name)
		second := mustPromote(t, f, mustPropose(t, f, 1, value("2")))
		if f.has(IDs) && second != token(1) {
			t.Errorf("the promoted version is called %s", second)
		}
		wantSeen(t, f, second, value("2"))
		wantStages(t, f, name, second, "", first)
		wantVersion(t, f, name, first, value("1"))
		third := mustPromote(t, f, mustPropose(t, f, 2, value("3")))
		wantSeen(t, f, third, value("3"))
		wantStages(t, f, name, third, "", second)
		if n := f.Back.Versions(t, name) - before; n != 2 {
			t.Errorf("two rotations made %d versions", n)
		}
	}},
	{"AProposalThatIsMadeAgainChangesNothing", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		now := mustPropose(t, f, 1, value("2"))
		before := now
		before.Pending = ""
		for _, now := range []store.Stages{now, before} {
			if err := f.Rotation.Propose(t.Context(), now, token(1), value("2")); err != nil {
				t.Errorf("the same again: %v", err)
			}
			wantErr(t, f.Rotation.Propose(t.Context(), now, token(1), value("other")), store.ErrCollision)
			wantErr(t, f.Rotation.Propose(t.Context(), now, token(2), value("3")), store.ErrConflict)
		}
		wantVersion(t, f, name, token(1), value("2"))
	}},
	{"EveryChangeCanBeMadeTwice", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		now := mustPropose(t, f, 1, value("2"))
		made := f.Back.Versions(t, name)
		v := mustPromote(t, f, now)
		if again := mustPromote(t, f, now); again != v {
			t.Errorf("promoted again it is %s, not %s", again, v)
		}
		made = f.Back.Versions(t, name) - made
		if made > 1 {
			t.Errorf("a promotion made %d versions", made)
		}
		wantStages(t, f, name, v, "", now.Current)
		now = mustPropose(t, f, 2, value("3"))
		for range 2 {
			if err := f.Rotation.Withdraw(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		wantStages(t, f, name, v, "", now.Previous)
	}},
	{"SomebodyElsesWriteIsAConflict", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		clean := mustStages(t, f, name)
		now := mustPropose(t, f, 1, value("2"))
		theirs := f.Back.Put(t, name, value("theirs"))
		_, err := f.Rotation.Promote(t.Context(), now)
		wantErr(t, err, store.ErrConflict)
		wantErr(t, f.Rotation.Propose(t.Context(), clean, token(2), value("3")), store.ErrConflict)
		wantSeen(t, f, theirs, value("theirs"))
		st := mustStages(t, f, name)
		if st.Pending != token(1) || st.Current != theirs {
			t.Errorf("got %+v", st)
		}
		if err := f.Rotation.Withdraw(t.Context(), st); err != nil {
			t.Fatal(err)
		}
		third := mustPromote(t, f, mustPropose(t, f, 3, value("4")))
		wantSeen(t, f, third, value("4"))
		wantStages(t, f, name, third, "", theirs)
	}},
	{"WhatWasSeenMustBeSoStill", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		mustPromote(t, f, mustPropose(t, f, 1, value("2")))
		now := mustStages(t, f, name)
		theirs := f.Back.Put(t, name, value("theirs"))
		wantErr(t, f.Rotation.Propose(t.Context(), now, token(2), value("3")), store.ErrConflict)
		_, err := f.Rotation.Recall(t.Context(), now, token(2))
		wantErr(t, err, store.ErrConflict)
		wantStages(t, f, name, theirs, "", now.Current)
	}},
	{"WhoSawTheWriteOfSomebodyElseMayPromoteOverIt", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		mustPropose(t, f, 1, value("2"))
		theirs := f.Back.Put(t, name, value("theirs"))
		v := mustPromote(t, f, mustStages(t, f, name))
		wantSeen(t, f, v, value("2"))
		wantStages(t, f, name, v, "", theirs)
	}},
	{"WhatWasWithdrawnIsNotPromoted", 0, func(t *testing.T, f Fixture) {
		first := f.Back.Put(t, name, value("1"))
		now := mustPropose(t, f, 1, value("2"))
		if err := f.Rotation.Withdraw(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		_, err := f.Rotation.Promote(t.Context(), now)
		wantErr(t, err, store.ErrConflict)
		wantStages(t, f, name, first, "", "")
		err = f.Rotation.Propose(t.Context(), mustStages(t, f, name), token(1), value("3"))
		if f.has(IDs) {
			wantErr(t, err, store.ErrCollision)
			wantStages(t, f, name, first, "", "")
			err = f.Rotation.Propose(t.Context(), mustStages(t, f, name), token(2), value("3"))
		}
		if err != nil {
			t.Fatal(err)
		}
		wantSeen(t, f, mustPromote(t, f, mustStages(t, f, name)), value("3"))
	}},
	{"OnlyThePendingVersionIsWithdrawn", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		none := mustStages(t, f, name)
		now := mustPropose(t, f, 1, value("2"))
		other := now
		other.Pending = token(2)
		for _, st := range []store.Stages{none, other} {
			if err := f.Rotation.Withdraw(t.Context(), st); err != nil {
				t.Error(err)
			}
		}
		wantStages(t, f, name, now.Current, token(1), now.Previous)
		_, err := f.Rotation.Promote(t.Context(), other)
		wantErr(t, err, store.ErrConflict)
	}},
	{"ThePreviousVersionIsRecalledAndPromotedTwice", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		mustPromote(t, f, mustPropose(t, f, 1, value("2")))
		for i, want := range []secret.Value{value("1"), value("2")} {
			now := mustStages(t, f, name)
			var pending secret.Version
			for range 2 {
				v, err := f.Rotation.Recall(t.Context(), now, token(10+i))
				if err != nil || pending != "" && v != pending {
					t.Fatalf("recalled as %s: %v", v, err)
				}
				pending = v
			}
			st := mustStages(t, f, name)
			if st.Pending != pending || pending != now.Previous && pending != token(10+i) || st.Current != now.Current {
				t.Errorf("got %+v, recalled as %s", st, pending)
			}
			wantVersion(t, f, name, pending, want)
			wantErr(t, f.Rotation.Propose(t.Context(), st, token(20), value("3")), store.ErrConflict)
			v := mustPromote(t, f, st)
			wantSeen(t, f, v, want)
			wantStages(t, f, name, v, "", now.Current)
		}
	}},
	{"ARecallWhileAnotherVersionIsPendingIsAConflict", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		mustPromote(t, f, mustPropose(t, f, 1, value("2")))
		_, err := f.Rotation.Recall(t.Context(), mustPropose(t, f, 2, value("3")), token(3))
		wantErr(t, err, store.ErrConflict)
		wantVersion(t, f, name, token(2), value("3"))
	}},
	{"ABinaryValueStaysOne", AnyValue, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		want := secret.Binary([]byte{0, 1, 0xff, '{'})
		now := mustPropose(t, f, 1, want)
		wantVersion(t, f, name, token(1), want)
		wantSeen(t, f, mustPromote(t, f, now), want)
	}},
	{"AValueThatTheStoreCantHoldIsRefusedBeforeItIsPending", 0, func(t *testing.T, f Fixture) {
		v := f.Back.Put(t, name, value("1"))
		if f.has(AnyValue) {
			t.Skip("it holds any value")
		}
		err := f.Rotation.Propose(t.Context(), mustStages(t, f, name), token(1), secret.Binary([]byte{0, 0xff}))
		wantErr(t, err, store.ErrBadValue)
		wantStages(t, f, name, v, "", "")
	}},
	{"OddCharactersStay", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		for i, text := range []string{`{"password":"a\"b\\c'd<>&$%{é\u00e9\u2028","port":5432.0}`, "\U0001f511 \\ \" <&> \t"} {
			want := secret.Text([]byte(canary + text))
			now := mustPropose(t, f, 1+i, want)
			wantVersion(t, f, name, now.Pending, want)
			wantSeen(t, f, mustPromote(t, f, now), want)
		}
	}},
}, rotationCrashes...), rotationRaces...)

// Rotation returns a rotation whose names are the suites'.
func (n Naming) Rotation(r store.Rotation) store.Rotation { return renamedRotation{r, n} }

type renamedRotation struct {
	store.Rotation
	naming Naming
}

func (r renamedRotation) in(now store.Stages) store.Stages {
	now.Meta.Name = r.naming.In(now.Meta.Name)
	return now
}

func (r renamedRotation) Stages(ctx context.Context, name secret.Name) (store.Stages, error) {
	st, err := r.Rotation.Stages(ctx, r.naming.In(name))
	st.Meta = r.naming.meta(st.Meta)
	return st, err
}

func (r renamedRotation) Value(ctx context.Context, name secret.Name, v secret.Version) (secret.Value, error) {
	return r.Rotation.Value(ctx, r.naming.In(name), v)
}

func (r renamedRotation) Propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	return r.Rotation.Propose(ctx, r.in(now), v, value)
}

func (r renamedRotation) Recall(ctx context.Context, now store.Stages, v secret.Version) (secret.Version, error) {
	return r.Rotation.Recall(ctx, r.in(now), v)
}

func (r renamedRotation) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	return r.Rotation.Promote(ctx, r.in(now))
}

func (r renamedRotation) Withdraw(ctx context.Context, now store.Stages) error {
	return r.Rotation.Withdraw(ctx, r.in(now))
}

// oneOf reports whether err is nil or one of kinds.
func oneOf(err error, kinds ...error) bool {
	return err == nil || slices.ContainsFunc(kinds, func(k error) bool { return errors.Is(err, k) })
}
