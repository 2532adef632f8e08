package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// posted is one request that a receiver got.
type posted struct {
	path   string
	header http.Header
	body   string
}

// receiver answers one code after the other, the last one for ever.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	got   []posted
	codes []int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.got = append(r.got, posted{req.RequestURI, req.Header, string(body)})
	code := r.codes[min(len(r.got), len(r.codes))-1]
	r.mu.Unlock()
	w.Header().Set("Location", "http://127.0.0.1/"+canary)
	w.WriteHeader(code)
	fmt.Fprintf(w, "%s %s %s", canary, req.URL, strings.Repeat("x", 1<<20))
}

func (r *receiver) requests() []posted {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]posted{}, r.got...)
}

func receive(t *testing.T, codes ...int) *receiver {
	t.Helper()
	r := &receiver{codes: codes}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// hookAt is a webhook at a URL whose path is a secret.
func hookAt(base string) Settings {
	return Settings{Webhook: &Webhook{URL: base + "/" + canary + "?token=" + canary, SecretEnv: "SECRET", AllowLocal: true}}
}

// signed computes a signature by HMAC's definition: H((K ^ opad) || H((K ^ ipad) || text)).
func signed(key, text string) string {
	pad := func(with byte) []byte {
		block := make([]byte, 64)
		copy(block, key)
		for i := range block {
			block[i] ^= with
		}
		return block
	}
	inner := sha256.Sum256(append(pad(0x36), text...))
	return fmt.Sprintf("v1=%x", sha256.Sum256(append(pad(0x5c), inner[:]...)))
}

func TestAWebhookGetsTheMessageSigned(t *testing.T) {
	r := receive(t, 204)
	if got := send(t, mustOpen(t, hookAt(r.URL), deps(t)), message()); got != "" {
		t.Fatal(got)
	}
	all := r.requests()
	if len(all) != 1 {
		t.Fatalf("%d requests", len(all))
	}
	h := all[0].header
	if h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "secretsync" || h.Get(HeaderDelivery) != "run-1" || h.Get(HeaderTimestamp) != fmt.Sprint(now.Unix()) {
		t.Errorf("headers %v", h)
	}
	if want := signed(canary, h.Get(HeaderTimestamp)+"."+all[0].body); !hmac.Equal([]byte(want), []byte(h.Get(HeaderSignature))) {
		t.Errorf("signature %s, want %s", h.Get(HeaderSignature), want)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(all[0].body), &got); err != nil {
		t.Fatal(err)
	}
	if got["runId"] != "run-1" || got["version"] != 1.0 || got["outcome"] != "failed" || got["failures"].([]any)[0].(map[string]any)["target"] != "spokes 222222222222/eu-west-1" {
		t.Errorf("got %s", all[0].body)
	}
}

func TestAMessageHasNoNullLists(t *testing.T) {
	r := receive(t, 200)
	send(t, mustOpen(t, hookAt(r.URL), deps(t)), Message{Outcome: Failed, Error: "no credentials"})
	if body := r.requests()[0].body; strings.Contains(body, "null") || strings.Contains(body, "omitted") {
		t.Errorf("got %s", body)
	}
}

func TestAWebhookThatFailsForAMomentIsTriedAgainWithTheSameDelivery(t *testing.T) {
	for _, codes := range [][]int{{500, 200}, {429, 503, 201}, {408, 200}} {
		r := receive(t, codes...)
		if got := send(t, mustOpen(t, hookAt(r.URL), deps(t)), message()); got != "" {
			t.Errorf("%v: %s", codes, got)
		}
		all := r.requests()
		if len(all) != len(codes) || all[0].header.Get(HeaderDelivery) != all[len(all)-1].header.Get(HeaderDelivery) || all[0].body != all[len(all)-1].body {
			t.Errorf("%v: %d requests", codes, len(all))
		}
	}
}

func TestWhatAWebhookAnswersIsToldByItsCodeOnly(t *testing.T) {
	for code, want := range map[int]struct {
		says     string
		requests int
	}{
		500: {"3 attempts: it answered 500 Internal Server Error", 3},
		429: {"3 attempts: it answered 429 Too Many Requests", 3},
		302: {"it answered 302 Found: redirects are not followed", 1},
		307: {"it answered 307 Temporary Redirect: redirects are not followed", 1},
		404: {"it answered 404 Not Found", 1},
		410: {"it answered 410 Gone", 1},
	} {
		r := receive(t, code)
		got := send(t, mustOpen(t, hookAt(r.URL), deps(t)), message())
		if host, _ := url.Parse(r.URL); got != "notify webhook "+host.Host+": "+want.says {
			t.Errorf("got %s", got)
		}
		if n := len(r.requests()); n != want.requests {
			t.Errorf("%d: %d requests", code, n)
		}
	}
}

func TestAWebhookThatDoesNotAnswerIsGivenUp(t *testing.T) {
	gone := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(gone) })
	d := deps(t)
	d.Timeout = 20 * time.Millisecond
	if got := send(t, mustOpen(t, hookAt(s.URL), d), message()); !strings.HasSuffix(got, ": 3 attempts: no answer within 20ms") {
		t.Errorf("got %s", got)
	}
	if got := send(t, mustOpen(t, hookAt("http://"+closedPort(t)), d), message()); !strings.Contains(got, "3 attempts: dial tcp 127.0.0.1:") || !strings.HasSuffix(got, "connection refused") {
		t.Errorf("got %s", got)
	}
}

func TestAnInterruptedNotificationEnds(t *testing.T) {
	r := receive(t, 500)
	d := deps(t)
	d.Backoff = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	errs := mustOpen(t, hookAt(r.URL), d).Send(ctx, message())
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "interrupted") {
		t.Errorf("got %v", errs)
	}
}

func TestAWebhookIsTrustedByItsCertificate(t *testing.T) {
	cert, file := certificate(t)
	r := &receiver{codes: []int{200}}
	r.Server = httptest.NewUnstartedServer(r)
	r.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	s := hookAt(r.URL)
	if got := send(t, mustOpen(t, s, deps(t)), message()); !strings.Contains(got, "its certificate is not trusted: x509:") || strings.Contains(got, "attempts") {
		t.Errorf("got %s", got)
	}
	s.Webhook.CAFile = file
	if got := send(t, mustOpen(t, s, deps(t)), message()); got != "" {
		t.Error(got)
	}
	plain := receive(t, 200)
	s.Webhook.URL = strings.Replace(plain.URL, "http:", "https:", 1)
	if got := send(t, mustOpen(t, s, deps(t)), message()); got == "" {
		t.Error("a server without TLS was sent to")
	}
}

// Which addresses are local is for package hook to know.
func TestALocalAddressIsRefusedWithWhatPermitsIt(t *testing.T) {
	local, metadata := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254")
	if err := checkAddress(local, false); err == nil || !strings.Contains(err.Error(), "allowLocal: true permits it") {
		t.Errorf("error %v", err)
	}
	if err := checkAddress(local, true); err != nil {
		t.Error(err)
	}
	if err := checkAddress(metadata, true); err == nil || strings.Contains(err.Error(), "allowLocal") {
		t.Errorf("error %v", err)
	}
}

func TestAnAddressIsCheckedWhenItIsResolved(t *testing.T) {
	r := receive(t, 200)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(r.URL, "http://"))
	s := Settings{Webhook: &Webhook{URL: "https://localhost:" + port + "/" + canary, SecretEnv: "SECRET"}}
	if got := send(t, mustOpen(t, s, deps(t)), message()); !strings.Contains(got, "not sent to") || !strings.Contains(got, "allowLocal") || strings.Contains(got, "attempts") {
		t.Errorf("got %s", got)
	}
	if n := len(r.requests()); n > 0 {
		t.Errorf("%d requests arrived", n)
	}
	check := control(true, true)
	if check("tcp4", "10.0.0.1:80", nil) == nil || check("tcp4", "127.0.0.1:80", nil) != nil {
		t.Error("plain http left this machine")
	}
}

func TestAProxyOfTheEnvironmentIsUsed(t *testing.T) {
	proxy := receive(t, 403)
	d := deps(t)
	d.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	got := send(t, mustOpen(t, Settings{Webhook: &Webhook{URL: "https://hooks.example.com/" + canary, SecretEnv: "SECRET"}}, d), message())
	if got == "" || len(proxy.requests()) == 0 || proxy.requests()[0].path != "hooks.example.com:443" {
		t.Errorf("got %q, the proxy %+v", got, proxy.requests())
	}
}

func TestHowLongAnAnswerAsksToWait(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 3 ": 3 * time.Second, "-1": 0, "soon": 0, now.Add(9 * time.Second).Format(http.TimeFormat): 9 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0,
		"99999999999999999999": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
