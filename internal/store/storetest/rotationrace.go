package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const racers = 6

// race calls do several times at once.
func race(do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

var rotationRaces = suite{
	{"OfManyProposalsUnderOneVersionOneIsTaken", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		now := mustStages(t, f, name)
		errs := make([]error, racers)
		race(func(i int) {
			errs[i] = f.Rotation.Propose(t.Context(), now, token(1), value(fmt.Sprint("proposal ", i)))
		})
		taken := -1
		for i, err := range errs {
			switch {
			case err == nil && taken < 0:
				taken = i
			case err == nil:
				t.Error("two proposals were taken")
			default:
				wantErr(t, err, store.ErrCollision)
			}
		}
		if taken < 0 {
			t.Fatal("no proposal was taken")
		}
		wantStages(t, f, name, now.Current, token(1), now.Previous)
		wantVersion(t, f, name, token(1), value(fmt.Sprint("proposal ", taken)))
	}},
	{"ManyPromotionsComeToOneResult", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		before := f.Back.Versions(t, name)
		now := mustPropose(t, f, 1, value("2"))
		errs, versions := make([]error, racers), make([]secret.Version, racers)
		race(func(i int) { versions[i], errs[i] = f.Rotation.Promote(t.Context(), now) })
		for i, err := range errs {
			if err != nil || f.has(Exclusive) && versions[i] != versions[0] {
				t.Errorf("promoted as %s, and by another as %s: %v", versions[i], versions[0], err)
			}
		}
		if n := f.Back.Versions(t, name) - before; f.has(Exclusive) && n != 1 {
			t.Errorf("%d promotions at once made %d versions", racers, n)
		}
		wantPromoted(value("2"))(t, f, name, now)
	}},
	{"ManyRecallsComeToOneResult", 0, func(t *testing.T, f Fixture) {
		rotated(t, f, name)
		now := mustStages(t, f, name)
		errs, versions := make([]error, racers), make([]secret.Version, racers)
		race(func(i int) { versions[i], errs[i] = f.Rotation.Recall(t.Context(), now, token(2)) })
		for i, err := range errs {
			if err != nil || versions[i] != versions[0] {
				t.Errorf("recalled as %s, and by another as %s: %v", versions[i], versions[0], err)
			}
		}
		wantVersion(t, f, name, versions[0], value("1"))
	}},
	{"AWithdrawalAndAPromotionAtOnceLeaveNothingPending", 0, func(t *testing.T, f Fixture) {
		f.Back.Put(t, name, value("1"))
		now := mustPropose(t, f, 1, value("2"))
		errs := make([]error, racers)
		race(func(i int) {
			if i%2 == 0 {
				errs[i] = f.Rotation.Withdraw(t.Context(), now)
			} else {
				_, errs[i] = f.Rotation.Promote(t.Context(), now)
			}
		})
		for i, err := range errs {
			if !oneOf(err, store.ErrConflict) || i%2 == 0 && err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
		st := mustStages(t, f, name)
		if st.Pending != "" {
			t.Errorf("got %+v", st)
		}
		if got := currentOf(t, f, name); !got.Equal(value("1")) && !got.Equal(value("2")) {
			t.Errorf("the value is neither")
		}
	}},
}
