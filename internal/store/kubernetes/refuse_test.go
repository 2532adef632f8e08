package kubernetes_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// Fault 37.
func TestAnImmutableSecretIsRefusedAndStays(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	before := b.back.edit(t, "app.db", map[string]any{"immutable": true})
	_, err := d.Write(t.Context(), writing(2, stat(t, d)))
	wantErr(t, err, store.ErrUnwritable, `patch secrets "app.db"`, "immutable", "delete it by hand")
	now := b.back.get(t, "app.db")
	if now.Metadata.UID != before.Metadata.UID || now.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Error("it was changed")
	}
	// What is not data can still be changed: the mark, and a deletion.
	if err := d.Delete(t.Context(), *stat(t, d), 7); err != nil {
		t.Error(err)
	}
}

func TestATypeIsNeverChanged(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	before := b.back.create(t, "app.db", map[string]any{"type": "example.com/own", "data": map[string]any{"password": []byte("theirs")}})
	_, err := d.Write(t.Context(), writing(1, stat(t, d)))
	wantErr(t, err, store.ErrUnwritable, "a Secret's type can't be changed, and this one has another", "delete it by hand")
	if now := b.back.get(t, "app.db"); now.Metadata.ResourceVersion != before.Metadata.ResourceVersion {
		t.Error("it was changed")
	}
	// Under its own type it can be taken over.
	w := writing(1, stat(t, d))
	w.Type = "example.com/own"
	mustWrite(t, d, w)
	if c := stat(t, d); !c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}
	mustWrite(t, b.dest("secretType: example.com/own"), writing(2, stat(t, d)))
}

func TestANamespaceThatIsBeingDeletedOrIsNotThereTakesNothing(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	server.Must(t, http.MethodDelete, "/api/v1/namespaces/"+b.ns, nil, nil)
	w := writing(1, nil)
	w.Name = "another"
	_, err := d.Write(t.Context(), w)
	wantErr(t, err, store.ErrUnwritable, "the namespace is being deleted")
	mustWrite(t, d, writing(2, stat(t, d))) // what is there may still be changed
}

func TestANamespaceThatIsNotThereIsNoEmptySource(t *testing.T) {
	b := newBench(t)
	server.Must(t, http.MethodPost, "/apis/rbac.authorization.k8s.io/v1/clusterroles", map[string]any{
		"metadata": map[string]any{"name": b.ns}, "rules": []any{map[string]any{"apiGroups": []string{""}, "resources": []string{"secrets", "namespaces"}, "verbs": []string{"*"}}},
	}, nil)
	u := server.User(t, "")
	server.Must(t, http.MethodPost, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", map[string]any{
		"metadata": map[string]any{"name": b.ns}, "roleRef": map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": b.ns},
		"subjects": []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": u.Name}},
	}, nil)
	allow(t, u, b.ns, writer())
	b.as(u)
	src := b.source("namespace: not-there")
	eventually(t, func() bool {
		_, err := src.List(t.Context())
		return !errors.Is(err, store.ErrNotPermitted)
	})
	_, err := src.List(t.Context())
	wantErr(t, err, store.ErrInvalid, `there is no namespace "not-there"`)
	_, err = src.Stat(t.Context(), "app.db")
	wantErr(t, err, store.ErrInvalid, `there is no namespace "not-there"`)
	_, err = b.dest("namespace: not-there").Write(t.Context(), writing(1, nil))
	wantErr(t, err, store.ErrUnwritable, "there is no such namespace")
	if all, err := b.source("").List(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("one that is there and empty: %d, %v", len(all), err)
	}
	// One that is being deleted has lost some of its Secrets already, and no listing of it is whole.
	b.back.create(t, "left", data("value", canary))
	server.Must(t, http.MethodDelete, "/api/v1/namespaces/"+b.ns, nil, nil)
	all, err := b.source("").List(t.Context())
	wantErr(t, err, store.ErrInvalid, fmt.Sprintf("namespace %q is being deleted", b.ns))
	if len(all) != 0 {
		t.Errorf("got %d secrets of a listing that may not be whole", len(all))
	}
	_, err = b.source("").Stat(t.Context(), "gone")
	wantErr(t, err, store.ErrInvalid, "is being deleted")
	if m, err := b.source("").Stat(t.Context(), "left"); err != nil || m.Name != "left" {
		t.Errorf("what is there is there: %+v, %v", m, err)
	}
}

// A webhook words its refusals as it likes.
func TestNoWordOfTheServerBecomesAVerb(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	b.when(func(*http.Request) *reply {
		return &reply{403, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"hunter","code":403,"message":"you cannot hunter resource \"secrets\""}`}
	})
	_, err := d.Write(t.Context(), writing(1, nil))
	wantErr(t, err, store.ErrNotPermitted, "patch secrets")
	if strings.Contains(err.Error(), "hunter") {
		t.Errorf("got %v", err)
	}
}

// A policy's message may quote the whole object.
func TestAPolicyThatDeniesIsNamedAndNotQuoted(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	const api = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
	name := "no-secrets-" + b.ns
	server.Must(t, http.MethodPost, api, map[string]any{
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "operations": []string{"CREATE", "UPDATE"}, "resources": []string{"secrets"}}}},
			"validations":      []any{map[string]any{"expression": "false", "messageExpression": `"it holds " + string(object.data["password"]) + " ` + canary + `"`}},
		},
	}, nil)
	server.Must(t, http.MethodPost, "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings", map[string]any{
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"policyName": name, "validationActions": []string{"Deny"},
			"matchResources": map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": b.ns}}},
		},
	}, nil)
	eventually(t, func() bool {
		status, _ := server.Do(t, http.MethodPatch, b.back.path("app.db")+"?dryRun=All", data("password", "x"))
		return status != http.StatusOK
	})
	_, err := d.Write(t.Context(), writing(2, stat(t, d)))
	wantErr(t, err, store.ErrUnwritable, "policy "+name+" denied it")
	w := writing(1, nil)
	w.Name = "another"
	_, err = d.Write(t.Context(), w)
	wantErr(t, err, store.ErrUnwritable, "policy "+name)
}

func TestAQuotaThatIsUsedUpIsARefusal(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	b.when(func(r *http.Request) *reply {
		return &reply{403, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"secrets \"app.db\" is forbidden: exceeded quota: q, requested: count/secrets=1, used: count/secrets=9, limited: count/secrets=9"}`}
	})
	_, err := d.Write(t.Context(), writing(1, nil))
	wantErr(t, err, store.ErrUnwritable, "quota")
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 400 {
		if done() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("it never came to be")
}

// Conflicts in the middle of what follows a write.
func TestAChangeBetweenAWriteAndItsTidyingIsAConflict(t *testing.T) {
	b := newBench(t)
	d := b.dest("")
	mustWrite(t, d, writing(1, nil))
	b.back.edit(t, "app.db", data("more", "theirs"))
	have := stat(t, d)
	b.when(func(r *http.Request) *reply {
		if call(r) == "PATCH secrets/app.db" {
			b.when(nil)
			b.back.edit(t, "app.db", data("password", "theirs"))
		}
		return nil
	})
	_, err := d.Write(t.Context(), writing(2, have))
	wantErr(t, err, store.ErrConflict)
	c := stat(t, d)
	if c.WrittenByUs() || string(b.back.get(t, "app.db").Data["password"]) != "theirs" {
		t.Errorf("got %+v", c)
	}
	mustWrite(t, d, writing(2, c))
	if c := stat(t, d); c.Version != id(2) || !c.WrittenByUs() || len(b.back.get(t, "app.db").Data) != 2 {
		t.Errorf("got %+v", c)
	}
}
