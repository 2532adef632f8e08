package vault_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/all"
	"github.com/secretsync-dev/secretsync/internal/store/vault"
)

func TestSettingsAreChecked(t *testing.T) {
	for _, test := range []struct{ settings, want string }{
		{`{}`, ""},
		{`{address: "https://vault.example.com:8200", namespace: /team/a/, mount: secret/, prefix: hybrid/, textKey: v}`, ""},
		{`{address: "unix:///run/vault.sock"}`, ""},
		{`{tls: {caFile: a, caPath: b, serverName: c, clientCert: d, clientKey: e, skipVerify: true}}`, ""},
		{`{auth: {method: approle, roleId: r, secretIdFile: f}}`, ""},
		{`{auth: {method: approle, roleId: r, secretIdEnv: MY_ID}}`, ""},
		{`{auth: {method: aws, role: r, serverId: s, region: eu-west-1, path: aws-prod}}`, ""},
		{`{auth: {method: kubernetes, role: r}}`, ""},
		{`{auth: {method: jwt, jwtFile: f}}`, ""},
		{`{connection: {store: hub, secret: vault-connection-secret}}`, ""},
		{`{connection: {store: hub, secret: c}, auth: {method: aws}}`, ""},
		{`{address: vault:8200}`, "address"},
		{`{address: "https://user:pass@vault:8200"}`, "address"},
		{`{mount: a//b}`, "mount"},
		{`{mount: ../sys}`, "mount"},
		{`{prefix: /app}`, "prefix"},
		{`{prefix: app/../x/}`, "prefix"},
		{`{namespace: "a b"}`, "namespace"},
		{`{tls: {clientCert: a}}`, "clientKey"},
		{`{auth: {method: ldap}}`, "auth.method"},
		{`{auth: {method: approle}}`, "auth.roleId is missing"},
		{`{auth: {method: approle, roleId: r, secretIdFile: f, secretIdEnv: E}}`, "give one of them"},
		{`{auth: {method: approle, roleId: r, secretIdEnv: "a b"}}`, "secretIdEnv"},
		{`{auth: {method: kubernetes}}`, "auth.role is missing"},
		{`{auth: {method: jwt}}`, "auth.jwtFile is missing"},
		{`{auth: {role: r}}`, "auth.role"},
		{`{auth: {method: aws, region: nowhere}}`, "auth.region"},
		{`{connection: {store: hub}}`, "connection"},
		{`{connection: {store: hub, secret: c}, address: "http://a:1"}`, "address and connection"},
		{`{connection: {store: hub, secret: c}, auth: {tokenFile: f}}`, "tokenFile and connection"},
		{`{token: x}`, "token"},
	} {
		_, err := tryOpen(impatient, test.settings)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.settings, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %q in it", test.settings, err, test.want)
		}
	}
}

func TestThePlaceComesFromSettingsAndEnvironment(t *testing.T) {
	t.Setenv("VAULT_ADDR", "https://Vault.example.com")
	t.Setenv("VAULT_NAMESPACE", "team/")
	for settings, want := range map[string]secret.Place{
		`{}`: {Kind: secret.Vault, Host: "vault.example.com:443", Namespace: "team", Mount: "secret"},
		`{address: "http://10.0.0.1:8200/x", namespace: a/b, mount: kv/x/}`: {Kind: secret.Vault, Host: "10.0.0.1:8200", Namespace: "a/b", Mount: "kv/x"},
		`{connection: {store: hub, secret: c}, namespace: a}`:               {Kind: secret.Vault, Namespace: "a", Mount: "secret"},
	} {
		if at, one := open(t, impatient, settings).Fixed(); at != want || !one {
			t.Errorf("%s: got %+v", settings, at)
		}
	}
}

func TestWithoutAnAddressNothingIsGuessed(t *testing.T) {
	_, err := open(t, impatient, `{}`).Home(t.Context())
	wantErr(t, err, store.ErrInvalid, "VAULT_ADDR")
}

func TestCopiesGetThePrefix(t *testing.T) {
	for settings, want := range map[string]secret.Name{`{}`: "app/db", `{prefix: aws/}`: "aws/app/db"} {
		if got := open(t, impatient, settings).CopyName("/app/db"); got != want {
			t.Errorf("%s: got %s", settings, got)
		}
	}
}

func TestADestinationOpensOnlyWhereTheStoreIs(t *testing.T) {
	s := open(t, impatient, `{address: "http://127.0.0.1:1", mount: kv}`)
	if _, err := s.Destination(t.Context(), secret.Place{Kind: secret.Vault, Host: "127.0.0.1:1", Mount: "kv"}); err != nil {
		t.Error(err)
	}
	_, err := s.Destination(t.Context(), secret.Place{Kind: secret.Vault, Host: "127.0.0.1:1", Mount: "other"})
	wantErr(t, err, store.ErrInvalid)
}

func TestTheSchemaNamesAndDescribesEverySetting(t *testing.T) {
	r, err := all.Drivers(awscfg.New(awscfg.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	d, ok := r.Driver(vault.Type)
	if !ok {
		t.Fatal("not registered")
	}
	var keys []string
	for key, property := range d.Schema {
		keys = append(keys, key)
		if m, _ := property.(map[string]any); m["description"] == nil {
			t.Errorf("%s has no description", key)
		}
	}
	slices.Sort(keys)
	if want := []string{"address", "auth", "connection", "mount", "namespace", "prefix", "textKey", "tls"}; !slices.Equal(keys, want) {
		t.Errorf("got %q", keys)
	}
}

// connected opens a store whose connection is read from a secret that lookup returns.
func connected(t *testing.T, more string, lookup func() (string, error)) store.Store {
	t.Helper()
	d := definition("{connection: {store: hub, secret: app/vault-connection-secret}" + more + "}")
	d.Lookup = func(_ context.Context, ref store.Ref) (secret.Value, error) {
		if ref != (store.Ref{Store: "hub", Secret: "app/vault-connection-secret"}) {
			t.Errorf("asked for %+v", ref)
		}
		text, err := lookup()
		return secret.Text([]byte(text)), err
	}
	s, err := impatient.Driver(awscfg.New(awscfg.Options{})).Open(d)
	if err != nil {
		t.Fatal(err)
	}
	if refs := s.(store.Dependent).Reads(); len(refs) != 1 || refs[0].Secret != "app/vault-connection-secret" {
		t.Errorf("it depends on %+v", refs)
	}
	return s
}

func TestAConnectionThatCantBeReadSaysWhyAndQuotesNothing(t *testing.T) {
	for text, want := range map[string]string{
		canary:                                  "is not such JSON",
		`{"vaultToken":"` + canary + `"}`:       "has no vaultAddress",
		`{"vaultAddress":"http://127.0.0.1:1"}`: "has no vaultToken",
		`{"vaultAddress":"` + canary + `","vaultToken":"` + canary + `"}`: "no usable vaultAddress",
	} {
		_, err := connected(t, "", func() (string, error) { return text, nil }).Home(t.Context())
		wantErr(t, err, store.ErrInvalid, want)
	}
	_, err := connected(t, "", func() (string, error) {
		return "", &store.Error{Op: "GetSecretValue", Kind: store.ErrNotPermitted, Err: errors.New("no")}
	}).Home(t.Context())
	wantErr(t, err, store.ErrNotPermitted, "app/vault-connection-secret")
}

func TestAddressAndTokenComeFromASecretThatIsReadOnce(t *testing.T) {
	p := newPlace(t)
	t.Setenv("VAULT_TOKEN", "")
	p.put("app/db", `{"a":1}`)
	reads, token := 0, p.policy(reader)
	s := connected(t, ", mount: "+p.mount, func() (string, error) {
		reads++
		return `{"vaultAddress": "` + p.addr + `", "vaultToken": "` + token + `"}`, nil
	})
	src := sourceOf(t, s)
	for range 2 {
		if all, err := src.List(t.Context()); err != nil || len(all) != 1 {
			t.Fatal(err, len(all))
		}
	}
	if reads != 1 {
		t.Errorf("the secret was read %d times", reads)
	}
	p.must("POST", "auth/token/revoke", `{"token":"`+token+`"}`)
	token = p.policy(reader)
	if _, err := src.List(t.Context()); err != nil || reads != 2 {
		t.Errorf("a token that was replaced in the secret: %v, %d reads", err, reads)
	}
}
