package kube_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

var (
	secrets    = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	allSecrets = storetest.KubernetesRule{Verbs: []string{"get", "list", "create", "patch", "delete"}, Resources: []string{"secrets"}}
)

// apply writes a Secret as the driver does, by server-side apply, and returns the error as the driver would.
func apply(ctx context.Context, c *kube.Cluster, namespace, name string, object map[string]any) error {
	client, err := c.Dynamic(ctx)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}}}
	for k, v := range object {
		u.Object[k] = v
	}
	_, err = client.Resource(secrets).Namespace(namespace).Apply(ctx, name, u, metav1.ApplyOptions{FieldManager: "secretsync"})
	if err != nil {
		return kube.Error("patch secrets", secret.Name(name), place(c, namespace), err)
	}
	return nil
}

func place(c *kube.Cluster, namespace string) secret.Place {
	return secret.Place{Kind: secret.Kubernetes, Cluster: c.Name(), Namespace: namespace}
}

func data(key, value string) map[string]any {
	return map[string]any{"data": map[string]any{key: base64.StdEncoding.EncodeToString([]byte(value))}}
}

func TestRefusalsOfWritesAreToldByReasonAndNeverByTheServersOwnWords(t *testing.T) {
	ns := server.Namespace(t, "apps")
	leaving := server.Namespace(t, "leaving")
	server.Must(t, http.MethodPost, "/api/v1/namespaces/"+leaving+"/configmaps", map[string]any{"metadata": map[string]any{"name": "kept", "finalizers": []string{"test/kept"}}}, nil)
	full := server.Namespace(t, "full")
	server.Must(t, http.MethodPost, "/api/v1/namespaces/"+full+"/resourcequotas", map[string]any{
		"metadata": map[string]any{"name": "none"}, "spec": map[string]any{"hard": map[string]any{"secrets": "0"}}}, nil)
	server.Must(t, http.MethodPatch, "/api/v1/namespaces/"+full+"/resourcequotas/none/status", map[string]any{
		"status": map[string]any{"hard": map[string]any{"secrets": "0"}, "used": map[string]any{"secrets": "0"}}}, nil)
	server.Must(t, http.MethodDelete, "/api/v1/namespaces/"+leaving, nil, nil)
	admin := as(t, storetest.KubernetesAdmin(), ns)
	restricted := as(t, user(t, ns, storetest.KubernetesRule{Verbs: []string{"get"}, Resources: []string{"secrets"}}), ns)
	nobody := as(t, storetest.KubernetesUser{Name: "nobody", Token: "unknown"}, ns)
	for name, object := range map[string]map[string]any{
		"fixed": {"immutable": true, "data": data("k", "one")["data"]},
		"typed": {"type": "Opaque"},
	} {
		if err := apply(t.Context(), admin, ns, name, object); err != nil {
			t.Fatal(err)
		}
	}
	server.Must(t, http.MethodPost, "/api/v1/namespaces/"+ns+"/secrets", map[string]any{"metadata": map[string]any{"name": "theirs"}, "data": map[string]any{"k": "b25l"}}, nil)
	deny(t, ns, "denied.")

	long := strings.Repeat(canary, 1<<20/len(canary)+1)
	for name, test := range map[string]struct {
		cluster   *kube.Cluster
		namespace string
		name      string
		object    map[string]any
		kind      error
		says      string
	}{
		"RBAC":                    {restricted, ns, "a", data("k", canary), store.ErrNotPermitted, "grant patch on secrets in namespace " + ns},
		"credentials":             {nobody, ns, "a", data("k", canary), store.ErrCredentials, "Unauthorized"},
		"no such namespace":       {admin, "nowhere", "a", data("k", canary), store.ErrUnwritable, "no such namespace"},
		"namespace in deletion":   {admin, leaving, "a", data("k", canary), store.ErrUnwritable, "being deleted"},
		"quota":                   {admin, full, "a", data("k", canary), store.ErrUnwritable, "quota"},
		"immutable":               {admin, ns, "fixed", data("k", canary), store.ErrUnwritable, "immutable"},
		"another type":            {admin, ns, "typed", map[string]any{"type": canary}, store.ErrUnwritable, "type of a Secret can't be changed"},
		"field of somebody else":  {admin, ns, "theirs", data("k", canary), store.ErrConflict, "data.k"},
		"bad name":                {admin, ns, "Not_A_Name", data("k", canary), store.ErrBadName, "metadata.name"},
		"bad key":                 {admin, ns, "a", data("not/a key", canary), store.ErrBadValue, "data[not/a key]"},
		"missing key of its type": {admin, ns, "a", map[string]any{"type": "kubernetes.io/tls", "data": data("tls.key", canary)["data"]}, store.ErrBadValue, "data[tls.crt]"},
		"broken docker config":    {admin, ns, "a", map[string]any{"type": "kubernetes.io/dockerconfigjson", "data": data(".dockerconfigjson", canary)["data"]}, store.ErrBadValue, "data[.dockerconfigjson]"},
		"not base64":              {admin, ns, "a", map[string]any{"data": map[string]any{"k": canary + "!"}}, store.ErrUnavailable, "500"},
		"no string":               {admin, ns, "a", map[string]any{"data": map[string]any{"k": map[string]any{canary: canary}}}, store.ErrUnavailable, "500"},
		"more than a MiB":         {admin, ns, "a", data("k", long), store.ErrTooLarge, "data"},
		"more than a request":     {admin, ns, "a", data("k", long+long+long), store.ErrTooLarge, ""},
		"webhook":                 {admin, ns, "denied.webhook", data("k", canary), store.ErrUnwritable, "webhook denies.example.com denied it"},
		"webhook that is away":    {admin, ns, "denied.away", data("k", canary), store.ErrUnavailable, "webhook away.example.com did not answer"},
		"policy":                  {admin, ns, "denied.policy", data("k", canary), store.ErrUnwritable, "policy denies.example.com denied it"},
	} {
		t.Run(name, func(t *testing.T) {
			err := apply(t.Context(), test.cluster, test.namespace, test.name, test.object)
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v that says %q", err, test.kind, test.says)
			}
			noCanary(t, err)
		})
	}
}

// deny has everything in a namespace denied whose name begins with prefix: by a webhook that quotes what it denies, by one that does not answer, and by a policy.
func deny(t *testing.T, namespace, prefix string) {
	t.Helper()
	hook := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Request struct {
				UID    string
				Object json.RawMessage
			} `json:"request"`
		}
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &review)
		if !bytes.Contains(body, []byte(base64.StdEncoding.EncodeToString([]byte(canary)))) {
			t.Error("the webhook is to see the value")
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
			"response": map[string]any{"uid": review.Request.UID, "allowed": false, "status": map[string]any{
				"code": 400, "reason": canary, "message": canary + string(review.Request.Object),
				"details": map[string]any{"causes": []any{map[string]any{"field": "data", "message": canary}}},
			}},
		})
	}))
	t.Cleanup(hook.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw})
	webhook := func(name, url string) map[string]any {
		return map[string]any{
			"name": name + ".example.com", "admissionReviewVersions": []string{"v1"}, "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 2,
			"clientConfig":      map[string]any{"url": url, "caBundle": ca},
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": namespace}},
			"matchConditions":   []any{map[string]any{"name": "named", "expression": "request.name == '" + prefix + map[string]string{"denies": "webhook"}[name] + map[string]string{"away": "away"}[name] + "'"}},
			"rules":             []any{map[string]any{"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "operations": []string{"*"}, "resources": []string{"secrets"}}},
		}
	}
	const api = "/apis/admissionregistration.k8s.io/v1/"
	made := []string{"validatingwebhookconfigurations/test", "validatingadmissionpolicies/denies.example.com", "validatingadmissionpolicybindings/denies.example.com"}
	server.Must(t, http.MethodPost, api+"validatingwebhookconfigurations", map[string]any{
		"metadata": map[string]any{"name": "test"}, "webhooks": []any{webhook("denies", hook.URL), webhook("away", "https://127.0.0.1:1/")},
	}, nil)
	server.Must(t, http.MethodPost, api+"validatingadmissionpolicies", map[string]any{
		"metadata": map[string]any{"name": "denies.example.com"},
		"spec": map[string]any{
			"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "operations": []string{"*"}, "resources": []string{"secrets"}}}},
			"validations":      []any{map[string]any{"expression": "object.metadata.name != '" + prefix + "policy'", "messageExpression": "'" + canary + " ' + object.data.k"}},
		},
	}, nil)
	server.Must(t, http.MethodPost, api+"validatingadmissionpolicybindings", map[string]any{
		"metadata": map[string]any{"name": "denies.example.com"},
		"spec":     map[string]any{"policyName": "denies.example.com", "validationActions": []string{"Deny"}},
	}, nil)
	t.Cleanup(func() {
		for _, path := range made {
			server.Must(t, http.MethodDelete, api+path, nil, nil)
		}
	})
	// They come into force a little later.
	for range 200 {
		_, one := server.Do(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/secrets?dryRun=All", named(prefix+"webhook"))
		_, two := server.Do(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/secrets?dryRun=All", named(prefix+"policy"))
		_, three := server.Do(t, http.MethodPost, "/api/v1/namespaces/"+namespace+"/secrets?dryRun=All", named(prefix+"away"))
		if bytes.Contains(one, []byte("denied the request")) && bytes.Contains(two, []byte("denied request")) && bytes.Contains(three, []byte("failed calling")) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the webhooks are not in force")
}

func named(name string) map[string]any {
	return map[string]any{"metadata": map[string]any{"name": name}, "data": data("k", canary)["data"]}
}

func TestWhatIsNotThereIsToldFromAnAnswerThatIsNoAnswer(t *testing.T) {
	ns := server.Namespace(t, "apps")
	c := as(t, storetest.KubernetesAdmin(), ns)
	client, err := c.Metadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	get := func(r schema.GroupVersionResource) error {
		_, err := client.Resource(r).Namespace(ns).Get(t.Context(), "a", metav1.GetOptions{})
		return kube.Error("get "+r.Resource, "a", place(c, ns), err)
	}
	if err := get(secrets); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := get(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "secrets"}); errors.Is(err, store.ErrNotFound) || !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a kind that the server does not know: got %v", err)
	}
	uid := types.UID("of another")
	if err := apply(t.Context(), c, ns, "a", data("k", canary)); err != nil {
		t.Fatal(err)
	}
	err = client.Resource(secrets).Namespace(ns).Delete(t.Context(), "a", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	if err := kube.Error("delete secrets", "a", place(c, ns), err); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
}
