package kubernetes_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// appliedAsText is what kubectl apply --server-side does with stringData: there is no conflict, and the API leaves the keys in data with whom they were.
func appliedAsText(t *testing.T, b *bench, manager string, pairs ...string) {
	t.Helper()
	texts := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		texts[pairs[i]] = pairs[i+1]
	}
	status, answer := b.apply(t, b.back.path("app.db")+"?fieldManager="+manager, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "app.db", "labels": map[string]any{"of-" + manager: "1"}}, "stringData": texts,
	})
	if status != http.StatusOK {
		t.Fatalf("apply: HTTP status %d: %s", status, answer)
	}
}

func TestDataThatWasSetAsTextIsMendedOnceAndSeenAgainInTheSameSecond(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	for round := range 3 {
		appliedAsText(t, b, "kubectl", "password", fmt.Sprint("theirs", round), "more", "theirs")
		appliedAsText(t, b, "other", "other", "theirs")
		c := stat(t, d)
		if c.WrittenByUs() || c.Version == id(1) || c.Mark != mark {
			t.Fatalf("round %d: got %+v", round, c)
		}
		b.seen()
		mended := mustWrite(t, d, writing(1, c))
		wantCalls(t, "mended", b.seen(), "APPLY secrets/app.db", "PATCH secrets/app.db")
		now := b.back.get(t, "app.db")
		if !maps.Equal(held(now), map[string]string{"username": "app", "password": canary + "1"}) || now.Metadata.Labels["of-kubectl"] == "" || now.Metadata.Labels["of-other"] == "" {
			t.Errorf("round %d: it has %d keys, and the labels %v", round, len(now.Data), now.Metadata.Labels)
		}
		// The next run finds it in sync, and nothing moves.
		c = stat(t, d)
		if !c.WrittenByUs() || c.Version != id(1) || c.Revision != mended.Revision {
			t.Fatalf("round %d: mended: %+v", round, c)
		}
		b.seen()
		mustWrite(t, d, writing(1, c))
		wantCalls(t, "nothing to do", b.seen())
		if r := b.back.get(t, "app.db").Metadata.ResourceVersion; r != now.Metadata.ResourceVersion {
			t.Errorf("round %d: it moved from %s to %s", round, now.Metadata.ResourceVersion, r)
		}
	}
	fields := fmt.Sprint(b.back.get(t, "app.db").Metadata.ManagedFields)
	if strings.Contains(fields, "stringData") || !strings.Contains(fields, "manager:kubectl") {
		t.Errorf("of the others' fields more is gone than their data: %s", fields)
	}
}

// What takes the others' fields off is cut short: the next run goes on.
func TestTextThatIsNotTakenOffYetStaysDrift(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	appliedAsText(t, b, "kubectl", "password", "theirs", "more", "theirs")
	b.when(func(r *http.Request) *reply {
		if call(r) == "PATCH secrets/app.db" {
			return failure(http.StatusInternalServerError, "InternalError")
		}
		return nil
	})
	_, err := d.Write(t.Context(), writing(1, stat(t, d)))
	wantErr(t, err, store.ErrUnavailable)
	b.when(nil)
	c := stat(t, d)
	if c.WrittenByUs() {
		t.Fatalf("got %+v", c)
	}
	mustWrite(t, d, writing(1, c))
	if c := stat(t, d); !c.WrittenByUs() || len(b.back.get(t, "app.db").Data) != 2 {
		t.Errorf("got %+v", c)
	}
	// And what somebody does in between is not lost.
	appliedAsText(t, b, "kubectl", "password", "theirs")
	b.when(func(r *http.Request) *reply {
		if call(r) == "PATCH secrets/app.db" {
			b.when(nil)
			appliedAsText(t, b, "kubectl", "password", "theirs again")
		}
		return nil
	})
	_, err = d.Write(t.Context(), writing(1, stat(t, d)))
	wantErr(t, err, store.ErrConflict)
	if c := stat(t, d); c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
}

func TestDataThatSomebodySetAsTextEndsADeletion(t *testing.T) {
	b, d := waiting(t)
	expire(t, b)
	c := stat(t, d)
	appliedAsText(t, b, "kubectl", "password", "theirs")
	wantErr(t, d.Delete(t.Context(), *c, 7), store.ErrConflict)
	if c := stat(t, d); !c.Deleted.IsZero() || c.Expired || c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
	if b.back.gone(t, "app.db") {
		t.Error("it is gone")
	}
}
