package kubernetes_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func valued(name secret.Name, v secret.Value, have *secret.Copy) store.Write {
	w := writing(1, have)
	w.Name, w.Value = name, v
	return w
}

func text(s string) secret.Value { return secret.Text([]byte(s)) }

func held(o object) map[string]string {
	all := map[string]string{}
	for k, v := range o.Data {
		all[k] = string(v)
	}
	return all
}

// S3-B1.
func TestNumbersNullAndNestedValuesArriveAsTheirJSONText(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	v := text(`{"port":5432,"big":90071992547409931,"ratio":1.50,"on":true,"none":null,"nested":{"b":1, "a":[1.0]},"user":"app"}`)
	mustWrite(t, d, valued("app.db", v, nil))
	want := map[string]string{"port": "5432", "big": "90071992547409931", "ratio": "1.50", "on": "true", "none": "null", "nested": `{"b":1, "a":[1.0]}`, "user": "app"}
	if got := b.back.get(t, "app.db"); !maps.Equal(held(got), want) || got.Type != "Opaque" {
		t.Errorf("got %q of type %s", held(got), got.Type)
	}
	r := d.Read(t.Context(), []secret.Name{"app.db"})[0]
	if r.Err != nil || r.Version != id(1) || !d.Same(v, r.Value) || d.Same(text(`{"port":5433}`), r.Value) {
		t.Errorf("it does not compare as the same: %v", r.Err)
	}
}

// S3-B2 and S3-B5.
func TestWhatIsNoObjectArrivesToTheByteUnderTheKeyOfTheSettings(t *testing.T) {
	b := newBench(t)
	d := b.dest("key: content")
	for i, v := range []secret.Value{
		text("plain\n"), text(""), text(`[1, 2]`), text(`"x"`), text(`{"broken":`), text("12"), secret.Binary([]byte{0, 0xff, '{'}), secret.Binary([]byte("eyJhIjoxfQ==")),
		secret.Binary([]byte(`{"a":1}`)), text("eyJhIjoxfQ=="), text("e\u0301 \u2028 <&> \x7f"),
	} {
		name := secret.Name(fmt.Sprint("v", i))
		mustWrite(t, d, valued(name, v, nil))
		got := b.back.get(t, name)
		if len(got.Data) != 1 || string(got.Data["content"]) != string(v.Reveal()) {
			t.Errorf("%d: it came as %q", i, held(got))
		}
		if r := d.Read(t.Context(), []secret.Name{name})[0]; r.Err != nil || !d.Same(v, r.Value) {
			t.Errorf("%d: it does not compare as the same: %v", i, r.Err)
		}
	}
	mustWrite(t, d, valued("empty", text("{}"), nil))
	if got := b.back.get(t, "empty"); len(got.Data) != 0 {
		t.Errorf("an empty object came as %q", held(got))
	}
	if c, err := d.Stat(t.Context(), "empty"); err != nil || !c.WrittenByUs() || c.Version != id(1) {
		t.Errorf("got %+v, %v", c, err)
	}
}

// S3-B4.
func TestAnErrorIsAnError(t *testing.T) {
	b := newBench(t, role("list"))
	d, src := b.dest(""), b.source("")
	_, err := d.Write(t.Context(), writing(1, nil))
	wantErr(t, err, store.ErrNotPermitted, `patch secrets "app.db" in test/`+b.ns, "grant patch on secrets in namespace "+b.ns)
	_, err = src.Stat(t.Context(), "app.db")
	wantErr(t, err, store.ErrNotPermitted, "grant get on secrets")
	wantErr(t, src.Read(t.Context(), []secret.Name{"app.db"})[0].Err, store.ErrNotPermitted)
	wantErr(t, d.Delete(t.Context(), secret.Copy{Name: "app.db", Mark: mark, Revision: "u/1"}, 7), nil)

	allow(t, appUser(t), b.ns, role("get", "patch"))
	_, err = d.Write(t.Context(), writing(1, nil))
	wantErr(t, err, store.ErrNotPermitted, "grant create on secrets")
	for _, status := range []int{500, 503, 504} {
		b.when(func(*http.Request) *reply {
			return failure(status, "InternalError")
		})
		_, err = d.Write(t.Context(), writing(1, nil))
		wantErr(t, err, store.ErrUnavailable)
		_, err = d.Stat(t.Context(), "app.db")
		wantErr(t, err, store.ErrUnavailable)
	}
}

// S3-B9.
func TestWhatOthersWroteIsNeitherOverwrittenNorStrippedOfItsLabels(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	theirs := data("password", "theirs")
	theirs["metadata"] = map[string]any{"labels": map[string]any{"team": "a", "app.kubernetes.io/managed-by": "Helm"}, "annotations": map[string]any{"example.com/note": "keep"}}
	before := b.back.create(t, "app.db", theirs)
	_, err := d.Write(t.Context(), writing(1, nil))
	wantErr(t, err, store.ErrConflict, "somebody else has created it")
	wantErr(t, d.Delete(t.Context(), *stat(t, d), 7), store.ErrInvalid)
	if now := b.back.get(t, "app.db"); now.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Fatal("it was changed")
	}
	unseen := *stat(t, d)
	unseen.Revision = ""
	_, err = d.Write(t.Context(), writing(1, &unseen))
	wantErr(t, err, store.ErrInvalid, "the revision")
	// Taken over by name, it holds what its source holds and nothing else; what others say of it stays.
	c := mustWrite(t, d, writing(1, stat(t, d)))
	now := b.back.get(t, "app.db")
	if !maps.Equal(held(now), map[string]string{"username": "app", "password": canary + "1"}) || now.Metadata.UID != before.Metadata.UID {
		t.Errorf("got %d keys, uid %s, before %s", len(now.Data), now.Metadata.UID, before.Metadata.UID)
	}
	if now.Metadata.Labels["team"] != "a" || now.Metadata.Annotations["example.com/note"] != "keep" || now.Metadata.Labels["app.kubernetes.io/managed-by"] != "secretsync" {
		t.Errorf("got the labels %v, the annotations %v", now.Metadata.Labels, now.Metadata.Annotations)
	}
	if !c.WrittenByUs() || c.Version != id(1) || stat(t, d).Revision != c.Revision {
		t.Errorf("got %+v", c)
	}
	// And later writes leave it, too.
	mustWrite(t, d, writing(2, &c))
	now = b.back.get(t, "app.db")
	if now.Metadata.Labels["team"] != "a" || now.Metadata.Annotations["example.com/note"] != "keep" || now.Metadata.Annotations["secretsync.dev/version"] != string(id(2)) {
		t.Errorf("got the labels %v, the annotations %v", now.Metadata.Labels, now.Metadata.Annotations)
	}
	for k, v := range now.Metadata.Annotations {
		if strings.Contains(v, canary) || strings.Contains(k, "last-applied") {
			t.Errorf("the annotation %s is there", k)
		}
	}
}

// S3-B11.
func TestNoNameReachesBeyondTheNamespacesOfTheSettings(t *testing.T) {
	b := newBench(t)
	team, secretTeam := server.Namespace(t, "team"), server.Namespace(t, "other")
	s := b.open(fmt.Sprintf(`namespaces: [%s, "team-*"]`, b.ns))
	at, _ := s.Fixed()
	try := func(namespace string) error {
		at.Namespace = namespace
		_, err := s.Destination(t.Context(), at)
		return err
	}
	for _, ok := range []string{b.ns, team, "team-not-there"} {
		if err := try(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for namespace, kind := range map[string]error{
		secretTeam: store.ErrInvalid, "kube-system": store.ErrInvalid, "team": store.ErrInvalid, "": store.ErrBadName, "team-a/secrets/x?": store.ErrBadName, "team-../x": store.ErrBadName, "Team-a": store.ErrBadName,
		"team-" + strings.Repeat("a", 60): store.ErrBadName,
	} {
		wantErr(t, try(namespace), kind)
	}
	at.Cluster = "another"
	wantErr(t, try(b.ns), store.ErrInvalid, "in cluster test")

	all, whole, err := s.(store.Divided).Present(t.Context())
	if err != nil || whole || strings.Join(all, " ") != b.ns {
		t.Errorf("without the right to list namespaces: %q, %t, %v", all, whole, err)
	}
	b.as(storetest.KubernetesAdmin())
	s = b.open(fmt.Sprintf(`namespaces: [%s, "team-*"]`, b.ns))
	all, whole, err = s.(store.Divided).Present(t.Context())
	if err != nil || !whole || !strings.Contains(strings.Join(all, " "), team) || strings.Contains(strings.Join(all, " "), secretTeam) || !strings.Contains(strings.Join(all, " "), b.ns) {
		t.Errorf("with it: %q, %t, %v", all, whole, err)
	}
	b.seen()
	all, whole, err = b.open(`namespaces: [b, a, a1]`).(store.Divided).Present(t.Context())
	if err != nil || !whole || strings.Join(all, " ") != "a a1 b" || len(b.seen()) != 0 {
		t.Errorf("written out: %q, %t, %v", all, whole, err)
	}
}

// S3-B12.
func TestNamesKeysAndSizesAreJudgedBeforeAnyCall(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	for _, name := range []secret.Name{"", "app/db", "App", "a_b", "-a", "a-", "a..b", ".a", "a b", "ä", secret.Name(strings.Repeat("n", 254))} {
		w := writing(1, nil)
		w.Name = name
		wantErr(t, d.Check(w), store.ErrBadName)
		_, err := d.Write(t.Context(), w)
		wantErr(t, err, store.ErrBadName)
	}
	_, err := d.Stat(t.Context(), "../../../namespaces")
	wantErr(t, err, store.ErrNotFound)
	for value, want := range map[string]string{
		`{"a b":"` + canary + `"}`: `"a b"`, `{"":"` + canary + `"}`: `""`, `{"..":"` + canary + `"}`: `".."`, `{"a/b":"` + canary + `"}`: `"a/b"`,
		`{"` + strings.Repeat("k", 254) + `":"` + canary + `"}`: "kkk…", `{"a":"` + canary + `","a":""}`: "twice",
	} {
		_, err := d.Write(t.Context(), valued("app.db", text(value), nil))
		wantErr(t, err, store.ErrBadValue, want)
	}
	w := writing(1, nil)
	w.Type = "kubernetes.io/tls"
	_, err = d.Write(t.Context(), w)
	wantErr(t, err, store.ErrBadValue, "type kubernetes.io/tls: it needs the keys tls.crt and tls.key")
	w.Type = "bootstrap.kubernetes.io/token"
	_, err = d.Write(t.Context(), w)
	wantErr(t, err, store.ErrUnwritable)
	wantErr(t, d.Check(w), store.ErrUnwritable)
	_, err = d.Write(t.Context(), valued("app.db", text(canary+strings.Repeat("x", 1<<20)), nil))
	wantErr(t, err, store.ErrTooLarge, "1048576 at most")
	if calls := b.seen(); len(calls) != 0 {
		t.Errorf("got the calls %q", calls)
	}
	for _, name := range []secret.Name{"a", "1", "a.b-c.2", secret.Name(strings.Repeat("n", 253))} {
		w := writing(1, nil)
		w.Name = name
		if err := d.Check(w); err != nil {
			t.Error(err)
		}
		mustWrite(t, d, w)
	}
	largest := text(strings.Repeat("x", 1<<20))
	mustWrite(t, d, valued("largest", largest, nil))
	if r := d.Read(t.Context(), []secret.Name{"largest"})[0]; r.Err != nil || !d.Same(largest, r.Value) {
		t.Error(r.Err)
	}
}
