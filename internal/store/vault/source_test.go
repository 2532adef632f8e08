package vault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// reader is the policy that a source needs; narrow is that for one prefix.
const (
	reader = `path "MOUNT/metadata/*" { capabilities = ["list", "read"] }
path "MOUNT/data/*" { capabilities = ["read"] }`
	narrow = `path "MOUNT/metadata/hybrid-aws-secrets/*" { capabilities = ["list", "read"] }
path "MOUNT/data/hybrid-aws-secrets/*" { capabilities = ["read"] }`
)

func names(all []secret.Meta) (n []string) {
	for _, m := range all {
		n = append(n, string(m.Name))
	}
	return n
}

func TestAnUnchangedListingReadsNoValue(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	for i := range 130 {
		p.put(fmt.Sprintf("app/%d/%03d", i%3, i), `{"a":1}`)
	}
	p.put("top", `{"a":1}`)
	p.addr = x.url
	src := sourceOf(t, open(t, impatient, p.settings("")))
	all, err := src.List(t.Context())
	if err != nil || len(all) != 131 {
		t.Fatal(err, len(all))
	}
	calls := x.seen()
	if lists, reads, values := count(calls, "LIST "), count(calls, "GET "+p.mount+"/metadata/"), count(calls, "GET "+p.mount+"/data/"); lists != 5 || reads != 131 || values != 0 || len(calls) != 136 {
		t.Errorf("%d lists, %d reads of metadata, %d of values, %d calls in all", lists, reads, values, len(calls))
	}
}

func TestAListingStaysBelowWhatIsAskedFor(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"app/db-1", "app/db-x/deep/er", "app/db", "app/web", "b/c", "b/d", "bb", "app"} {
		p.put(name, `{"a":1}`)
	}
	x := newProxy(t, p.addr)
	p.addr = x.url
	for _, test := range []struct {
		prefix string
		within []string
		want   []string
		lists  []string
	}{
		{"", []string{"app/db-"}, []string{"app/db-1", "app/db-x/deep/er"}, []string{"app/", "app/db-x/", "app/db-x/deep/"}},
		{"", []string{"app/db-x/", "app/db-", "b/"}, []string{"app/db-1", "app/db-x/deep/er", "b/c", "b/d"}, []string{"app/", "app/db-x/", "app/db-x/deep/", "b/"}},
		{"app/", []string{"app/w", "b/"}, []string{"app/web"}, []string{"app/"}},
		{"b", nil, []string{"b/c", "b/d", "bb"}, []string{"", "b/"}},
		{"app/", []string{"zzz"}, nil, nil},
		{"none/", nil, nil, []string{"none/"}},
	} {
		more := ""
		if test.prefix != "" {
			more = ", prefix: " + test.prefix
		}
		all, err := sourceOf(t, open(t, impatient, p.settings(more)), test.within...).List(t.Context())
		if err != nil || !slices.Equal(names(all), test.want) {
			t.Errorf("%q within %q: got %q, %v", test.prefix, test.within, names(all), err)
		}
		var lists []string
		for _, c := range x.seen() {
			if folder, ok := strings.CutPrefix(c, "LIST "+p.mount+"/metadata/"); ok {
				lists = append(lists, folder)
			}
		}
		slices.Sort(lists)
		if !slices.Equal(lists, test.lists) {
			t.Errorf("%q within %q: listed %q, want %q", test.prefix, test.within, lists, test.lists)
		}
	}
}

func TestAPolicyForOnePrefixIsEnough(t *testing.T) {
	p := newPlace(t)
	p.put("hybrid-aws-secrets/a", `{"x":"1"}`)
	p.put("hybrid-aws-secrets/sub/b", `{"x":"2"}`)
	p.put("super-secret/c", `{"x":"3"}`)
	t.Setenv("VAULT_TOKEN", p.policy(narrow))
	s := open(t, impatient, p.settings(", prefix: hybrid-aws-secrets/"))
	src := sourceOf(t, s)
	all, err := src.List(t.Context())
	if err != nil || !slices.Equal(names(all), []string{"hybrid-aws-secrets/a", "hybrid-aws-secrets/sub/b"}) {
		t.Fatalf("got %q, %v", names(all), err)
	}
	for _, r := range src.Read(t.Context(), []secret.Name{"hybrid-aws-secrets/a", "hybrid-aws-secrets/sub/b"}) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if _, err := src.Stat(t.Context(), "hybrid-aws-secrets/none"); err == nil {
		t.Error("nothing is there")
	} else {
		wantErr(t, err, store.ErrNotFound)
	}
	if all, err := sourceOf(t, s, "hybrid-aws-secrets/none/").List(t.Context()); err != nil || len(all) != 0 {
		t.Error(err, len(all))
	}
	_, err = sourceOf(t, open(t, impatient, p.settings(""))).List(t.Context())
	wantErr(t, err, store.ErrNotPermitted, `LIST in 127.0.0.1:`, `grant list on "`+p.mount+`/metadata/"`)
	wantErr(t, src.Read(t.Context(), []secret.Name{"super-secret/c"})[0].Err, store.ErrNotPermitted, `grant read on "`+p.mount+`/data/super-secret/c"`)
}

func TestOneSecretThatMayNotBeLookedAtIsListedWithItsError(t *testing.T) {
	p := newPlace(t)
	p.put("hybrid-aws-secrets/a", `{"x":"1"}`)
	p.put("hybrid-aws-secrets/denied", `{"x":"2"}`)
	p.put("hybrid-aws-secrets/z", `{"x":"3"}`)
	t.Setenv("VAULT_TOKEN", p.policy(narrow+`
path "MOUNT/metadata/hybrid-aws-secrets/denied" { capabilities = ["deny"] }`))
	all, err := sourceOf(t, open(t, impatient, p.settings(", prefix: hybrid-aws-secrets/"))).List(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("got %q, %v", names(all), err)
	}
	for _, m := range all {
		if denied := m.Name == "hybrid-aws-secrets/denied"; denied != (m.Err != nil) || denied != (m.Version == "") {
			t.Errorf("%q: version %q, error %v", m.Name, m.Version, m.Err)
		}
	}
	wantErr(t, all[1].Err, store.ErrNotPermitted, `GET metadata "hybrid-aws-secrets/denied"`)
}

func TestDeletedDestroyedAndGoneAreThreeStates(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"deleted", "destroyed", "gone", "later"} {
		p.put(name, `{"a":1}`)
	}
	p.must("DELETE", p.mount+"/data/deleted", "")
	p.must("PUT", p.mount+"/destroy/destroyed", `{"versions":[1]}`)
	p.must("DELETE", p.mount+"/metadata/gone", "")
	p.must("POST", p.mount+"/metadata/empty", `{"custom_metadata":{"a":"b"}}`)
	p.must("POST", p.mount+"/metadata/later", `{"delete_version_after":"1h"}`)
	p.put("later", `{"a":2}`)
	src := sourceOf(t, open(t, impatient, p.settings("")))
	all, err := src.List(t.Context())
	if err != nil || len(all) != 4 {
		t.Fatal(err, len(all))
	}
	for _, m := range all {
		want := map[secret.Name]string{"deleted": "version 1 is deleted (undelete it, or write a new one)", "destroyed": "version 1 is destroyed"}[m.Name]
		if (m.Version == "") != (m.Name != "later") || m.NoValue != want || !m.Deleted.IsZero() || len(m.Held) > 0 != (m.Name == "later") {
			t.Errorf("got %+v", m)
		}
		stat, err := src.Stat(t.Context(), m.Name)
		if err != nil || stat.Version != m.Version || stat.NoValue != m.NoValue {
			t.Errorf("%s: %+v, %v", m.Name, stat, err)
		}
	}
	_, err = src.Stat(t.Context(), "gone")
	wantErr(t, err, store.ErrNotFound)
	r := src.Read(t.Context(), []secret.Name{"deleted", "destroyed", "gone", "empty", "later"})
	wantErr(t, r[0].Err, store.ErrScheduled, "version 1 is deleted")
	wantErr(t, r[1].Err, store.ErrScheduled, "version 1 is destroyed")
	wantErr(t, r[2].Err, store.ErrNotFound)
	wantErr(t, r[3].Err, store.ErrInvalid, "it has no version")
	if r[4].Err != nil {
		t.Error(r[4].Err)
	}
}

func TestASecretThatWasMadeAnewHasAnotherVersion(t *testing.T) {
	p := newPlace(t)
	p.put("app/db", `{"a":1}`)
	src := sourceOf(t, open(t, impatient, p.settings("")))
	before, err := src.Stat(t.Context(), "app/db")
	if err != nil {
		t.Fatal(err)
	}
	p.must("DELETE", p.mount+"/metadata/app/db", "")
	p.put("app/db", `{"a":2}`)
	after, err := src.Stat(t.Context(), "app/db")
	if err != nil || after.Version == before.Version || !strings.HasPrefix(string(after.Version), "1@") || !strings.HasPrefix(string(before.Version), "1@") {
		t.Errorf("%s, then %s: %v", before.Version, after.Version, err)
	}
}

func TestAValueIsWhatVaultSends(t *testing.T) {
	p := newPlace(t)
	p.put("app/db", `{"z":"<&> \\u003c","a":[1,2.5,{"b":null}],"n":90071992547409,"s":"\u00e9\ud83d\udd11"}`)
	r := sourceOf(t, open(t, impatient, p.settings(""))).Read(t.Context(), []secret.Name{"app/db"})[0]
	if want := `{"a":[1,2.5,{"b":null}],"n":90071992547409,"s":"é🔑","z":"<&> \\u003c"}`; r.Err != nil || string(r.Value.Reveal()) != want || r.Value.IsBinary() {
		t.Errorf("got %s, %v", r.Value.Reveal(), r.Err)
	}
	p.must("POST", p.mount+"/data/null", `{"data":null}`)
	wantErr(t, sourceOf(t, open(t, impatient, p.settings(""))).Read(t.Context(), []secret.Name{"null"})[0].Err, store.ErrInvalid, "holds no data")
}

func TestCustomMetadataAreTagsWithoutTheMark(t *testing.T) {
	p := newPlace(t)
	p.put("app/db", `{"a":1}`)
	p.must("POST", p.mount+"/metadata/app/db", `{"custom_metadata":{"team":"a","secretsync:owner":"o","secretsync:sync":"s","secretsync:source":"x"}}`)
	m, err := sourceOf(t, open(t, impatient, p.settings(""))).Stat(t.Context(), "app/db")
	if err != nil || len(m.Tags) != 1 || m.Tags["team"] != "a" || m.Mark != (secret.Mark{Owner: "o", Sync: "s", Source: "x"}) {
		t.Errorf("got %+v, %v", m, err)
	}
	if want := "vault/" + strings.TrimPrefix(p.addr, "http://") + "/" + p.mount + "/app/db"; string(m.Identity) != want {
		t.Errorf("got %s, want %s", m.Identity, want)
	}
}

func TestANameThatWouldMeanAnotherSecretIsRefused(t *testing.T) {
	p := newPlace(t)
	p.put("app/db", `{"a":1}`)
	src := sourceOf(t, open(t, impatient, p.settings("")))
	for _, name := range []secret.Name{"app//db", "x/../app/db", "./app/db", "app/db/", "/app/db", ""} {
		_, err := src.Stat(t.Context(), name)
		wantErr(t, err, store.ErrBadName)
		wantErr(t, src.Read(t.Context(), []secret.Name{name})[0].Err, store.ErrBadName)
	}
	for _, name := range []string{"a b%2F?#", "é🔑", "c*+"} {
		d := destinationOf(t, open(t, impatient, p.settings("")))
		mustWrite(t, d, write(name, 1, nil))
		if r := src.Read(t.Context(), []secret.Name{secret.Name(name)})[0]; r.Err != nil {
			t.Error(r.Err)
		}
	}
	if all, err := src.List(t.Context()); err != nil || len(all) != 4 {
		t.Errorf("got %q, %v", names(all), err)
	}
}
