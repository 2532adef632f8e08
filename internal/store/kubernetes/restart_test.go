package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const noted = "restart.secretsync.dev/app.db"

// workload makes a Deployment, StatefulSet or DaemonSet whose pods have a spec.
func workload(t *testing.T, b *bench, kind, name, spec string) {
	t.Helper()
	labels := map[string]any{"app": name}
	template := map[string]any{"metadata": map[string]any{"labels": labels}}
	var pod map[string]any
	if err := json.Unmarshal([]byte(spec), &pod); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"containers", "initContainers"} {
		for i, c := range asList(pod[list]) {
			c.(map[string]any)["name"], c.(map[string]any)["image"] = fmt.Sprint("c", i, strings.ToLower(list)), "example.com/none"
		}
	}
	if pod["containers"] == nil {
		pod["containers"] = []any{map[string]any{"name": "c", "image": "example.com/none"}}
	}
	template["spec"] = pod
	object := map[string]any{"metadata": map[string]any{"name": name}, "spec": map[string]any{"selector": map[string]any{"matchLabels": labels}, "template": template}}
	server.Must(t, http.MethodPost, "/apis/apps/v1/namespaces/"+b.ns+"/"+kind, object, nil)
}

func asList(v any) []any { all, _ := v.([]any); return all }

// started returns the annotations of a workload's pod template, and how often its spec was changed.
func started(t *testing.T, b *bench, kind, name string) (map[string]string, int) {
	t.Helper()
	var w struct {
		Metadata struct{ Generation int }
		Spec     struct {
			Template struct {
				Metadata struct{ Annotations map[string]string }
			}
		}
	}
	server.Must(t, http.MethodGet, "/apis/apps/v1/namespaces/"+b.ns+"/"+kind+"/"+name, nil, &w)
	return w.Spec.Template.Metadata.Annotations, w.Metadata.Generation
}

func TestWhatUsesASecretIsRestartedOncePerChangeOfItsData(t *testing.T) {
	b := newBench(t, writer(), restarter())
	d := b.dest("restart: true")
	uses := map[string]string{
		"deployments/volume":   `{"volumes":[{"name":"v","secret":{"secretName":"app.db"}}]}`,
		"statefulsets/project": `{"volumes":[{"name":"v","projected":{"sources":[{"configMap":{"name":"x"}},{"secret":{"name":"app.db"}}]}}]}`,
		"daemonsets/env":       `{"containers":[{},{"env":[{"name":"A","value":"app.db"},{"name":"B","valueFrom":{"secretKeyRef":{"name":"app.db","key":"password"}}}]}]}`,
		"deployments/env-from": `{"containers":[{"envFrom":[{"configMapRef":{"name":"app.db"}},{"secretRef":{"name":"app.db"}}]}]}`,
		"deployments/init-env": `{"containers":[{}],"initContainers":[{"env":[{"name":"B","valueFrom":{"secretKeyRef":{"name":"app.db","key":"password"}}}]}]}`,
		"deployments/both":     `{"volumes":[{"name":"v","secret":{"secretName":"app.db"}},{"name":"w","secret":{"secretName":"other"}}]}`,
	}
	spared := map[string]string{
		"deployments/other":  `{"volumes":[{"name":"v","secret":{"secretName":"other"}}]}`,
		"deployments/config": `{"volumes":[{"name":"v","configMap":{"name":"app.db"}}],"containers":[{"envFrom":[{"configMapRef":{"name":"app.db"}}],"env":[{"name":"A","value":"app.db"}]}]}`,
	}
	for _, all := range []map[string]string{uses, spared} {
		for what, spec := range all {
			kind, name, _ := strings.Cut(what, "/")
			workload(t, b, kind, name, spec)
		}
	}
	check := func(when string, generation int) {
		t.Helper()
		for what := range uses {
			kind, name, _ := strings.Cut(what, "/")
			if notes, n := started(t, b, kind, name); n != generation || (notes[noted] != "") != (generation > 1) || strings.Contains(fmt.Sprint(notes), canary) {
				t.Errorf("%s: %s is at generation %d, want %d: %v", when, what, n, generation, notes)
			}
		}
		for what := range spared {
			kind, name, _ := strings.Cut(what, "/")
			if notes, n := started(t, b, kind, name); n != 1 && notes[noted] != "" {
				t.Errorf("%s: %s was restarted", when, what)
			}
		}
		if c := stat(t, d); !c.WrittenByUs() || strings.Contains(string(c.Version), " ") {
			t.Errorf("%s: got %+v", when, c)
		}
	}
	c := mustWrite(t, d, writing(1, nil))
	check("a creation", 1)
	c = mustWrite(t, d, writing(2, &c))
	check("an update", 2)
	w := writing(3, &c)
	w.Value = writing(2, nil).Value
	c = mustWrite(t, d, w)
	check("another version of the same data", 2)
	w = writing(3, &c)
	w.Value, w.Versions, w.Mark.Sync = secret.Value{}, nil, "other"
	mustWrite(t, d, w)
	check("another sync", 2)
	b.back.edit(t, "app.db", data("password", "theirs"))
	w = writing(3, stat(t, d))
	w.Value = writing(2, nil).Value
	mustWrite(t, d, w)
	check("drift that was mended, back to the same version", 3)

	other := writing(1, nil)
	other.Name = "other"
	c = mustWrite(t, d, other)
	other.Have, other.Versions, other.Value = &c, []secret.Version{id(2)}, writing(2, nil).Value
	mustWrite(t, d, other)
	notes, n := started(t, b, "deployments", "both")
	if n != 4 || notes[noted] == "" || notes["restart.secretsync.dev/other"] == "" {
		t.Errorf("of two Secrets: generation %d, %v", n, notes)
	}
}

func TestARestartThatWasCutShortIsFinishedByTheNextRun(t *testing.T) {
	b := newBench(t, writer(), restarter())
	d := b.dest("restart: true")
	for _, name := range []string{"a", "b"} {
		workload(t, b, "deployments", name, `{"volumes":[{"name":"v","secret":{"secretName":"app.db"}}]}`)
	}
	workload(t, b, "daemonsets", "c", `{"volumes":[{"name":"v","secret":{"secretName":"app.db"}}]}`)
	c := mustWrite(t, d, writing(1, nil))
	for cut, at := range []string{"GET deployments", "PATCH deployments/b", "GET daemonsets", "PATCH secrets/app.db"} {
		b.when(func(r *http.Request) *reply {
			if call(r) == at {
				return failure(http.StatusInternalServerError, "InternalError")
			}
			return nil
		})
		n := cut + 2
		_, err := d.Write(t.Context(), writing(n, &c))
		wantErr(t, err, store.ErrUnavailable)
		if at != "PATCH secrets/app.db" && !strings.Contains(err.Error(), "the Secret \"app.db\" is written, and what uses it was not restarted") {
			t.Errorf("got %q", err)
		}
		b.when(nil)
		behind := stat(t, d)
		if !behind.WrittenByUs() || behind.Version == id(n) {
			t.Fatalf("%s: got %+v", at, behind)
		}
		if c := stat(t, b.named("other", "")); c.Version != behind.Version || !c.WrittenByUs() {
			t.Errorf("%s: through a store without restarts it is %+v", at, c)
		}
		b.seen()
		c = mustWrite(t, d, writing(n, behind))
		if calls := b.seen(); slices.Contains(calls, "PATCH deployments/a") != (at == "GET deployments") {
			t.Errorf("%s: what was restarted is restarted again, or not at all: %q", at, calls)
		}
		if now := stat(t, d); now.Version != id(n) || now.Revision != c.Revision {
			t.Errorf("%s: finished: %+v", at, now)
		}
		for _, what := range []string{"deployments/a", "deployments/b", "daemonsets/c"} {
			kind, name, _ := strings.Cut(what, "/")
			if _, generation := started(t, b, kind, name); generation != n {
				t.Errorf("%s: %s is at generation %d, want %d", at, what, generation, n)
			}
		}
	}
	// A lost answer to the write does not lose the restart.
	lost := false
	b.when(func(r *http.Request) *reply {
		if strings.HasPrefix(call(r), "APPLY") && !lost {
			lost = true
			return &reply{status: -2}
		}
		return nil
	})
	have := c
	if _, err := d.Write(t.Context(), writing(6, &have)); err == nil {
		t.Fatal("the answer was not lost")
	}
	c = mustWrite(t, d, writing(6, stat(t, d)))
	if _, generation := started(t, b, "deployments", "a"); generation != 6 || c.Version != id(6) {
		t.Errorf("generation %d, %+v", generation, c)
	}
}

func TestARestartThatIsDeniedSaysWhatToGrantAndTheCopyIsWritten(t *testing.T) {
	b := newBench(t)
	d := b.dest("restart: true")
	workload(t, b, "deployments", "a", `{"volumes":[{"name":"v","secret":{"secretName":"app.db"}}]}`)
	c := mustWrite(t, d, writing(1, nil))
	_, err := d.Write(t.Context(), writing(2, &c))
	wantErr(t, err, store.ErrNotPermitted, "list deployments.apps in test/"+b.ns, "the Secret \"app.db\" is written", "grant list on deployments.apps in namespace "+b.ns)
	if string(b.back.get(t, "app.db").Data["password"]) != canary+"2" {
		t.Error("the copy is not written")
	}
	list := restarter()
	list.Verbs = []string{"list"}
	allow(t, appUser(t), b.ns, list)
	_, err = d.Write(t.Context(), writing(2, stat(t, d)))
	wantErr(t, err, store.ErrNotPermitted, `patch deployments.apps "a"`, "grant patch on deployments.apps")
	// Turned off, it is no longer owed.
	off := b.dest("")
	c = mustWrite(t, off, writing(3, stat(t, off)))
	if _, pending := b.back.get(t, "app.db").Metadata.Annotations["secretsync.dev/restart"]; pending || c.Version != id(3) {
		t.Errorf("got %+v", c)
	}
}

func TestALongNameHasANoteOfItsOwn(t *testing.T) {
	b := newBench(t, writer(), restarter())
	d := b.dest("restart: true")
	long := strings.Repeat("n", 100)
	for i, end := range []string{"a", "b"} {
		workload(t, b, "deployments", end, fmt.Sprintf(`{"volumes":[{"name":"v","secret":{"secretName":%q}},{"name":"w","secret":{"secretName":%q}}]}`, long+"a", long+"b"))
		w := writing(1, nil)
		w.Name = secret.Name(long + end)
		c := mustWrite(t, d, w)
		w.Have, w.Versions, w.Value = &c, []secret.Version{id(2)}, writing(2, nil).Value
		mustWrite(t, d, w)
		if notes, _ := started(t, b, "deployments", "a"); len(notes) != i+1 {
			t.Errorf("got %v", notes)
		}
	}
}

// A namespace that two stores write to is listed once, through either: what is owed is seen there, too.
func TestAnOwedRestartIsSeenThroughAStoreWithoutRestarts(t *testing.T) {
	b := newBench(t, writer(), restarter())
	first, d := b.named("first", ""), b.named("second", "restart: true")
	workload(t, b, "deployments", "a", `{"volumes":[{"name":"v","secret":{"secretName":"app.db"}}]}`)
	c := mustWrite(t, d, writing(1, nil))
	owe := func(n int) {
		t.Helper()
		b.when(func(r *http.Request) *reply {
			if call(r) == "GET deployments" {
				return failure(http.StatusInternalServerError, "InternalError")
			}
			return nil
		})
		_, err := d.Write(t.Context(), writing(n, &c))
		wantErr(t, err, store.ErrUnavailable)
		b.when(nil)
	}
	owe(2)
	all, err := first.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Version == id(2) || !all[0].WrittenByUs() {
		t.Fatalf("got %+v, %v", all, err)
	}
	c = mustWrite(t, d, writing(2, &all[0]))
	if _, generation := started(t, b, "deployments", "a"); generation != 2 || c.Version != id(2) || stat(t, first).Version != id(2) {
		t.Errorf("generation %d, %+v", generation, c)
	}
	// The want's own store has no restarts: nothing is owed.
	for n, through := range map[int]dest{3: first, 4: first, 5: b.named("second", "")} {
		owe(n)
		have := stat(t, through)
		if n > 3 { // it is seen to be changed, and to hold what is wanted
			b.back.edit(t, "app.db", map[string]any{"metadata": map[string]any{"labels": map[string]any{"team": fmt.Sprint(n)}}})
		}
		c = mustWrite(t, through, writing(n, have))
		if now := stat(t, d); now.Version != id(n) || c.Version != id(n) || now.Revision != c.Revision {
			t.Errorf("got %+v, %+v", c, now)
		}
		if _, generation := started(t, b, "deployments", "a"); generation != 2 {
			t.Errorf("generation %d", generation)
		}
	}
}
