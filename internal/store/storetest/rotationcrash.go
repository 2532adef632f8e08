package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// change is one of the changes that a rotation makes, for the tests that break it off.
type change struct {
	name    string
	prepare func(t *testing.T, f Fixture, name secret.Name)
	do      func(ctx context.Context, r store.Rotation, now store.Stages) error
	// check fails unless the change was made to what was now before.
	check func(t *testing.T, f Fixture, name secret.Name, now store.Stages)
}

func rotated(t *testing.T, f Fixture, name secret.Name) {
	t.Helper()
	f.Back.Put(t, name, value("1"))
	proposed(t, f, name)
	mustPromote(t, f, mustStages(t, f, name))
}

func proposed(t *testing.T, f Fixture, name secret.Name) {
	t.Helper()
	if f.Rotation.Propose(t.Context(), mustStages(t, f, name), token(1), value("2")) != nil {
		t.Fatal("it can't be proposed")
	}
}

func promote(ctx context.Context, r store.Rotation, now store.Stages) error {
	_, err := r.Promote(ctx, now)
	return err
}

func wantPromoted(want secret.Value) func(*testing.T, Fixture, secret.Name, store.Stages) {
	return func(t *testing.T, f Fixture, name secret.Name, now store.Stages) {
		t.Helper()
		wantValue(t, f, name, want, "")
		st := mustStages(t, f, name)
		if st.Pending != "" || st.Previous != now.Current || st.Current == now.Current {
			t.Errorf("%q: got %+v, before %+v", name, st, now)
		}
		wantVersion(t, f, name, st.Current, want)
	}
}

var changes = []change{
	{
		"propose", func(t *testing.T, f Fixture, name secret.Name) { f.Back.Put(t, name, value("1")) },
		func(ctx context.Context, r store.Rotation, now store.Stages) error {
			return r.Propose(ctx, now, token(1), value("2"))
		},
		func(t *testing.T, f Fixture, name secret.Name, now store.Stages) {
			wantStages(t, f, name, now.Current, token(1), now.Previous)
			wantVersion(t, f, name, token(1), value("2"))
			wantValue(t, f, name, value("1"), "")
		},
	},
	{
		"promote", func(t *testing.T, f Fixture, name secret.Name) {
			f.Back.Put(t, name, value("1"))
			proposed(t, f, name)
		}, promote, wantPromoted(value("2")),
	},
	{
		"recall", rotated,
		func(ctx context.Context, r store.Rotation, now store.Stages) error {
			_, err := r.Recall(ctx, now, token(2))
			return err
		},
		func(t *testing.T, f Fixture, name secret.Name, now store.Stages) {
			st := mustStages(t, f, name)
			if st.Current != now.Current || st.Previous != now.Previous || st.Pending == "" {
				t.Fatalf("got %+v, before %+v", st, now)
			}
			wantVersion(t, f, name, st.Pending, value("1"))
			wantValue(t, f, name, value("2"), "")
		},
	},
	{
		"promote-recalled", func(t *testing.T, f Fixture, name secret.Name) {
			rotated(t, f, name)
			if _, err := f.Rotation.Recall(t.Context(), mustStages(t, f, name), token(2)); err != nil {
				t.Fatal(err)
			}
		}, promote, wantPromoted(value("1")),
	},
	{
		"withdraw", func(t *testing.T, f Fixture, name secret.Name) {
			f.Back.Put(t, name, value("1"))
			proposed(t, f, name)
		},
		func(ctx context.Context, r store.Rotation, now store.Stages) error { return r.Withdraw(ctx, now) },
		func(t *testing.T, f Fixture, name secret.Name, now store.Stages) {
			wantStages(t, f, name, now.Current, "", now.Previous)
			wantValue(t, f, name, value("1"), "")
		},
	},
}

// breakOff makes a change that is broken off at its n-th call, from 0, and returns how the secret was before, and whether the change was whole all the same: it has fewer calls.
func (c change) breakOff(t *testing.T, f Fixture, name secret.Name, n int, lost bool) (now store.Stages, whole bool) {
	t.Helper()
	c.prepare(t, f, name)
	now = mustStages(t, f, name)
	mend := f.Cut(n, lost)
	err := c.do(t.Context(), f.Rotation, now)
	switch struck := mend(); {
	case !struck && err != nil:
		t.Fatalf("%q: nothing was broken off, and it failed: %v", name, err)
	case struck && err == nil:
		t.Fatalf("%q: the call %d and all later ones failed, and it succeeded", name, n)
	case struck:
		wantErr(t, err, err)
	default:
		return now, true
	}
	return now, false
}

var rotationCrashes = suite{
	{"AChangeThatWasBrokenOffAtAnyCallIsMadeAgain", 0, func(t *testing.T, f Fixture) {
		eachBreak(t, f, func(t *testing.T, f Fixture, c change, name secret.Name, now store.Stages) {
			if err := c.do(t.Context(), f.Rotation, now); err != nil {
				t.Fatalf("%q: made again: %v", name, err)
			}
			c.check(t, f, name, now)
		})
	}},
	{"AChangeThatWasBrokenOffIsGoneOnWithFromWhatIsThere", 0, func(t *testing.T, f Fixture) {
		eachBreak(t, f, func(t *testing.T, f Fixture, c change, name secret.Name, before store.Stages) {
			now := mustStages(t, f, name)
			wantVersion(t, f, name, now.Current, currentOf(t, f, name))
			done := now.Pending == "" && now.Current != before.Current
			if c.name == "propose" || c.name == "recall" {
				done = now.Pending != ""
			}
			if c.name == "withdraw" {
				done = now.Pending == ""
			}
			if !done {
				if err := c.do(t.Context(), f.Rotation, now); err != nil {
					t.Fatalf("%q: gone on with: %v", name, err)
				}
			}
			c.check(t, f, name, before)
		})
	}},
	{"APromotionThatWasBrokenOffCanBeGivenUp", 0, func(t *testing.T, f Fixture) {
		eachBreak(t, f, func(t *testing.T, f Fixture, _ change, name secret.Name, _ store.Stages) {
			if err := f.Rotation.Withdraw(t.Context(), mustStages(t, f, name)); err != nil {
				t.Fatal(err)
			}
			now := mustStages(t, f, name)
			if now.Pending != "" {
				t.Fatalf("got %+v", now)
			}
			if err := f.Rotation.Propose(t.Context(), now, token(3), value("4")); err != nil {
				t.Fatal(err)
			}
			mustPromote(t, f, mustStages(t, f, name))
			wantPromoted(value("4"))(t, f, name, now)
		})
	}},
}

func currentOf(t *testing.T, f Fixture, name secret.Name) secret.Value {
	t.Helper()
	v, _ := f.Back.Value(t, name)
	return v
}

// eachBreak breaks every change off at each of its calls, which was not done, or whose answer was lost, and calls then.
func eachBreak(t *testing.T, f Fixture, then func(t *testing.T, f Fixture, c change, name secret.Name, before store.Stages)) {
	t.Helper()
	if f.Cut == nil {
		t.Skip("nothing can be broken off there")
	}
	for _, c := range changes {
		for _, lost := range []bool{false, true} {
			broken := 0
			for n := 0; ; n++ {
				name := secret.Name(fmt.Sprintf("broken/%s-%d-%t", c.name, n, lost))
				before, whole := c.breakOff(t, f, name, n, lost)
				if whole {
					c.check(t, f, name, before)
					break
				}
				broken++
				then(t, f, c, name, before)
			}
			if broken == 0 {
				t.Errorf("%s was never broken off", c.name)
			}
		}
	}
}
