package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

const canary = "canary-7f3a"

func TestNoWayOfPrintingShowsAValue(t *testing.T) {
	v := secret.Text([]byte(canary))
	inside := struct {
		Name  string
		value secret.Value
		Shown secret.Value
	}{"n", v, v}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", v)
		fmt.Fprintf(&out, verb+"\n", &v)
		fmt.Fprintf(&out, verb+"\n", inside)
		fmt.Fprintf(&out, verb+"\n", []secret.Value{v})
	}
	data, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", v, "inside", inside)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", v, "inside", inside)
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Errorf("the value shows:\n%s", out.String())
	}
}

func TestAnEmptyValueIsAValueAndKindsDiffer(t *testing.T) {
	if secret.Text(nil).IsZero() || !(secret.Value{}).IsZero() {
		t.Error("an empty value is not the same as no value")
	}
	if secret.Text([]byte("a")).Equal(secret.Binary([]byte("a"))) || !secret.Text([]byte("a")).Equal(secret.Text([]byte("a"))) {
		t.Error("values are equal where bytes and kind are")
	}
	v := secret.Text([]byte(canary))
	data := v.Reveal()
	v.Wipe()
	if bytes.Contains(data, []byte("canary")) {
		t.Error("a wiped value still holds its bytes")
	}
}

func TestTokensDependOnEverythingButTheValue(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := secret.Input{Identity: "sm/1/us-east-1/a", Version: "v1", Created: at}
	tokens := secret.Tokens("me", []secret.Input{in}, "")
	if len(tokens) != secret.MaxGeneration+1 || tokens[0] != "v1" {
		t.Fatalf("got %v, want the source's own version first and %d more", tokens, secret.MaxGeneration)
	}
	seen := map[secret.Version]bool{}
	other := in
	other.Version = "v2"
	later := in
	later.Created = at.Add(time.Hour)
	for _, v := range append(append(append(secret.Tokens("you", []secret.Input{in}, "")[1:], tokens...), secret.Tokens("me", []secret.Input{other}, "")[1:]...), secret.Tokens("me", []secret.Input{later}, "")[1:]...) {
		if seen[v] {
			t.Errorf("%s stands for two things", v)
		}
		seen[v] = true
	}
	zone := in
	zone.Created = at.In(time.FixedZone("x", 3600))
	if secret.Tokens("me", []secret.Input{zone}, "")[1] != tokens[1] {
		t.Error("the same moment in another zone gives another token")
	}
	// The form is fixed: copies in the field carry it.
	if got := tokens[1]; got != "f60ccb72-edac-5a3c-bc5b-c7008b2e70c3" {
		t.Errorf("the token of a generation has changed to %s: copies would be written anew", got)
	}
}

func TestOnlyTheCopyOfOneSecretsManagerSecretAsItIsCarriesItsVersion(t *testing.T) {
	sm := secret.Input{Identity: "sm/1/us-east-1/a", Version: "v1"}
	vault := secret.Input{Identity: "vault/h/secret/a", Version: "v1"}
	for name, tokens := range map[string][]secret.Version{
		"another kind": secret.Tokens("me", []secret.Input{vault}, ""),
		"shaped":       secret.Tokens("me", []secret.Input{sm}, "f"),
		"of two":       secret.Tokens("me", []secret.Input{sm, vault}, "f"),
	} {
		if len(tokens) != secret.MaxGeneration+1 || tokens[0] == "v1" || tokens[0] == tokens[1] {
			t.Errorf("%s: got %v", name, tokens)
		}
	}
	if secret.Tokens("me", []secret.Input{sm}, "f")[0] == secret.Tokens("me", []secret.Input{sm}, "g")[0] {
		t.Error("another fingerprint is the same token")
	}
}

func TestAnIdentityTellsItsNameAtItsPlaceOnly(t *testing.T) {
	at := secret.Place{Kind: secret.Vault, Host: "vault.example.com:8200", Mount: "team/kv"}
	id := secret.NewIdentity(at, "app/db")
	if name, ok := id.NameAt(at); !ok || name != "app/db" || id != "vault/vault.example.com:8200/team/kv/app/db" {
		t.Errorf("got %q, %t of %s", name, ok, id)
	}
	if _, ok := id.NameAt(secret.Place{Kind: secret.Vault, Host: "vault.example.com:8200", Mount: "other"}); ok {
		t.Error("it has a name at another place")
	}
	cut := secret.Identity(secret.NewIdentity(at, secret.Name(strings.Repeat("a", 300))).Tag())
	if _, ok := cut.NameAt(at); ok {
		t.Error("an identity that is cut short has a name")
	}
}

func TestAnIdentityFitsATag(t *testing.T) {
	long := secret.Identity("sm/111111111111/us-east-1/" + strings.Repeat("a", 300))
	bang := secret.Identity("sm/111111111111/us-east-1/what!now")
	for _, id := range []secret.Identity{long, bang} {
		tag := id.Tag()
		if len(tag) > 256 || tag == string(id) || strings.Contains(tag, "!") {
			t.Errorf("%s becomes %s", id, tag)
		}
	}
	if got := bang.Tag(); !strings.HasPrefix(got, "sm/111111111111/us-east-1/what") || len(got) != len("sm/111111111111/us-east-1/what")+32 {
		t.Errorf("got %s, want the allowed prefix and 32 hex digits", got)
	}
	if long.Tag() == (long + "b").Tag() {
		t.Error("two long identities have one tag")
	}
	plain := secret.NewIdentity(secret.Place{Kind: secret.SecretsManager, Account: "111111111111", Region: "us-east-1"}, "app/db")
	if plain.Tag() != "sm/111111111111/us-east-1/app/db" || plain.Name() != "app/db" {
		t.Errorf("got %s and name %s", plain.Tag(), plain.Name())
	}
}

func TestOnlyTwelveDigitsAreAnAccount(t *testing.T) {
	for id, want := range map[secret.AccountID]bool{"012345678901": true, "12345678901": false, "1234567890123": false, "12345678901a": false, "": false, "１２３４": false} {
		if id.Valid() != want {
			t.Errorf("%q: got %t", id, !want)
		}
	}
}
