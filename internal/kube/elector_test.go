package kube

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// board is a Lease in memory. What is asked of it while fail says so is refused, sometimes after it was done.
type board struct {
	mu       sync.Mutex
	object   *unstructured.Unstructured
	revision int
}

// line is one replica's connection to a board.
type line struct {
	dynamic.ResourceInterface // only what is below is called

	board *board
	fail  func() (before, after bool)
}

var errCut = errors.New("connection cut")

func (l *line) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*unstructured.Unstructured, error) {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	if before, _ := l.fail(); before {
		return nil, errCut
	}
	if l.board.object == nil {
		return nil, apierrors.NewNotFound(leases.GroupResource(), name)
	}
	return l.board.object.DeepCopy(), nil
}

func (l *line) Create(_ context.Context, u *unstructured.Unstructured, _ metav1.CreateOptions, _ ...string) (*unstructured.Unstructured, error) {
	return l.put(u, "")
}

func (l *line) Update(_ context.Context, u *unstructured.Unstructured, _ metav1.UpdateOptions, _ ...string) (*unstructured.Unstructured, error) {
	return l.put(u, u.GetResourceVersion())
}

func (l *line) put(u *unstructured.Unstructured, expect string) (*unstructured.Unstructured, error) {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	before, after := l.fail()
	if before {
		return nil, errCut
	}
	now := ""
	if l.board.object != nil {
		now = l.board.object.GetResourceVersion()
	}
	if now != expect {
		return nil, apierrors.NewConflict(leases.GroupResource(), u.GetName(), errors.New("it moved"))
	}
	l.board.set(u)
	if after {
		return nil, errCut
	}
	return l.board.object.DeepCopy(), nil
}

func (b *board) set(u *unstructured.Unstructured) {
	b.revision++
	b.object = u.DeepCopy()
	b.object.SetResourceVersion(strconv.Itoa(b.revision))
}

// renewedBy writes a renewal by somebody else, whose clock shows what it shows.
func (b *board) renewedBy(holder, clock string, seconds int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(&unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"holderIdentity": holder, "renewTime": clock, "leaseDurationSeconds": seconds}}})
}

func replica(t *testing.T, b *board, identity string, fail func() (before, after bool)) *elector {
	t.Helper()
	e, err := (&Cluster{name: "test"}).elector(LeaseOptions{Namespace: "apps", Name: "secretsync", Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	if fail == nil {
		fail = func() (bool, bool) { return false, false }
	}
	e.lease.client = &line{board: b, fail: fail}
	return e
}

func TestALeaderThatRenewsKeepsTheLeaseWhateverItsClockShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		e := replica(t, b, "us", nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var leading atomic.Bool
		b.renewedBy("them", "1999-01-01T00:00:00.000000Z", 15)
		go func() {
			_ = e.lead(ctx, func(ctx context.Context) {
				leading.Store(true)
				<-ctx.Done()
			})
		}()
		for i := range 20 {
			time.Sleep(14 * time.Second)
			b.renewedBy("them", "1999-01-01T00:00:"+strconv.Itoa(10+i)+".000000Z", 15)
			if leading.Load() {
				t.Fatal("we lead beside a leader that renews")
			}
		}
		b.renewedBy("them", "2999-01-01T00:00:00.000000Z", 15) // and dies
		time.Sleep(14 * time.Second)
		if leading.Load() {
			t.Error("we lead before its lease is over")
		}
		time.Sleep(6 * time.Second)
		if !leading.Load() {
			t.Error("we don't lead after the leader died")
		}
		cancel()
		synctest.Wait()
		if holder := recordOf(b.object).holder; holder != "" {
			t.Errorf("%q still holds the Lease after its end", holder)
		}
	})
}

func TestALeaderThatCannotRenewStopsBeforeAnotherLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		var cut atomic.Bool
		e := replica(t, b, "us", func() (bool, bool) { return cut.Load(), false })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		terms := make(chan context.Context)
		go func() {
			_ = e.lead(ctx, func(ctx context.Context) {
				terms <- ctx
				<-ctx.Done()
			})
		}()
		first := <-terms
		time.Sleep(time.Hour)
		if first.Err() != nil {
			t.Fatal("we stopped for no reason")
		}
		cut.Store(true)
		time.Sleep(7 * time.Second) // the last renewal was less than two seconds ago
		if first.Err() != nil {
			t.Error("we stopped early")
		}
		time.Sleep(4 * time.Second)
		if first.Err() == nil {
			t.Fatal("we lead on without a lease")
		}
		cut.Store(false)
		second := <-terms
		b.renewedBy("them", "now", 15) // as somebody may by hand
		time.Sleep(3 * time.Second)
		if second.Err() == nil {
			t.Error("we lead beside who took the Lease")
		}
	})
}

func TestALeaseThatIsEditedIsKeptAndOneThatIsDeletedIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		e := replica(t, b, "us", nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		terms := make(chan context.Context, 10)
		go func() {
			_ = e.lead(ctx, func(ctx context.Context) {
				terms <- ctx
				<-ctx.Done()
			})
		}()
		first := <-terms
		b.mu.Lock()
		labelled := b.object.DeepCopy()
		labelled.SetLabels(map[string]string{"team": "a"})
		b.set(labelled)
		b.mu.Unlock()
		time.Sleep(time.Minute)
		if first.Err() != nil {
			t.Error("a label made us stop")
		}
		b.mu.Lock()
		if b.object.GetLabels()["team"] != "a" {
			t.Error("we took a label away")
		}
		b.object = nil
		b.mu.Unlock()
		time.Sleep(3 * time.Second)
		if first.Err() == nil {
			t.Fatal("we lead on by a lease that is gone")
		}
		<-terms // and again
	})
}

func TestNoTwoReplicasLeadAtTheSameTime(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 0))
			b := &board{}
			ctx, cancel := context.WithCancel(t.Context())
			var mu sync.Mutex
			var leading []context.Context
			terms := 0
			for _, identity := range []string{"a", "b", "c"} {
				until := time.Now()
				e := replica(t, b, identity, func() (bool, bool) { // called under the board's lock
					if chance.IntN(20) == 0 {
						until = time.Now().Add(time.Duration(chance.IntN(30)) * time.Second)
					}
					return time.Now().Before(until), chance.IntN(10) == 0
				})
				go func() {
					for ctx.Err() == nil {
						b.mu.Lock()
						pause := time.Duration(chance.IntN(120)) * time.Second
						b.mu.Unlock()
						_ = e.lead(ctx, func(ctx context.Context) {
							mu.Lock()
							terms++
							leading = slices.DeleteFunc(leading, func(other context.Context) bool { return other.Err() != nil })
							if len(leading) > 0 {
								t.Errorf("seed %d: %s leads beside another", seed, identity)
							}
							term, end := context.WithCancel(ctx)
							leading = append(leading, term)
							mu.Unlock()
							defer end() // before the Lease is given up
							select {
							case <-ctx.Done():
							case <-time.After(pause):
							}
						})
					}
				}()
			}
			time.Sleep(2 * time.Hour)
			cancel()
			synctest.Wait()
			if terms < 10 {
				t.Errorf("seed %d: only %d terms", seed, terms)
			}
		})
	}
}
