package kubernetes_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// crowd fills a namespace with Secrets.
func crowd(t *testing.T, b *bench, n int) {
	t.Helper()
	for i := range n {
		b.back.create(t, secret.Name(fmt.Sprintf("s%04d", (i*37)%n)), data("value", canary))
	}
}

func TestAListingOfManyPagesIsWholeAndBringsNoValue(t *testing.T) {
	b := newBench(t)
	crowd(t, b, 1001)
	src, d := b.source(""), b.dest("")
	metas, err := src.List(t.Context())
	if err != nil || len(metas) != 1001 || !slices.IsSortedFunc(metas, func(a, b secret.Meta) int { return strings.Compare(string(a.Name), string(b.Name)) }) {
		t.Fatalf("got %d, %v", len(metas), err)
	}
	wantCalls(t, "the source", b.seen(), "GET secrets", "GET secrets", "GET secrets", "GET "+b.ns)

	// The server forgets the listing in the middle: it is begun anew, and no page is counted twice.
	forget := func(times int) {
		b.when(func(r *http.Request) *reply {
			if r.URL.Query().Get("continue") != "" && times > 0 {
				times--
				return failure(http.StatusGone, "Expired")
			}
			return nil
		})
	}
	forget(2)
	copies, err := d.List(t.Context())
	if err != nil || len(copies) != 1001 || len(b.seen()) != 7 {
		t.Errorf("got %d copies, %v", len(copies), err)
	}
	forget(100)
	copies, err = d.List(t.Context())
	wantErr(t, err, store.ErrUnavailable, "list secrets")
	if len(copies) != 0 {
		t.Errorf("got %d copies of a listing that was not whole", len(copies))
	}
	// A page that fails fails the listing.
	b.when(func(r *http.Request) *reply {
		if r.URL.Query().Get("continue") != "" {
			return failure(http.StatusForbidden, "Forbidden")
		}
		return nil
	})
	metas, err = src.List(t.Context())
	wantErr(t, err, store.ErrNotPermitted)
	if len(metas) != 0 {
		t.Errorf("got %d secrets of a listing that was not whole", len(metas))
	}
}

func TestACopyWithoutGetIsFoundByAListingOfItsName(t *testing.T) {
	b := newBench(t, role("list", "create", "patch"))
	d := b.dest("")
	c := mustWrite(t, d, writing(1, nil))
	now := stat(t, d)
	if now.Revision != c.Revision || !now.WrittenByUs() {
		t.Errorf("got %+v", now)
	}
	_, err := d.Stat(t.Context(), "none")
	wantErr(t, err, store.ErrNotFound)
	mustWrite(t, d, writing(2, now))
	wantErr(t, d.Read(t.Context(), []secret.Name{"app.db"})[0].Err, store.ErrNotPermitted)
	b.as(server.User(t, ""))
	d = b.dest("")
	_, err = d.Stat(t.Context(), "app.db")
	wantErr(t, err, store.ErrNotPermitted, "grant get on secrets in namespace "+b.ns)
	_, err = d.List(t.Context())
	wantErr(t, err, store.ErrNotPermitted, "grant list on secrets in namespace "+b.ns)
}

func TestAClusterThatIsAwayIsUnavailableAndNeverEmpty(t *testing.T) {
	b := newBench(t)
	d, src := b.dest(""), b.source("")
	c := mustWrite(t, d, writing(1, nil))
	b.when(func(*http.Request) *reply { return &reply{http.StatusOK, canary} })
	for _, call := range []func() error{
		func() error { _, err := d.List(t.Context()); return err },
		func() error { _, err := src.Stat(t.Context(), "app.db"); return err },
		func() error { return src.Read(t.Context(), []secret.Name{"app.db"})[0].Err },
		func() error { _, err := d.Write(t.Context(), writing(2, &c)); return err },
	} {
		if err := call(); err == nil {
			t.Error("an answer that is not the API's counts")
		} else {
			wantErr(t, err, err)
		}
	}
	b.when(nil)
	c = mustWrite(t, d, writing(2, &c))
	b.close()
	_, err := d.List(t.Context())
	wantErr(t, err, store.ErrUnavailable)
	_, err = src.List(t.Context())
	wantErr(t, err, store.ErrUnavailable)
	_, err = src.Stat(t.Context(), "app.db")
	wantErr(t, err, store.ErrUnavailable)
	wantErr(t, src.Read(t.Context(), []secret.Name{"app.db"})[0].Err, store.ErrUnavailable)
	_, err = d.Write(t.Context(), writing(3, &c))
	wantErr(t, err, store.ErrUnavailable)
	wantErr(t, d.Delete(t.Context(), c, 7), store.ErrUnavailable)
}

func TestASourceTellsVersionCreationAndMarkAndNoLabels(t *testing.T) {
	b := newBench(t)
	src, d := b.source(""), b.dest("")
	made := b.back.create(t, "plain", map[string]any{"metadata": map[string]any{"labels": map[string]any{"team": "a"}}, "data": map[string]any{"user": []byte("app"), "pass": []byte("<&>")}})
	m, err := src.Stat(t.Context(), "plain")
	if err != nil || string(m.Version) != made.Metadata.ResourceVersion || time.Since(m.Created) > time.Hour || m.Tags != nil || !m.Mark.IsZero() || !m.Deleted.IsZero() ||
		string(m.Identity) != "k8s/test/"+b.ns+"/plain" {
		t.Errorf("got %+v, %v", m, err)
	}
	if r := src.Read(t.Context(), []secret.Name{"plain"})[0]; r.Err != nil || string(r.Value.Reveal()) != `{"pass":"<&>","user":"app"}` || r.Version != m.Version {
		t.Errorf("got %s at %s, %v", r.Value.Reveal(), r.Version, r.Err)
	}
	b.back.create(t, "bytes", map[string]any{"data": map[string]any{"a": []byte(canary), "b": []byte{0xff}}})
	wantErr(t, src.Read(t.Context(), []secret.Name{"bytes"})[0].Err, store.ErrBadValue, `the key "b"`)

	mustWrite(t, d, writing(1, nil))
	if m, err := src.Stat(t.Context(), "app.db"); err != nil || m.Mark != mark {
		t.Errorf("a copy: %+v, %v", m, err)
	}
	if err := d.Delete(t.Context(), *stat(t, d), 7); err != nil {
		t.Fatal(err)
	}
	if m, err := src.Stat(t.Context(), "app.db"); err != nil || m.Deleted.IsZero() {
		t.Errorf("a copy that waits for its deletion: %+v, %v", m, err)
	}
}
