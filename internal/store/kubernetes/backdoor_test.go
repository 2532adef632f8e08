package kubernetes_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// backdoor acts on a namespace as somebody else.
type backdoor struct {
	ns    string
	began string // the resource version that the namespace was empty at
}

func newBackdoor(t *testing.T, ns string) backdoor {
	t.Helper()
	var list struct {
		Metadata struct{ ResourceVersion string }
	}
	server.Must(t, http.MethodGet, "/api/v1/namespaces/"+ns+"/secrets", nil, &list)
	return backdoor{ns: ns, began: list.Metadata.ResourceVersion}
}

func (b backdoor) path(name secret.Name) string {
	return "/api/v1/namespaces/" + b.ns + "/secrets/" + string(name)
}

// object is a Secret, as much of it as the tests look at.
type object struct {
	Metadata struct {
		Name, UID, ResourceVersion string
		Labels, Annotations        map[string]string
		ManagedFields              []map[string]any
	} `json:"metadata"`
	Type      string            `json:"type"`
	Immutable bool              `json:"immutable"`
	Data      map[string][]byte `json:"data"`
}

func (b backdoor) get(t *testing.T, name secret.Name) object {
	t.Helper()
	var o object
	server.Must(t, http.MethodGet, b.path(name), nil, &o)
	return o
}

func (b backdoor) gone(t *testing.T, name secret.Name) bool {
	t.Helper()
	status, _ := server.Do(t, http.MethodGet, b.path(name), nil)
	return status == http.StatusNotFound
}

// edit is a merge patch by another manager of fields.
func (b backdoor) edit(t *testing.T, name secret.Name, body map[string]any) object {
	t.Helper()
	var o object
	server.Must(t, http.MethodPatch, b.path(name)+"?fieldManager=kubectl-edit", body, &o)
	return o
}

func (b backdoor) create(t *testing.T, name secret.Name, body map[string]any) object {
	t.Helper()
	body = maps.Clone(body)
	body["metadata"] = merged(body["metadata"], map[string]any{"name": string(name)})
	var o object
	server.Must(t, http.MethodPost, strings.TrimSuffix(b.path(name), "/"+string(name))+"?fieldManager=kubectl-create", body, &o)
	return o
}

func merged(a any, b map[string]any) map[string]any {
	all := maps.Clone(b)
	if m, ok := a.(map[string]any); ok {
		maps.Copy(all, m)
	}
	return all
}

func data(pairs ...string) map[string]any {
	all := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = []byte(pairs[i+1])
	}
	return map[string]any{"data": all}
}

func (b backdoor) Put(t *testing.T, name secret.Name, v secret.Value) secret.Version {
	t.Helper()
	body := map[string]any{"data": map[string]any{"value": v.Reveal()}}
	if b.gone(t, name) {
		return secret.Version(b.create(t, name, body).Metadata.ResourceVersion)
	}
	return secret.Version(b.edit(t, name, body).Metadata.ResourceVersion)
}

func (b backdoor) Remove(t *testing.T, name secret.Name) {
	t.Helper()
	server.Must(t, http.MethodDelete, b.path(name), nil, nil)
}

// Value returns the text, and the version that the mark names.
func (b backdoor) Value(t *testing.T, name secret.Name) (secret.Value, secret.Version) {
	t.Helper()
	o := b.get(t, name)
	return secret.Text(o.Data["value"]), secret.Version(o.Metadata.Annotations["secretsync.dev/version"])
}

// Versions counts how often the data became another one.
func (b backdoor) Versions(t *testing.T, name secret.Name) int {
	t.Helper()
	status, answer := server.Do(t, http.MethodGet, fmt.Sprintf("/api/v1/namespaces/%s/secrets?watch=1&timeoutSeconds=1&resourceVersion=%s&fieldSelector=metadata.name=%s", b.ns, b.began, name), nil)
	if status != http.StatusOK {
		t.Fatalf("watch: HTTP status %d", status)
	}
	count, last := 0, map[string][]byte(nil)
	for lines := bufio.NewScanner(bytes.NewReader(answer)); lines.Scan(); {
		var event struct{ Object object }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(last, event.Object.Data, bytes.Equal) {
			count++
		}
		last = event.Object.Data
	}
	return count
}

func (backdoor) Plant(t *testing.T, _ secret.Name, _ secret.Version, _ secret.Value) {
	t.Helper()
	t.Fatal("a Secret keeps one value")
}

func (backdoor) MoveCurrent(t *testing.T, _ secret.Name, _ secret.Version) {
	t.Helper()
	t.Fatal("a Secret keeps one value")
}

func (backdoor) Tag(t *testing.T, _ secret.Name, _ map[string]string) {
	t.Helper()
	t.Fatal("labels are no tags")
}

func (backdoor) Describe(t *testing.T, _ secret.Name, _ string) {
	t.Helper()
	t.Fatal("there is no description")
}

func (backdoor) Schedule(t *testing.T, _ secret.Name) {
	t.Helper()
	t.Fatal("there is no recovery window")
}

// apply is a server-side apply by the admin.
func (b *bench) apply(t *testing.T, path string, body any) (status int, answer []byte) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, b.url+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+storetest.KubernetesAdmin().Token)
	req.Header.Set("Content-Type", "application/apply-patch+yaml")
	req.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}
