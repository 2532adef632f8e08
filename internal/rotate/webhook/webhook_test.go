package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/webhook"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	canary = "CANARY-81f2-77aa" // in values, answers, and the URL's path
	key    = "a key of sixteen"
)

func text(s string) secret.Value { return secret.Text([]byte(s)) }

// maker stands for the engine of generated values.
type maker struct{ rotate.Engine }

func (maker) Next(context.Context, rotate.Change) (secret.Value, error) {
	return text("generated"), nil
}

// received is one request that an endpoint got.
type received struct {
	header http.Header
	body   string
}

// serve is an endpoint that answers always the same.
func serve(t *testing.T, status int, answer string, got *received) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got != nil {
			*got = received{r.Header, string(body)}
		}
		w.Header().Set("Location", "/"+canary)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/" + canary
}

func change(at string) rotate.Change {
	return rotate.Change{
		Place: secret.Place{Kind: secret.Vault, Host: "vault.example.com:8200", Mount: "kv"}, Name: "app", Current: text(canary), Pending: text(canary + "2"),
		Settings: rotate.Settings{Webhook: rotate.Webhook{URL: at}},
	}
}

func engine() rotate.Engine {
	return webhook.New(webhook.Options{Generate: maker{}, Now: func() time.Time { return time.Unix(1700000000, 0) }})
}

// steps are all but next.
func steps(e rotate.Engine) map[string]func(context.Context, rotate.Change) error {
	return map[string]func(context.Context, rotate.Change) error{"set": e.Set, "test": e.Test, "undo": e.Undo, "done": e.Done}
}

func TestAnEndpointIsToldOfAStepSigned(t *testing.T) {
	t.Setenv("HOOK_KEY", key)
	var got received
	c := change(serve(t, 200, "{}", &got))
	c.Webhook.Key = "HOOK_KEY"
	for name, do := range steps(engine()) {
		if err := do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte("1700000000." + got.body))
		if got.header.Get("X-SecretSync-Timestamp") != "1700000000" || got.header.Get("X-SecretSync-Signature") != "v1="+hex.EncodeToString(mac.Sum(nil)) || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", got.header)
		}
		var in struct {
			Version int
			Step    string
			Secret  map[string]string
			Current map[string]string
		}
		if err := json.Unmarshal([]byte(got.body), &in); err != nil || in.Version != 1 || in.Step != name || in.Current["text"] != canary || fmt.Sprint(in.Secret) != "map[host:vault.example.com:8200 mount:kv name:app store:vault]" {
			t.Errorf("%+v, %v", in, err)
		}
	}
	c.Webhook.Key = ""
	if err := engine().Set(t.Context(), c); err != nil || got.header.Get("X-SecretSync-Signature") != "" {
		t.Errorf("%v: %v", got.header, err)
	}
	for _, name := range []string{"HOOK_NONE", "HOOK_SHORT"} {
		t.Setenv("HOOK_SHORT", "CANARY")
		c.Webhook.Key, got = name, received{}
		if err := engine().Set(t.Context(), c); err == nil || errors.Is(err, rotate.ErrLost) || got.body != "" || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("without a key: %v", err)
		}
	}
}

func TestAnEndpointMakesTheValueOrLeavesThatToUs(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		want   secret.Value
	}{
		{200, `{"value":{"text":"made"}}`, text("made")}, {200, `{"value":{"base64":"/wA="}}`, secret.Binary([]byte{0xff, 0})}, {200, `{}`, text("generated")},
		{204, "", text("generated")}, {501, canary, text("generated")},
	} {
		if v, err := engine().Next(t.Context(), change(serve(t, c.status, c.answer, nil))); err != nil || !v.Equal(c.want) {
			t.Errorf("%d: %v", c.status, err)
		}
	}
}

func TestWhatAnEndpointAnswersHasOneMeaningAndIsNotQuoted(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		want   string
		kind   error
		lost   bool // set and undo may have done something
	}{
		{200, `{"denied":true}`, "the credential is refused", rotate.ErrDenied, false},
		{202, `{"away":true}`, "the service can't be reached", rotate.ErrAway, false},
		{501, canary, "it answered 501 to the step STEP: it does not do this step", nil, false},
		{503, canary, "it answered 503 to the step STEP: the service can't be reached", rotate.ErrAway, true},
		{504, canary, "it answered 504 to the step STEP: the service can't be reached", rotate.ErrAway, true},
		{400, canary, "it answered 400 to the step STEP", nil, true},
		{403, canary, "it answered 403 to the step STEP", nil, true},
		{500, canary, "it answered 500 to the step STEP", nil, true},
		{302, canary, "it answered 302: redirects are not followed", nil, true},
		{307, canary, "it answered 307: redirects are not followed", nil, true},
		{200, canary, "the answer is not the JSON object of this protocol", nil, true},
		{200, `{"value":{"text":"` + canary + `"}}`, "the answer has a value, which the step STEP has not", nil, true},
		{200, strings.Repeat(" ", 512<<10) + "{}", "its answer has more than 524288 bytes", nil, true},
	} {
		at := serve(t, c.status, c.answer, nil)
		u, _ := url.Parse(at)
		for step, do := range steps(engine()) {
			if step == "done" && c.status == 501 {
				continue
			}
			err := do(t.Context(), change(at))
			if err == nil || !strings.HasPrefix(err.Error(), "webhook "+u.Host+": "+strings.Replace(c.want, "STEP", step, 1)) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%d, %s: error %v, want %q", c.status, step, err, c.want)
			}
			if c.kind != nil && !errors.Is(err, c.kind) || errors.Is(err, rotate.ErrLost) != (c.lost && (step == "set" || step == "undo")) {
				t.Errorf("%d, %s: the kind of %v", c.status, step, err)
			}
		}
	}
}

func TestAnEndpointThatIsNotThereIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	at := "http://" + l.Addr().String() + "/" + canary
	if err := engine().Set(t.Context(), change(at)); !errors.Is(err, rotate.ErrAway) || errors.Is(err, rotate.ErrLost) || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("error %v", err)
	}
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(hang) })
	c := change(s.URL + "/" + canary)
	c.Webhook.Timeout = 50 * time.Millisecond
	if err := engine().Set(t.Context(), c); !errors.Is(err, rotate.ErrAway) || !errors.Is(err, rotate.ErrLost) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("error %v", err)
	}
	if err := engine().Test(t.Context(), c); !errors.Is(err, rotate.ErrAway) || errors.Is(err, rotate.ErrLost) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	c.Webhook.Timeout = 0
	if err := engine().Test(ctx, c); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("error %v", err)
	}
}

func TestValuesGoNowhereButToTheEndpointOverTLS(t *testing.T) {
	tls := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(tls.Close)
	tls.Config.ErrorLog = nil
	for at, want := range map[string]string{
		"http://hooks.example.com/" + canary:  "plain http is for this machine only",
		"https://169.254.169.254/" + canary:   "it is a metadata address",
		"https://[fe80::1]/" + canary:         "it is a link-local address",
		"https://u:" + canary + "@h.example/": "a user name or a password",
		"ftp://h.example/" + canary:           "must begin with https",
		canary:                                "not a URL with a host",
		"":                                    "not a URL with a host",
		tls.URL + "/" + canary:                "its certificate is not trusted",
	} {
		err := engine().Set(t.Context(), change(at))
		if err == nil || !strings.HasPrefix(err.Error(), "webhook") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") || errors.Is(err, rotate.ErrLost) || errors.Is(err, rotate.ErrAway) {
			t.Errorf("%s: error %v", at, err)
		}
	}
}
