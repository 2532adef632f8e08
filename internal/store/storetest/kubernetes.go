package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	kubernetesVersion = "v1.36.3-etcd-v3.7.3" // what test/components/kubernetes/build.sh builds
	kubernetesUsers   = 64                    // with a token: the file of tokens is read once
)

// KubernetesServer is one real kube-apiserver on its own etcd, with RBAC on, that is shared by the tests of a package: its TestMain calls Close. It runs no
// controllers: a namespace that is deleted stays in deletion. The zero KubernetesServer is right; it starts with the first use. It is not to be used concurrently
// before it has started, and otherwise may be.
type KubernetesServer struct {
	Flags []string // of the kube-apiserver, beside those that it is started with anyway

	url    string
	home   string
	client *http.Client
	stop   []func() // in this order
	users  chan int // those that are nobody's yet
}

// KubernetesUser is somebody whom the server knows by a token.
type KubernetesUser struct{ Name, Token string }

// KubernetesRule lets a user do verbs on resources of an API group: on all of them, or on those of some names.
type KubernetesRule struct {
	Group     string   `json:"-"`
	Verbs     []string `json:"verbs"`
	Resources []string `json:"resources"`
	Names     []string `json:"resourceNames,omitempty"`
}

// MarshalJSON returns the rule as RBAC writes it.
func (r KubernetesRule) MarshalJSON() ([]byte, error) {
	type rule KubernetesRule
	return json.Marshal(struct {
		Groups []string `json:"apiGroups"`
		rule
	}{[]string{r.Group}, rule(r)})
}

// KubernetesAdmin returns the user who may do everything.
func KubernetesAdmin() KubernetesUser { return KubernetesUser{Name: "admin", Token: "admin-token"} }

// Start starts the server, if it has not been. Where it has neither been built nor is required, the test is skipped; where it is required and can't be built or
// started, the test fails.
func (s *KubernetesServer) Start(t *testing.T) {
	t.Helper()
	if s.url != "" {
		return
	}
	dir := componentDir(t, "kubernetes", kubernetesVersion)
	if err := s.start(context.WithoutCancel(t.Context()), dir); err != nil { //nolint:contextcheck // it outlives the test
		log, _ := os.ReadFile(filepath.Join(s.home, "kube-apiserver.log")) // it may not have come that far
		s.Close()
		t.Fatalf("kube-apiserver is here, and can't be started: %v\n%s", err, log[max(0, len(log)-4000):])
	}
}

// URL returns the server's address, as in "https://127.0.0.1:6443".
func (s *KubernetesServer) URL(t *testing.T) string {
	t.Helper()
	s.Start(t)
	return s.url
}

// CAFile returns the file with the certificate that the server's own is checked by.
func (s *KubernetesServer) CAFile(t *testing.T) string {
	t.Helper()
	s.Start(t)
	return filepath.Join(s.home, "certificates", "apiserver.crt")
}

// Namespace makes a namespace whose name begins with prefix.
func (s *KubernetesServer) Namespace(t *testing.T, prefix string) string {
	t.Helper()
	var made struct {
		Metadata struct{ Name string }
	}
	s.Must(t, http.MethodPost, "/api/v1/namespaces", map[string]any{"metadata": map[string]any{"generateName": prefix + "-"}}, &made)
	return made.Metadata.Name
}

// User returns somebody new who may do what the rules say in one namespace; in all of them, and with what is in none, where namespace is empty.
func (s *KubernetesServer) User(t *testing.T, namespace string, rules ...KubernetesRule) KubernetesUser {
	t.Helper()
	s.Start(t)
	var u KubernetesUser
	select {
	case n := <-s.users:
		u = kubernetesUser(n)
	default:
		t.Fatalf("all %d users are taken", kubernetesUsers)
	}
	s.Allow(t, u, namespace, rules...)
	return u
}

// Allow lets a user do what the rules say, beside what the user was let do before.
func (s *KubernetesServer) Allow(t *testing.T, u KubernetesUser, namespace string, rules ...KubernetesRule) {
	t.Helper()
	const api = "/apis/rbac.authorization.k8s.io/v1"
	if len(rules) == 0 {
		return
	}
	path, kind := api, "ClusterRole"
	if namespace != "" {
		path, kind = api+"/namespaces/"+namespace, "Role"
	}
	var role struct {
		Metadata struct{ Name string }
	}
	meta := map[string]any{"generateName": u.Name + "-"}
	s.Must(t, http.MethodPost, path+"/"+strings.ToLower(kind)+"s", map[string]any{"metadata": meta, "rules": rules}, &role)
	s.Must(t, http.MethodPost, path+"/"+strings.ToLower(kind)+"bindings", map[string]any{
		"metadata": meta,
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role.Metadata.Name},
		"subjects": []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": u.Name}},
	}, nil)
}

// Kubeconfig writes a kubeconfig for a user, and returns its path. Its only context, the current one, is called "test", and is in the namespace, which may be empty.
func (s *KubernetesServer) Kubeconfig(t *testing.T, u KubernetesUser, namespace string) string {
	t.Helper()
	config, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": []any{map[string]any{"name": "server", "cluster": map[string]any{"server": s.URL(t), "certificate-authority": s.CAFile(t)}}},
		"users":    []any{map[string]any{"name": u.Name, "user": map[string]any{"token": u.Token}}},
		"contexts": []any{map[string]any{"name": "test", "context": map[string]any{"cluster": "server", "user": u.Name, "namespace": namespace}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Do makes a request as the admin, behind the back of what is tested. A body that is not nil is sent as JSON: a patch as a merge patch.
func (s *KubernetesServer) Do(t *testing.T, method, path string, body any) (status int, answer []byte) {
	t.Helper()
	s.Start(t)
	status, answer, err := s.do(context.WithoutCancel(t.Context()), method, path, body) // a test's cleanup may call, too
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// Must makes a request as Do does, reads the answer into a value unless that is nil, and fails the test unless the request succeeds.
func (s *KubernetesServer) Must(t *testing.T, method, path string, body, into any) {
	t.Helper()
	status, answer := s.Do(t, method, path, body)
	if status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: HTTP status %d: %s", method, path, status, answer)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatal(err)
		}
	}
}

// Close stops the server and its etcd, if they were started.
func (s *KubernetesServer) Close() {
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
	for _, stop := range s.stop {
		stop()
	}
	if s.home != "" {
		_ = os.RemoveAll(s.home) // a temporary folder
	}
	s.url, s.home, s.client, s.stop = "", "", nil, nil
}

func (s *KubernetesServer) do(ctx context.Context, method, path string, body any) (int, []byte, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+KubernetesAdmin().Token)
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}
