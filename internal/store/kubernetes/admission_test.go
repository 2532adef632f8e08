package kubernetes_test

import (
	"net/http"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// mutates has the cluster change every Secret of the bench that is written, by an expression of the fields to set. probe reports of what came of a dry run
// whether that is in force.
func mutates(t *testing.T, b *bench, fields string, probe func(object) bool) {
	t.Helper()
	const api = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic"
	name := "mutates-" + b.ns
	server.Must(t, http.MethodPost, api+"ies", map[string]any{
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"matchConstraints":   map[string]any{"resourceRules": []any{map[string]any{"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "operations": []string{"CREATE", "UPDATE"}, "resources": []string{"secrets"}}}},
			"failurePolicy":      "Fail",
			"reinvocationPolicy": "Never",
			"mutations":          []any{map[string]any{"patchType": "ApplyConfiguration", "applyConfiguration": map[string]any{"expression": "Object{" + fields + "}"}}},
		},
	}, nil)
	server.Must(t, http.MethodPost, api+"ybindings", map[string]any{
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"policyName":     name,
			"matchResources": map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": b.ns}}},
		},
	}, nil)
	t.Cleanup(func() {
		server.Must(t, http.MethodDelete, api+"ybindings/"+name, nil, nil)
		server.Must(t, http.MethodDelete, api+"ies/"+name, nil, nil)
	})
	eventually(t, func() bool {
		var o object
		server.Must(t, http.MethodPost, "/api/v1/namespaces/"+b.ns+"/secrets?dryRun=All", map[string]any{"metadata": map[string]any{"name": "probe"}}, &o)
		return probe(o)
	})
}

// Admission's changes are in nobody's managed fields: a write can't see them.
func TestDataThatAdmissionChangesIsToldByVerifyOnly(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mutates(t, b, `data: {"password": "dGhlaXJz", "injected": "dGhlaXJz"}`, func(o object) bool { return o.Data["injected"] != nil })
	c := mustWrite(t, d, writing(1, nil))
	o := b.back.get(t, "app.db")
	if string(o.Data["password"]) != "theirs" || string(o.Data["injected"]) != "theirs" {
		t.Fatalf("the policy did not change %q", held(o))
	}
	if now := stat(t, d); !now.WrittenByUs() || now.Version != id(1) || now.Revision != c.Revision {
		t.Errorf("the API tells who changed it now, so that the copy need not count as written: %+v", now)
	}
	r := d.Read(t.Context(), []secret.Name{"app.db"})[0]
	if r.Err != nil || d.Same(writing(1, nil).Value, r.Value) {
		t.Errorf("it compares as the same: %v", r.Err)
	}
}

func TestNotesThatAdmissionChangesMakeACopyUnwritable(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mutates(t, b, `metadata: Object.metadata{annotations: {"secretsync.dev/version": "theirs"}}`, func(o object) bool {
		return o.Metadata.Annotations["secretsync.dev/version"] != ""
	})
	_, err := d.Write(t.Context(), writing(1, nil))
	wantErr(t, err, store.ErrUnwritable, "admission", "annotations")
}
