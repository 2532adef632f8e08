package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
	"github.com/secretsync-dev/secretsync/internal/store/vault"
)

const canary = "c4n4ry-0f-v4ult"

var server storetest.VaultServer

func TestMain(m *testing.M) {
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "VAULT_") {
			_ = os.Unsetenv(name) // the tests say what they need
		}
	}
	code := m.Run()
	server.Close()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// impatient are options for tests.
var impatient = vault.Options{Wait: 300 * time.Millisecond, MaxBackoff: 20 * time.Millisecond}

// open opens a store of settings, as YAML.
func open(t *testing.T, o vault.Options, settings string) store.Store {
	t.Helper()
	s, err := tryOpen(o, settings)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryOpen(o vault.Options, settings string) (store.Store, error) {
	return o.Driver(awscfg.New(awscfg.Options{})).Open(definition(settings))
}

func definition(settings string) store.Definition {
	return store.Definition{Name: "test", Decode: func(into any) error { return yaml.Load([]byte(settings), into, yaml.WithKnownFields()) }}
}

func sourceOf(t *testing.T, s store.Store, within ...string) store.Source {
	t.Helper()
	src, err := s.Source(t.Context(), within)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func destinationOf(t *testing.T, s store.Store) store.Destination {
	t.Helper()
	at, err := s.Home(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Destination(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// place is a mount of its own on the shared server, and acts there as root.
type place struct {
	addr, mount, token string
	t                  *testing.T
}

var mounts atomic.Int64

func newPlace(t *testing.T) place {
	t.Helper()
	addr := server.Addr(t)
	p := place{addr, fmt.Sprintf("kv%d", mounts.Add(1)), storetest.VaultRoot, t}
	p.must("POST", "sys/mounts/"+p.mount, `{"type":"kv","options":{"version":"2"}}`)
	// The engine is upgraded in the background; until then it answers 400.
	for range 400 {
		if status, _ := p.call("GET", p.mount+"/config", ""); status == http.StatusOK {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Setenv("VAULT_TOKEN", p.token)
	return p
}

// settings returns settings for the mount, with more lines of a flow mapping.
func (p place) settings(more string) string {
	return fmt.Sprintf("{address: %q, mount: %s%s}", p.addr, p.mount, more)
}

func (p place) call(method, path, body string, header ...string) (int, map[string]any) {
	p.t.Helper()
	u, err := url.Parse(p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	u.Path = "/v1/" + path
	req, err := http.NewRequestWithContext(context.WithoutCancel(p.t.Context()), method, u.String(), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", p.token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var out map[string]any
	_ = json.Unmarshal(data, &out) // some answers are empty
	return resp.StatusCode, out
}

func (p place) must(method, path, body string) map[string]any {
	p.t.Helper()
	status, out := p.call(method, path, body)
	if status >= 300 {
		p.t.Fatalf("%s %s: %d %v", method, path, status, out)
	}
	data, _ := out["data"].(map[string]any)
	return data
}

// put writes a JSON object and returns the version as a source shows it.
func (p place) put(name, object string) secret.Version {
	p.t.Helper()
	data := p.must("POST", p.mount+"/data/"+name, `{"data":`+object+`}`)
	return secret.Version(fmt.Sprintf("%v@%v", data["version"], data["created_time"]))
}

func (p place) metadata(name string) map[string]any {
	p.t.Helper()
	return p.must("GET", p.mount+"/metadata/"+name, "")
}

func (p place) custom(name string) map[string]any {
	p.t.Helper()
	m, _ := p.metadata(name)["custom_metadata"].(map[string]any)
	return m
}

// policy makes a token that a policy of HCL, in which MOUNT stands for the mount, is all that it has.
func (p place) policy(hcl string) (token string) {
	p.t.Helper()
	name := fmt.Sprintf("policy%d", mounts.Add(1))
	body, err := json.Marshal(map[string]string{"policy": strings.ReplaceAll(hcl, "MOUNT", p.mount)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.must("PUT", "sys/policies/acl/"+name, string(body))
	return p.newToken(fmt.Sprintf(`{"policies":[%q],"no_default_policy":true,"ttl":"1h"}`, name))
}

func (p place) newToken(request string) string {
	p.t.Helper()
	_, out := p.call("POST", "auth/token/create", request)
	return tokenIn(p.t, out)
}

func tokenIn(t *testing.T, out map[string]any) string {
	t.Helper()
	auth, _ := out["auth"].(map[string]any)
	token, _ := auth["client_token"].(string)
	if token == "" {
		t.Fatalf("no token in %v", out)
	}
	return token
}

// backdoor is a place as storetest acts on it.
type backdoor struct{ place }

func (p backdoor) Put(t *testing.T, name secret.Name, v secret.Value) secret.Version {
	t.Helper()
	body, err := json.Marshal(map[string]string{"value": string(v.Reveal())})
	if err != nil {
		t.Fatal(err)
	}
	return p.put(string(name), string(body))
}

func (p backdoor) Plant(t *testing.T, _ secret.Name, _ secret.Version, _ secret.Value) {
	t.Fatal("Vault gives its own numbers")
}
func (p backdoor) MoveCurrent(t *testing.T, _ secret.Name, _ secret.Version) {
	t.Fatal("Vault gives its own numbers")
}
func (p backdoor) Describe(t *testing.T, _ secret.Name, _ string) { t.Fatal("Vault has none") }

func (p backdoor) Tag(t *testing.T, name secret.Name, tags map[string]string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"custom_metadata": tags})
	if err != nil {
		t.Fatal(err)
	}
	if status, out := p.call("PATCH", p.mount+"/metadata/"+string(name), string(body), "Content-Type", "application/merge-patch+json"); status >= 300 {
		t.Fatal(status, out)
	}
}

func (p backdoor) Schedule(t *testing.T, name secret.Name) {
	t.Helper()
	p.must("DELETE", p.mount+"/data/"+string(name), "")
}

func (p backdoor) Remove(t *testing.T, name secret.Name) {
	t.Helper()
	p.must("DELETE", p.mount+"/metadata/"+string(name), "")
}

func (p backdoor) Value(t *testing.T, name secret.Name) (secret.Value, secret.Version) {
	t.Helper()
	out := p.must("GET", p.mount+"/data/"+string(name), "")
	meta, _ := out["metadata"].(map[string]any)
	data, _ := out["data"].(map[string]any)
	custom, _ := meta["custom_metadata"].(map[string]any)
	at := secret.Version(fmt.Sprintf("%v@%v", meta["version"], meta["created_time"]))
	if custom["secretsync:written"] == fmt.Sprint(meta["version"]) {
		at = secret.Version(fmt.Sprint(custom["secretsync:version"]))
	}
	return secret.Text([]byte(fmt.Sprint(data["value"]))), at
}

func (p backdoor) Versions(t *testing.T, name secret.Name) int {
	t.Helper()
	versions, _ := p.metadata(string(name))["versions"].(map[string]any)
	return len(versions)
}

// proxy stands between a driver and the server: it counts calls, and may answer some itself.
type proxy struct {
	url string

	mu    sync.Mutex
	calls []string // "GET kv1/metadata/app/db", "LIST kv1/metadata/app"
	// refuse answers a call itself, with that status and body; nil and 0: the server answers. -1 cuts the connection, -2 does so after the server has answered.
	refuse func(method, path string) (int, string)
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	reverse := httputil.NewSingleHostReverseProxy(u)
	transport := &http.Transport{}
	reverse.Transport = transport
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path := r.Method, strings.TrimPrefix(r.URL.Path, "/v1/")
		if r.URL.Query().Get("list") == "true" {
			method = "LIST"
		}
		p.mu.Lock()
		p.calls = append(p.calls, method+" "+path)
		refuse := p.refuse
		status, body := 0, ""
		if refuse != nil {
			status, body = refuse(method, path)
		}
		p.mu.Unlock()
		switch {
		case status == -1:
			panic(http.ErrAbortHandler)
		case status == -2:
			reverse.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case status != 0:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.Copy(w, bytes.NewReader([]byte(body))) // the client may be gone
		default:
			reverse.ServeHTTP(w, r)
		}
	}))
	p.url = front.URL
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// when makes the proxy answer, from now on.
func (p *proxy) when(refuse func(method, path string) (int, string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// seen returns the calls since it was last asked.
func (p *proxy) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

// count returns how many of calls begin with text.
func count(calls []string, text string) (n int) {
	for _, c := range calls {
		if strings.HasPrefix(c, text) {
			n++
		}
	}
	return n
}

// wantErr fails unless err is of a kind, says what it should, and holds no value.
func wantErr(t *testing.T, err, kind error, texts ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("got the error %v, want one of kind %q", err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Error("the error holds the value")
	}
}

// id is the version that test writes write, and mark their mark.
func id(n int) secret.Version {
	return secret.Version(fmt.Sprintf("%08x-0000-4000-8000-00000000cafe", n))
}

var mark = secret.Mark{Owner: "platform-test", Sync: "app", Source: "sm/111111111111/us-east-1/app/db"}

func write(name string, n int, have *secret.Copy) store.Write {
	return store.Write{
		Name: secret.Name(name), Have: have, Versions: []secret.Version{id(n)}, Mark: mark, Tags: map[string]string{"team": "a"},
		Value: secret.Text(fmt.Appendf(nil, `{"password":"%s%d"}`, canary, n)),
	}
}

func mustWrite(t *testing.T, d store.Destination, w store.Write) secret.Copy {
	t.Helper()
	c, err := d.Write(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustStat(t *testing.T, d store.Destination, name string) *secret.Copy {
	t.Helper()
	c, err := d.Stat(t.Context(), secret.Name(name))
	if err != nil {
		t.Fatal(err)
	}
	return &c
}
