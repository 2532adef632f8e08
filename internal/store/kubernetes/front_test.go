package kubernetes_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// front stands in front of the server. It takes note of every request, and fails the test where an answer that is no read of one Secret holds the canary.
type front struct {
	t      *testing.T
	url    string
	ca     []byte
	client *http.Client
	close  func() // nobody is there any more

	mu     sync.Mutex
	calls  []string
	answer func(r *http.Request) *reply // nil: the server answers
}

// reply is an answer in the place of the server. Status -1 breaks the connection before the server sees the request, -2 after it has answered.
type reply struct {
	status int
	body   string
}

// failure is a Status of the API's, whose message holds the canary.
func failure(status int, reason string) *reply {
	return &reply{status, fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":%q,"reason":%q,"code":%d}`, canary, reason, status)}
}

func newFront(t *testing.T) *front {
	t.Helper()
	authority, err := os.ReadFile(server.CAFile(t))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	to, err := url.Parse(server.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	f := &front{t: t}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ModifyResponse: f.look}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, proxy) }))
	f.url, f.ca, f.client = s.URL, encodePEM(s.Certificate()), s.Client()
	f.close = sync.OnceFunc(func() {
		s.CloseClientConnections()
		s.Close()
		transport.CloseIdleConnections()
	})
	t.Cleanup(f.close)
	return f
}

func (f *front) serve(w http.ResponseWriter, r *http.Request, proxy http.Handler) {
	f.mu.Lock()
	f.calls = append(f.calls, call(r))
	answer := f.answer
	f.mu.Unlock()
	var instead *reply
	if answer != nil {
		instead = answer(r)
	}
	switch {
	case instead == nil:
		proxy.ServeHTTP(w, r)
	case instead.status == -2:
		proxy.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case instead.status == -1:
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(instead.status)
		_, _ = io.WriteString(w, instead.body)
	}
}

// look is at every answer of the server.
func (f *front) look(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	whole := resp.Request.Method == http.MethodGet && !strings.Contains(resp.Request.Header.Get("Accept"), "PartialObjectMetadata")
	if resp.StatusCode < 300 && !whole && (bytes.Contains(body, []byte(canary)) || bytes.Contains(body, []byte(`"data"`))) {
		f.t.Errorf("%s: the answer holds data", call(resp.Request))
	}
	return nil
}

// call is a request in short: "PATCH secrets/app.db", with "apply" for a server-side apply and "read" for a GET of a whole Secret.
func call(r *http.Request) string {
	method := r.Method
	switch {
	case strings.Contains(r.Header.Get("Content-Type"), "apply-patch"):
		method = "APPLY"
	case method == http.MethodGet && strings.Contains(r.URL.Path, "/secrets/") && !strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadata"):
		method = "READ"
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for i, p := range parts {
		if p == "namespaces" && i+2 < len(parts) {
			return method + " " + strings.Join(parts[i+2:], "/")
		}
	}
	return method + " " + strings.Join(parts[len(parts)-1:], "/")
}

func encodePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// seen returns the requests since the last time.
func (f *front) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// when sets who answers: nil for the server.
func (f *front) when(answer func(r *http.Request) *reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// kubeconfig leads a user to the server through the front.
func (f *front) kubeconfig(u storetest.KubernetesUser, namespace string) string {
	config, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "test",
		"clusters": []any{map[string]any{"name": "server", "cluster": map[string]any{"server": f.url, "certificate-authority-data": f.ca}}},
		"users":    []any{map[string]any{"name": u.Name, "user": map[string]any{"token": u.Token}}},
		"contexts": []any{map[string]any{"name": "test", "context": map[string]any{"cluster": "server", "user": u.Name, "namespace": namespace}}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	file := filepath.Join(f.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return file
}
