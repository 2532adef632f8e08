package kubernetes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// waiting is a copy that waits for its deletion.
func waiting(t *testing.T) (*bench, dest) {
	t.Helper()
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	if err := d.Delete(t.Context(), *stat(t, d), 7); err != nil {
		t.Fatal(err)
	}
	return b, d
}

// expire puts the deletion so far back that its window is over.
func expire(t *testing.T, b *bench) {
	t.Helper()
	at := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339) }
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		"secretsync.dev/deleting": at(8 * 24 * time.Hour), "secretsync.dev/delete-after": at(24 * time.Hour),
	}}})
}

// S3-B8.
func TestADeletionWaitsForItsWindowAndTheDataStaysUntilThen(t *testing.T) {
	b, d := waiting(t)
	o := b.back.get(t, "app.db")
	c := stat(t, d)
	after, err := time.Parse(time.RFC3339, o.Metadata.Annotations["secretsync.dev/delete-after"])
	if err != nil || c.Deleted.IsZero() || c.Expired || !c.Deleted.Equal(c.Mark.Deleting) || after.Sub(c.Mark.Deleting) != 7*24*time.Hour {
		t.Fatalf("got %+v, %v, %v", c, after, err)
	}
	if string(o.Data["password"]) != canary+"1" || c.Version != id(1) || !c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
	b.seen()
	if err := d.Delete(t.Context(), *c, 7); err != nil || len(b.seen()) != 0 {
		t.Errorf("deleting it again: %v", err)
	}
	expire(t, b)
	c = stat(t, d)
	if !c.Expired {
		t.Fatalf("got %+v", c)
	}
	if all, err := d.List(t.Context()); err != nil || len(all) != 1 || !all[0].Expired {
		t.Errorf("listed as %+v, %v", all, err)
	}
	if err := d.Delete(t.Context(), *c, 7); err != nil || !b.back.gone(t, "app.db") {
		t.Errorf("gone: %t, %v", b.back.gone(t, "app.db"), err)
	}
	if err := d.Delete(t.Context(), *c, 7); err != nil {
		t.Errorf("what is gone is deleted again: %v", err)
	}
}

func TestWhatChangedSinceItWasSeenIsNotRemoved(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *bench, dest){
		"data": func(t *testing.T, b *bench, _ dest) { b.back.edit(t, "app.db", data("password", "theirs")) },
		"a label": func(t *testing.T, b *bench, _ dest) {
			b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"labels": map[string]any{"keep": "1"}}})
		},
		"a mark": func(t *testing.T, b *bench, _ dest) {
			b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"annotations": map[string]any{"secretsync.dev/owner": "other"}}})
		},
		"a restoration": func(t *testing.T, _ *bench, d dest) {
			w := writing(1, stat(t, d))
			w.Restore = true
			mustWrite(t, d, w)
		},
		"a Secret made anew": func(t *testing.T, b *bench, _ dest) {
			b.back.Remove(t, "app.db")
			b.back.create(t, "app.db", data("password", "theirs"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, d := waiting(t)
			expire(t, b)
			c := stat(t, d)
			change(t, b, d)
			wantErr(t, d.Delete(t.Context(), *c, 7), store.ErrConflict)
			if b.back.gone(t, "app.db") {
				t.Error("it is gone")
			}
		})
	}
	// Also where it happens between our last look and the deletion.
	b, d := waiting(t)
	expire(t, b)
	c := stat(t, d)
	b.when(func(r *http.Request) *reply {
		if r.Method == http.MethodDelete {
			b.when(nil)
			b.back.edit(t, "app.db", data("password", "theirs"))
		}
		return nil
	})
	wantErr(t, d.Delete(t.Context(), *c, 7), store.ErrConflict)
	if b.back.gone(t, "app.db") {
		t.Error("it is gone")
	}
}

func TestDataOfSomebodyElseEndsADeletion(t *testing.T) {
	b, d := waiting(t)
	b.back.edit(t, "app.db", data("password", "theirs"))
	c := stat(t, d)
	if !c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() || c.Expired || c.WrittenByUs() {
		t.Fatalf("got %+v", c)
	}
	// Still unwanted, it gets a window of its own: from the next second on, as the server tells time in seconds.
	eventually(t, func() bool {
		if err := d.Delete(t.Context(), *stat(t, d), 7); err != nil {
			t.Fatal(err)
		}
		return !stat(t, d).Deleted.IsZero()
	})
	c = stat(t, d)
	if c.Expired || c.WrittenByUs() || string(b.back.get(t, "app.db").Data["password"]) != "theirs" {
		t.Errorf("got %+v", c)
	}
	// Wanted again, it is written over, and nothing of the deletion is left.
	w := writing(2, c)
	w.Restore = true
	mustWrite(t, d, w)
	if c := stat(t, d); !c.Deleted.IsZero() || !c.WrittenByUs() || c.Version != id(2) {
		t.Errorf("got %+v", c)
	}
	for note := range b.back.get(t, "app.db").Metadata.Annotations {
		if note == "secretsync.dev/deleting" || note == "secretsync.dev/delete-after" {
			t.Errorf("%s is left", note)
		}
	}
}

func TestAnExpiredCopyCanStillBeTakenBack(t *testing.T) {
	b, d := waiting(t)
	expire(t, b)
	w := writing(2, stat(t, d))
	w.Restore = true
	mustWrite(t, d, w)
	if c := stat(t, d); !c.Deleted.IsZero() || c.Expired || c.Version != id(2) {
		t.Errorf("got %+v", c)
	}
}

func TestADeletionThatFindsAnotherStateSchedulesNothing(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	c := mustWrite(t, d, writing(1, nil))
	b.back.edit(t, "app.db", data("password", "theirs"))
	wantErr(t, d.Delete(t.Context(), c, 7), store.ErrConflict)
	if now := stat(t, d); !now.Deleted.IsZero() {
		t.Errorf("got %+v", now)
	}
	foreign := *stat(t, d)
	foreign.Mark = secret.Mark{}
	wantErr(t, d.Delete(t.Context(), foreign, 7), store.ErrInvalid)
}

func TestADeletionOfSomebodyElseThatAFinalizerHoldsIsNotOurs(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"finalizers": []string{"example.com/hold"}}})
	b.back.Remove(t, "app.db")
	c := stat(t, d)
	if c.Deleted.IsZero() || !c.Mark.Deleting.IsZero() || c.Expired {
		t.Errorf("got %+v", c)
	}
	_, err := d.Write(t.Context(), writing(2, c))
	wantErr(t, err, store.ErrScheduled)
	if m, err := b.source("").Stat(t.Context(), "app.db"); err != nil || m.Deleted.IsZero() {
		t.Errorf("as a source: %+v, %v", m, err)
	}
}
