package kubernetes_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// replace is what kubectl edit and kubectl replace do: the whole object, changed, is put back.
func replace(t *testing.T, b *bench, change func(object map[string]any)) {
	t.Helper()
	var o map[string]any
	server.Must(t, http.MethodGet, b.back.path("app.db"), nil, &o)
	change(o)
	server.Must(t, http.MethodPut, b.back.path("app.db")+"?fieldManager=kubectl-replace", o, nil)
}

// applied is what kubectl apply --server-side --force-conflicts does.
func applied(t *testing.T, b *bench, manager string, pairs ...string) {
	t.Helper()
	body := data(pairs...)
	body["apiVersion"], body["kind"], body["metadata"] = "v1", "Secret", map[string]any{"name": "app.db"}
	status, answer := b.apply(t, b.back.path("app.db")+"?fieldManager="+manager+"&force=true", body)
	if status != http.StatusOK {
		t.Fatalf("apply: HTTP status %d: %s", status, answer)
	}
}

func TestWhateverSomebodyElseDoesToTheDataIsDriftThatIsSeenAndMended(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *bench){
		"a value edited": func(t *testing.T, b *bench) { b.back.edit(t, "app.db", data("password", "theirs")) },
		"a value replaced": func(t *testing.T, b *bench) {
			replace(t, b, func(o map[string]any) { o["data"].(map[string]any)["password"] = "dGhlaXJz" })
		},
		"a key added": func(t *testing.T, b *bench) { b.back.edit(t, "app.db", data("more", "theirs")) },
		"a key removed": func(t *testing.T, b *bench) {
			b.back.edit(t, "app.db", map[string]any{"data": map[string]any{"username": nil}})
		},
		"all keys removed": func(t *testing.T, b *bench) { replace(t, b, func(o map[string]any) { delete(o, "data") }) },
		"one key renamed": func(t *testing.T, b *bench) {
			b.back.edit(t, "app.db", map[string]any{"data": map[string]any{"username": nil, "user": []byte("app")}})
		},
		"applied from the server's side": func(t *testing.T, b *bench) { applied(t, b, "kubectl", "password", "theirs") },
		"set as text":                    func(t *testing.T, b *bench) { appliedAsText(t, b, "kubectl", "password", "theirs") },
		"a key added as text":            func(t *testing.T, b *bench) { appliedAsText(t, b, "kubectl", "more", "theirs") },
		"patched as text": func(t *testing.T, b *bench) {
			b.back.edit(t, "app.db", map[string]any{"stringData": map[string]any{"password": "theirs"}})
		},
		"edited and put back": func(t *testing.T, b *bench) {
			b.back.edit(t, "app.db", data("password", "theirs"))
			b.back.edit(t, "app.db", data("password", canary+"1"))
		},
		"the managers wiped": func(t *testing.T, b *bench) {
			b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"managedFields": []any{map[string]any{}}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			d := b.dest("")
			mustWrite(t, d, writing(1, nil))
			before := stat(t, d)
			change(t, b)
			c := stat(t, d)
			if c.WrittenByUs() || c.Version == id(1) || c.Version == "" || c.Mark != mark || c.Revision == before.Revision || c.Changed.IsZero() {
				t.Fatalf("got %+v", c)
			}
			if r := d.Read(t.Context(), []secret.Name{"app.db"})[0]; r.Version == id(1) {
				t.Error("it is read as if it were ours")
			}
			// A run that did not look again does not write over it.
			_, err := d.Write(t.Context(), writing(2, before))
			wantErr(t, err, store.ErrConflict)
			mended := mustWrite(t, d, writing(1, c))
			if now := stat(t, d); !now.WrittenByUs() || now.Version != id(1) || now.Revision != mended.Revision {
				t.Errorf("mended: %+v", now)
			}
			if got := held(b.back.get(t, "app.db")); !maps.Equal(got, map[string]string{"username": "app", "password": canary + "1"}) {
				t.Errorf("mended, it has %d keys", len(got))
			}
			mustWrite(t, d, writing(2, stat(t, d)))
			if c := stat(t, d); !c.WrittenByUs() || c.Version != id(2) {
				t.Errorf("and written again: %+v", c)
			}
		})
	}
}

func TestAnEmptyCopyWithoutManagersIsNotTakenForOurs(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	empty := valued("app.db", text("{}"), nil)
	mustWrite(t, d, empty)
	if c := stat(t, d); !c.WrittenByUs() {
		t.Fatalf("got %+v", c)
	}
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"managedFields": []any{map[string]any{}}}})
	b.back.edit(t, "app.db", data("more", "theirs"))
	c := stat(t, d)
	if c.WrittenByUs() || c.Version == id(1) {
		t.Fatalf("got %+v", c)
	}
	empty.Have = c
	mustWrite(t, d, empty)
	if c := stat(t, d); !c.WrittenByUs() || len(b.back.get(t, "app.db").Data) != 0 {
		t.Errorf("mended: %+v", c)
	}
}

func TestWhatOthersKeepBesideTheDataIsNoDrift(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	before := stat(t, d)
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"labels": map[string]any{"team": "a"}, "annotations": map[string]any{"example.com/seen": "1"}}})
	applied(t, b, "kubectl", "username", "app") // the same value: they share the key
	c := stat(t, d)
	if !c.WrittenByUs() || c.Version != id(1) {
		t.Fatalf("got %+v", c)
	}
	// Nor does it keep a run that did not look again from writing.
	mustWrite(t, d, writing(2, before))
	now := b.back.get(t, "app.db")
	if c := stat(t, d); c.Version != id(2) || !c.WrittenByUs() || now.Metadata.Labels["team"] != "a" || now.Metadata.Annotations["example.com/seen"] != "1" {
		t.Errorf("got %+v", c)
	}
}

func TestASecretThatWasMadeAnewWithoutOurMarkIsNotOurs(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	before := mustWrite(t, d, writing(1, nil))
	b.back.Remove(t, "app.db")
	_, err := d.Write(t.Context(), writing(2, &before))
	wantErr(t, err, store.ErrConflict, "it is gone")
	if !b.back.gone(t, "app.db") {
		t.Fatal("what somebody removed was made anew")
	}
	b.back.create(t, "app.db", data("password", "theirs"))
	if c := stat(t, d); !c.Mark.IsZero() || c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
	_, err = d.Write(t.Context(), writing(2, &before))
	wantErr(t, err, store.ErrConflict)
	if got := held(b.back.get(t, "app.db")); got["password"] != "theirs" {
		t.Error("it was written over")
	}
}

func TestAMarkThatWasTakenOffLeavesASecretThatIsNotOurs(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"annotations": map[string]any{"secretsync.dev/owner": nil}}})
	if c := stat(t, d); !c.Mark.IsZero() || c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
}

func TestAnotherSyncIsWrittenWithoutTouchingTheData(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	c := mustWrite(t, d, writing(1, nil))
	w := writing(1, &c)
	w.Value, w.Versions, w.Mark.Sync = secret.Value{}, nil, "other"
	b.seen()
	c = mustWrite(t, d, w)
	wantCalls(t, "a mark", b.seen(), "PATCH secrets/app.db")
	if now := stat(t, d); now.Mark.Sync != "other" || now.Version != id(1) || !now.WrittenByUs() || now.Revision != c.Revision {
		t.Errorf("got %+v", now)
	}
	b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"labels": map[string]any{"team": "a"}}})
	w.Have, w.Mark.Sync = &c, "third" // seen before the label
	mustWrite(t, d, w)
	if now := stat(t, d); now.Mark.Sync != "third" || !now.WrittenByUs() {
		t.Errorf("got %+v", now)
	}
	b.back.edit(t, "app.db", data("password", "theirs"))
	w.Have, w.Mark.Sync = &c, "fourth"
	_, err := d.Write(t.Context(), w)
	wantErr(t, err, store.ErrConflict)
	b.back.Remove(t, "app.db")
	_, err = d.Write(t.Context(), w)
	wantErr(t, err, store.ErrConflict, "it is gone")
	// A later write takes the fields over again.
	mustWrite(t, d, writing(1, nil))
	mustWrite(t, d, writing(2, stat(t, d)))
	if now := stat(t, d); now.Mark.Sync != "app" || now.Version != id(2) {
		t.Errorf("got %+v", now)
	}
}

func TestWritingTakesFewCallsAndBringsNoValueBack(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	if _, err := d.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, "a listing", b.seen(), "GET secrets")
	c := mustWrite(t, d, writing(1, nil))
	wantCalls(t, "a creation", b.seen(), "APPLY secrets/app.db")
	c = mustWrite(t, d, writing(1, &c))
	wantCalls(t, "nothing to do", b.seen())
	c = mustWrite(t, d, writing(2, &c))
	wantCalls(t, "an update", b.seen(), "APPLY secrets/app.db")
	b.back.edit(t, "app.db", data("more", "theirs"))
	drifted := stat(t, d)
	b.seen()
	c = mustWrite(t, d, writing(2, drifted))
	wantCalls(t, "drift with a key", b.seen(), "APPLY secrets/app.db", "PATCH secrets/app.db")
	if err := d.Delete(t.Context(), c, 7); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, "a deletion", b.seen(), "GET secrets/app.db", "PATCH secrets/app.db")
	w := writing(2, stat(t, d))
	w.Restore = true
	b.seen()
	c = mustWrite(t, d, w)
	wantCalls(t, "a restoration", b.seen(), "PATCH secrets/app.db")
	if now := stat(t, d); now.Revision != c.Revision || !now.WrittenByUs() || !now.Deleted.IsZero() || now.Version != id(2) {
		t.Errorf("got %+v, want %+v", now, c)
	}
	// An apply of what is there moves nothing, not even the resource version.
	before := b.back.get(t, "app.db").Metadata.ResourceVersion
	mustWrite(t, d, writing(2, nil))
	_, err := d.Write(t.Context(), writing(3, nil))
	wantErr(t, err, store.ErrConflict, "another run has created it")
	if now := b.back.get(t, "app.db").Metadata.ResourceVersion; now != before {
		t.Errorf("it moved from %s to %s", before, now)
	}
}

func TestALostAnswerIsTakenAsDone(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	lose := func() {
		lost := false
		b.when(func(r *http.Request) *reply {
			if strings.HasPrefix(call(r), "APPLY") && !lost {
				lost = true
				return &reply{status: -2}
			}
			return nil
		})
	}
	lose()
	_, err := d.Write(t.Context(), writing(1, nil))
	if err != nil {
		wantErr(t, err, store.ErrUnavailable)
	}
	mustWrite(t, d, writing(1, nil))
	have := stat(t, d)
	lose()
	_, err = d.Write(t.Context(), writing(2, have))
	if err != nil {
		wantErr(t, err, store.ErrUnavailable)
	}
	mustWrite(t, d, writing(2, have))
	if c := stat(t, d); c.Version != id(2) || !c.WrittenByUs() || b.back.Versions(t, "app.db") != 2 {
		t.Errorf("got %+v", c)
	}
}
