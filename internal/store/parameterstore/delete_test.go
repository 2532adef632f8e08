package parameterstore_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// ahead is a clock that can be put forward.
type ahead struct{ by atomic.Int64 }

func (a *ahead) now() time.Time          { return time.Now().Add(time.Duration(a.by.Load())) }
func (a *ahead) forward(d time.Duration) { a.by.Add(int64(d)) }

// clocked is a bench with a clock, and a copy that waits seven days for its deletion.
func clocked(t *testing.T) (bench, *ahead, store.Deleter) {
	t.Helper()
	clock := &ahead{}
	b := newBench(t, "", func(o *awslocal.Options) { o.Clock = clock.now })
	mustWrite(t, b.dest, writing(1, nil))
	d := b.dest.(store.Deleter)
	m := b.server.Ledger().Mark()
	if err := d.Delete(t.Context(), *stat(t, b.dest), 7); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(b.calls(m), " "); got != "DescribeParameters GetParameter PutParameter" {
		t.Fatalf("got the calls %q", got)
	}
	return b, clock, d
}

func TestADeletionWaitsForTheWindowByAWSsClock(t *testing.T) {
	b, clock, d := clocked(t)
	c := stat(t, b.dest)
	if c.Deleted.IsZero() || !c.Deleted.Equal(c.Mark.Deleting) || c.Expired || c.Version != ids(1)[0] || !c.WrittenByUs() {
		t.Fatalf("got %+v", c)
	}
	if v, _ := b.back.Value(t, "/app/db"); !v.Equal(writing(1, nil).Value) {
		t.Error("the value is another")
	}
	for _, step := range []struct {
		forward time.Duration
		expired bool
	}{{0, false}, {7*24*time.Hour - time.Minute, false}, {2 * time.Minute, true}} {
		clock.forward(step.forward)
		c = stat(t, b.dest)
		all, err := b.dest.List(t.Context())
		if err != nil || len(all) != 1 || all[0].Expired != step.expired || c.Expired != step.expired {
			t.Fatalf("after %s: expired %t, listed as %+v, error %v", step.forward, c.Expired, all, err)
		}
		m := b.server.Ledger().Mark()
		if err := d.Delete(t.Context(), *c, 7); err != nil {
			t.Fatal(err)
		}
		want := ""
		if step.expired {
			want = "DescribeParameters DeleteParameter"
		}
		if got := strings.Join(b.calls(m), " "); got != want || b.back.gone(t, "/app/db") != step.expired {
			t.Errorf("after %s: got the calls %q, gone: %t", step.forward, got, b.back.gone(t, "/app/db"))
		}
	}
	if err := d.Delete(t.Context(), *c, 7); err != nil {
		t.Errorf("what is gone is deleted again: %v", err)
	}
	mustWrite(t, b.dest, writing(2, nil))
	if now := stat(t, b.dest); now.Version != ids(2)[0] || !now.Deleted.IsZero() {
		t.Errorf("made anew: %+v", now)
	}
	mustWrite(t, b.dest, writing(3, stat(t, b.dest)))
}

func TestWhatChangedSinceItWasSeenIsNotRemoved(t *testing.T) {
	for name, change := range map[string]func(*testing.T, bench, *secret.Copy){
		"somebody else's value": func(t *testing.T, b bench, _ *secret.Copy) { b.back.put(t, theirs(nil)) },
		"somebody else's description": func(t *testing.T, b bench, _ *secret.Copy) {
			b.back.put(t, theirs(aws.String("mine")))
		},
		"a restoration": func(t *testing.T, b bench, c *secret.Copy) {
			w := writing(1, c)
			w.Restore = true
			mustWrite(t, b.dest, w)
		},
		"a parameter made anew": func(t *testing.T, b bench, _ *secret.Copy) {
			b.back.Remove(t, "/app/db")
			b.back.put(t, theirs(nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, clock, d := clocked(t)
			clock.forward(8 * 24 * time.Hour)
			c := stat(t, b.dest)
			change(t, b, c)
			wantKind(t, d.Delete(t.Context(), *c, 7), store.ErrConflict)
			if b.back.gone(t, "/app/db") {
				t.Error("it is gone")
			}
		})
	}
}

func TestAValueOfSomebodyElseEndsADeletion(t *testing.T) {
	b, clock, d := clocked(t)
	b.back.put(t, theirs(nil)) // the description, and with it the mark of the deletion, stays
	clock.forward(30 * 24 * time.Hour)
	c := stat(t, b.dest)
	if !c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() || c.Expired || c.WrittenByUs() {
		t.Fatalf("got %+v", c)
	}
	// Still unwanted, it gets a window of its own.
	if err := d.Delete(t.Context(), *c, 7); err != nil {
		t.Fatal(err)
	}
	c = stat(t, b.dest)
	if v, _ := b.back.Value(t, "/app/db"); c.Deleted.IsZero() || c.Expired || !v.Equal(secret.Text([]byte("theirs"))) {
		t.Errorf("got %+v", c)
	}
	if c.Version == ids(1)[0] {
		t.Error("the mark says that the value is ours")
	}
}

func TestAnExpiredCopyCanStillBeTakenBack(t *testing.T) {
	b, clock, _ := clocked(t)
	clock.forward(8 * 24 * time.Hour)
	w := writing(2, stat(t, b.dest))
	w.Restore = true
	mustWrite(t, b.dest, w)
	if c := stat(t, b.dest); !c.Deleted.IsZero() || c.Expired || c.Version != ids(2)[0] {
		t.Errorf("got %+v", c)
	}
}

func TestADeletionThatFindsAnotherVersionSchedulesNothing(t *testing.T) {
	b := newBench(t, "")
	mustWrite(t, b.dest, writing(1, nil))
	c := stat(t, b.dest)
	b.back.put(t, theirs(nil))
	wantKind(t, b.dest.(store.Deleter).Delete(t.Context(), *c, 7), store.ErrConflict)
	if now := stat(t, b.dest); !now.Deleted.IsZero() || b.back.Versions(t, "/app/db") != 2 {
		t.Errorf("got %+v", now)
	}
	foreign := *stat(t, b.dest)
	foreign.Mark = secret.Mark{}
	wantKind(t, b.dest.(store.Deleter).Delete(t.Context(), foreign, 7), store.ErrInvalid)
}
