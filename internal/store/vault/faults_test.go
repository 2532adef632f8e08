package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func TestAWrongMountIsNoEmptyOne(t *testing.T) {
	p := newPlace(t)
	p.must("POST", "sys/mounts/v1-"+p.mount, `{"type":"kv","options":{"version":"1"}}`)
	p.must("POST", "sys/mounts/transit-"+p.mount, `{"type":"transit"}`)
	for mount, texts := range map[string][]string{
		"no-" + p.mount:      {"nothing is mounted at", "correct mount:"},
		"v1-" + p.mount:      {"is KV v1: secretsync needs version 2"},
		p.mount + "/folder":  {"the mount is " + p.mount, "prefix:"},
		"transit-" + p.mount: {"transit-" + p.mount},
	} {
		s := open(t, impatient, fmt.Sprintf("{address: %q, mount: %s}", p.addr, mount))
		_, err := sourceOf(t, s).List(t.Context())
		wantErr(t, err, store.ErrInvalid, texts...)
		_, err = sourceOf(t, s).Stat(t.Context(), "app/db")
		wantErr(t, err, store.ErrInvalid, texts...)
		wantErr(t, sourceOf(t, s).Read(t.Context(), []secret.Name{"app/db"})[0].Err, store.ErrInvalid, texts...)
		_, err = destinationOf(t, s).Write(t.Context(), write("app/db", 1, nil))
		wantErr(t, err, store.ErrInvalid, texts...)
	}
}

func TestWhereTheMountCantBeSeenNothingIsTakenForAbsent(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	x.when(func(_, path string) (int, string) {
		if strings.HasPrefix(path, "sys/internal") {
			return 403, `{"errors":["preflight capability check returned 403"]}`
		}
		return 0, ""
	})
	p.addr = x.url
	src := sourceOf(t, open(t, impatient, p.settings("")))
	_, err := src.List(t.Context())
	wantErr(t, err, store.ErrNotPermitted, "whether the mount exists can't be seen")
	_, err = src.Stat(t.Context(), "app/db")
	wantErr(t, err, store.ErrNotPermitted)
	for _, body := range []string{"", "<html>not found</html>", `{"errors":["no handler for route \"x\". route entry not found."]}`, `{"errors":["namespace not found"]}`} {
		x.when(func(string, string) (int, string) { return 404, body })
		_, err := src.Stat(t.Context(), "app/db")
		if err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("a 404 with the body %q proves an absence: %v", body, err)
		}
		if all, err := src.List(t.Context()); err == nil {
			t.Errorf("a 404 with the body %q is an empty listing of %d", body, len(all))
		}
	}
}

func TestAPartialListingIsAnError(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"a/1", "a/2", "b/1"} {
		p.put(name, `{"a":1}`)
	}
	t.Setenv("VAULT_TOKEN", p.policy(`path "MOUNT/metadata/" { capabilities = ["list"] }
path "MOUNT/metadata/a/*" { capabilities = ["list", "read"] }`))
	_, err := sourceOf(t, open(t, impatient, p.settings(""))).List(t.Context())
	wantErr(t, err, store.ErrNotPermitted, `LIST "b/" in `, `a policy must grant list on "`+p.mount+`/metadata/b/"`)
	t.Setenv("VAULT_TOKEN", p.policy(`path "MOUNT/metadata/*" { capabilities = ["list"] }`))
	_, err = sourceOf(t, open(t, impatient, p.settings(""))).List(t.Context())
	wantErr(t, err, store.ErrNotPermitted, `GET metadata "`, `a policy must grant read on "`+p.mount+`/metadata/`)
}

func TestAServerThatCantAnswerIsWaitedForAndNeverEmpty(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	for i := range 20 {
		p.put(fmt.Sprintf("app/%02d", i), `{"a":1}`)
	}
	p.addr = x.url
	for _, test := range []struct {
		status int
		body   string
		kind   error
		text   string
	}{
		{412, `{"errors":["required index state not present"]}`, store.ErrUnavailable, "standby has not caught up"},
		{429, `{"errors":["request path \"x\": rate limit quota exceeded"]}`, store.ErrThrottled, "rate limit quota"},
		{472, "", store.ErrUnavailable, "disaster recovery"},
		{473, "", store.ErrUnavailable, "performance standby"},
		{500, `{"errors":["internal error"]}`, store.ErrUnavailable, "internal error"},
		{502, "<html>bad gateway</html>", store.ErrUnavailable, "HTTP status 502"},
		{503, `{"errors":["Vault is sealed"]}`, store.ErrUnavailable, "unseal it"},
		{400, `{"errors":["Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period"]}`, store.ErrUnavailable, "being upgraded"},
		{-1, "", store.ErrUnavailable, "is the address right"},
	} {
		src := sourceOf(t, open(t, impatient, p.settings("")))
		failures := 0
		x.when(func(_, path string) (int, string) { // in the middle of a listing
			if strings.Contains(path, "/app/1") && failures < 7 {
				failures++
				return test.status, test.body
			}
			return 0, ""
		})
		if all, err := src.List(t.Context()); err != nil || len(all) != 20 {
			t.Errorf("%d: got %d secrets, %v", test.status, len(all), err)
		}
		x.when(func(string, string) (int, string) { return test.status, test.body })
		all, err := src.List(t.Context())
		if len(all) != 0 {
			t.Errorf("%d: got %d secrets", test.status, len(all))
		}
		wantErr(t, err, test.kind, test.text)
		x.seen()
		_, err = src.Stat(t.Context(), "app/01")
		wantErr(t, err, test.kind)
		if calls := x.seen(); len(calls) != 1 {
			t.Errorf("%d: after a wait in vain the next call is tried %d times", test.status, len(calls))
		}
		x.when(nil)
		if all, err := src.List(t.Context()); err != nil || len(all) != 20 {
			t.Errorf("%d: afterwards %d secrets, %v", test.status, len(all), err)
		}
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	p := newPlace(t)
	x := newProxy(t, p.addr)
	x.when(func(string, string) (int, string) { return 503, `{"errors":["Vault is sealed"]}` })
	p.addr = x.url
	o := impatient
	o.Wait, o.MaxBackoff = time.Hour, time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := sourceOf(t, open(t, o, p.settings(""))).List(ctx)
	wantErr(t, err, context.DeadlineExceeded)
}

func TestAnUnreachableServerSaysSo(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "x")
	_, err := sourceOf(t, open(t, impatient, `{address: "http://127.0.0.1:1"}`)).List(t.Context())
	wantErr(t, err, store.ErrUnavailable, `LIST in 127.0.0.1:1/secret: unavailable: `, "connection refused", "does the server run?")
	_, err = sourceOf(t, open(t, impatient, `{address: "http://127.0.0.1:1"}`)).Stat(t.Context(), "a")
	wantErr(t, err, store.ErrUnavailable)
}

func TestACertificateThatNobodyKnowsSaysHowToNameItsAuthority(t *testing.T) {
	dir := t.TempDir()
	pair := selfSigned(t, dir)
	addr := storetest.StartVault(t, "https", `
disable_mlock = true
storage "inmem" {}
listener "tcp" {
  address = "%s"
  tls_cert_file = "`+pair.cert+`"
  tls_key_file = "`+pair.key+`"
}`)
	t.Setenv("VAULT_TOKEN", "x")
	list := func(settings string) error {
		src, err := open(t, impatient, settings).Source(t.Context(), nil)
		if err == nil {
			_, err = src.List(t.Context())
		}
		return err
	}
	wantErr(t, list(fmt.Sprintf("{address: %q}", addr)), store.ErrUnavailable, "tls.caFile or VAULT_CACERT")
	wantErr(t, list(fmt.Sprintf("{address: %q, tls: {caFile: %q, serverName: other}}", addr, pair.cert)), store.ErrUnavailable, "tls.serverName")
	wantErr(t, list(fmt.Sprintf("{address: %q}", strings.Replace(addr, "https", "http", 1))), store.ErrUnavailable, "https://")
	wantErr(t, list(fmt.Sprintf("{address: %q, tls: {caFile: /nowhere}}", addr)), store.ErrInvalid, "/nowhere")
	// It is trusted, and answers: it has not been initialized.
	wantErr(t, list(fmt.Sprintf("{address: %q, tls: {caFile: %q}}", addr, pair.cert)), store.ErrUnavailable, "sealed")
	wantErr(t, list(fmt.Sprintf("{address: %q, tls: {skipVerify: true}}", addr)), store.ErrUnavailable, "sealed")
	t.Setenv("VAULT_CACERT", pair.cert)
	wantErr(t, list(fmt.Sprintf("{address: %q}", addr)), store.ErrUnavailable, "sealed")

	front := httptest.NewServer(http.NotFoundHandler())
	defer front.Close()
	wantErr(t, list(fmt.Sprintf("{address: %q}", strings.Replace(front.URL, "http", "https", 1))), store.ErrUnavailable, "plain HTTP")
	wantErr(t, list(fmt.Sprintf("{address: %q}", front.URL)), store.ErrInvalid, "HTTP status 404", "not in Vault's form")
}

func TestASealedServerIsWaitedForUntilItIsUnsealed(t *testing.T) {
	newPlace(t) // skips where there is no Vault
	addr := storetest.StartVault(t, "http", `
disable_mlock = true
storage "inmem" {}
listener "tcp" {
  address = "%s"
  tls_disable = true
}`)
	p := place{addr: addr, mount: "kv", t: t}
	_, out := p.call("PUT", "sys/init", `{"secret_shares":1,"secret_threshold":1}`)
	keys, _ := out["keys"].([]any)
	p.token = fmt.Sprint(out["root_token"])
	unseal := func() { p.must("PUT", "sys/unseal", fmt.Sprintf(`{"key":%q}`, keys[0])) }
	unseal()
	p.must("POST", "sys/mounts/kv", `{"type":"kv","options":{"version":"2"}}`)
	for range 400 {
		if status, _ := p.call("GET", "kv/config", ""); status == http.StatusOK {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	for i := range 40 {
		p.put(fmt.Sprintf("app/%02d", i), `{"a":1}`)
	}
	t.Setenv("VAULT_TOKEN", p.token)
	x := newProxy(t, addr)
	unsealed := make(chan struct{})
	sealed := false
	x.when(func(_, path string) (int, string) { // sealed in the middle of the listing, unsealed when somebody was told so
		switch {
		case strings.HasSuffix(path, "/app/20") && !sealed:
			sealed = true
			p.must("PUT", "sys/seal", "")
			go func() {
				defer close(unsealed)
				time.Sleep(100 * time.Millisecond)
				unseal()
			}()
		}
		return 0, ""
	})
	o := impatient
	o.Wait = 20 * time.Second
	through := p
	through.addr = x.url
	all, err := sourceOf(t, open(t, o, through.settings(""))).List(t.Context())
	<-unsealed
	if err != nil || len(all) != 40 || !sealed {
		t.Errorf("got %d secrets, sealed: %t, %v", len(all), sealed, err)
	}
	p.must("PUT", "sys/seal", "")
	all, err = sourceOf(t, open(t, impatient, p.settings(""))).List(t.Context())
	wantErr(t, err, store.ErrUnavailable, "sealed", "unseal it")
	if len(all) != 0 {
		t.Errorf("got %d secrets", len(all))
	}
}

func TestTheOpenServerTakesNoNoticeOfANamespace(t *testing.T) {
	p := newPlace(t)
	p.put("app/db", `{"a":1}`)
	s := open(t, impatient, p.settings(", namespace: team/a"))
	m, err := sourceOf(t, s).Stat(t.Context(), "app/db")
	if err != nil || !strings.Contains(string(m.Identity), "/team/a/"+p.mount+"/app/db") {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestTheNamespaceIsSent(t *testing.T) {
	var got []string
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("X-Vault-Namespace")+" "+r.Header.Get("X-Vault-Token"))
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":["no handler for route \"x\""]}`))
	}))
	defer front.Close()
	t.Setenv("VAULT_TOKEN", "tok")
	t.Setenv("VAULT_NAMESPACE", "from-env")
	for _, more := range []string{"", ", namespace: team/a"} {
		_, err := sourceOf(t, open(t, impatient, fmt.Sprintf("{address: %q%s}", front.URL, more))).Stat(t.Context(), "a")
		wantErr(t, err, store.ErrInvalid, "namespace:")
	}
	if fmt.Sprint(got) != "[from-env tok team/a tok]" {
		t.Errorf("sent %q", got)
	}
}

func TestAnAnswerThatIsNotVaultsIsAnError(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "tok")
	for _, body := range []string{"", "{}", "[]", `{"data":{}}`, `{"data":{"current_version":1,"versions":{}}}`, `{"data":{"current_version":1,"versions":{"1":{"created_time":"x","deletion_time":"soon"}}}}`, canary} {
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		src := sourceOf(t, open(t, impatient, fmt.Sprintf("{address: %q}", front.URL)))
		_, err := src.Stat(t.Context(), "a")
		wantErr(t, err, nil)
		wantErr(t, src.Read(t.Context(), []secret.Name{"a"})[0].Err, nil)
		_, err = src.List(t.Context())
		wantErr(t, err, nil)
		if errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		front.CloseClientConnections()
		front.Close()
	}
}
