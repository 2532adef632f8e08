package generate_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/generate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const canary = "CANARY-5e11-9c0a"

func text(s string) secret.Value { return secret.Text([]byte(s)) }

func change(current secret.Value, g rotate.Generate) rotate.Change {
	return rotate.Change{Name: "app/key", Current: current, Settings: rotate.Settings{Generate: g}}
}

// next makes a value, and makes sure that every other step takes it.
func next(t *testing.T, c rotate.Change) secret.Value {
	t.Helper()
	e := generate.New()
	v, err := e.Next(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Pending = v
	for range 2 {
		if err := errors.Join(e.Set(t.Context(), c), e.Test(t.Context(), c), e.Undo(t.Context(), c), e.Done(t.Context(), c)); err != nil {
			t.Errorf("its own value: %v", err)
		}
	}
	return v
}

func members(t *testing.T, v secret.Value) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal(v.Reveal(), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryKindIsMadeInItsForm(t *testing.T) {
	for kind, form := range map[string]string{
		"":         `^[!-~]{32}$`,
		"password": `^[!-~]{32}$`,
		"hex":      `^[0-9a-f]{64}$`,
		"base64":   `^[A-Za-z0-9+/]{43}=$`,
		"uuid":     `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		"ed25519":  `^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n$`,
		"rsa":      `^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n$`,
	} {
		g := rotate.Generate{Kind: kind}
		if kind == "rsa" {
			g.Length = 2048
		}
		c := change(text("old"), g)
		one, two := next(t, c), next(t, c)
		if !regexp.MustCompile(form).Match(one.Reveal()) || one.IsBinary() {
			t.Errorf("%q is not of its form: %d bytes", kind, one.Size())
		}
		if one.Equal(two) {
			t.Errorf("%q twice the same", kind)
		}
	}
}

func TestLengthsAreKept(t *testing.T) {
	if v := next(t, change(text("old"), rotate.Generate{Kind: "hex", Length: 16})); v.Size() != 32 {
		t.Errorf("%d digits", v.Size())
	}
	raw, err := base64.StdEncoding.DecodeString(string(next(t, change(text("old"), rotate.Generate{Kind: "base64", Length: 48})).Reveal()))
	if err != nil || len(raw) != 48 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	if v := next(t, change(text("old"), rotate.Generate{Length: 50, NoPunctuation: true})); !regexp.MustCompile(`^[A-Za-z0-9]{50}$`).Match(v.Reveal()) {
		t.Errorf("%d characters", v.Size())
	}
	block, _ := pem.Decode(next(t, change(text("old"), rotate.Generate{Kind: "rsa", Length: 4096})).Reveal())
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil || key.(*rsa.PrivateKey).N.BitLen() != 4096 {
		t.Errorf("%v", err)
	}
	for _, g := range []rotate.Generate{
		{Kind: "hex", Length: 7}, {Kind: "hex", Length: -1}, {Kind: "base64", Length: 16385}, {Kind: "rsa", Length: 1024}, {Kind: "rsa", Length: 16384}, {Kind: "rsa", Length: 2049},
	} {
		if _, err := generate.New().Next(t.Context(), change(text("old"), g)); err == nil || !strings.Contains(err.Error(), "length must be from") {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

func TestAMemberIsReplacedAndTheOthersStay(t *testing.T) {
	old := `{"user":"a","password":"` + canary + `","port":5432,"big":12345678901234567890,"deep":{"x":[1,null]}}`
	v := next(t, change(text(old), rotate.Generate{}))
	m := members(t, v)
	if pw, _ := m["password"].(string); len(pw) != 32 || m["user"] != "a" || m["port"] != 5432.0 || !strings.Contains(string(v.Reveal()), "12345678901234567890") || fmt.Sprint(m["deep"]) != "map[x:[1 <nil>]]" {
		t.Errorf("%d members", len(m))
	}
	m = members(t, next(t, change(text(old), rotate.Generate{Kind: "hex", Key: "apiKey"})))
	if m["password"] != canary || len(m["apiKey"].(string)) != 64 {
		t.Errorf("%d members", len(m))
	}
}

func TestAKeyPairHasItsPublicHalfBesideIt(t *testing.T) {
	g := rotate.Generate{Kind: "ed25519", Key: "private", PublicKey: "public"}
	c := change(text(`{"name":"n"}`), g)
	v := next(t, c)
	m := members(t, v)
	private, _ := pem.Decode([]byte(m["private"].(string)))
	public, _ := pem.Decode([]byte(m["public"].(string)))
	key, err := x509.ParsePKCS8PrivateKey(private.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	half, err := x509.ParsePKIXPublicKey(public.Bytes)
	if err != nil || !key.(ed25519.PrivateKey).Public().(ed25519.PublicKey).Equal(half) || m["name"] != "n" {
		t.Errorf("not a pair: %v", err)
	}
	other := members(t, next(t, c))
	other["private"] = m["private"]
	mixed, _ := json.Marshal(other)
	c.Pending = secret.Text(mixed)
	if err := generate.New().Test(t.Context(), c); !errors.Is(err, rotate.ErrForm) || !strings.Contains(err.Error(), `"public" does not go with`) {
		t.Errorf("a mixed pair: %v", err)
	}
	c.Generate.Kind, c.Pending = "rsa", v
	if err := generate.New().Test(t.Context(), c); !errors.Is(err, rotate.ErrForm) {
		t.Errorf("another kind: %v", err)
	}
}

func TestABinarySecretStaysBinary(t *testing.T) {
	v := next(t, change(secret.Binary([]byte(canary)), rotate.Generate{Kind: "hex", Length: 24}))
	if !v.IsBinary() || v.Size() != 24 {
		t.Errorf("%t, %d bytes", v.IsBinary(), v.Size())
	}
	for _, g := range []rotate.Generate{{}, {Kind: "uuid"}, {Kind: "hex", Key: "k"}} {
		if _, err := generate.New().Next(t.Context(), change(secret.Binary([]byte(canary)), g)); !errors.Is(err, rotate.ErrForm) {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

func TestWhatCanNotBeMadeIsAnErrorWithoutTheValue(t *testing.T) {
	for name, c := range map[string]rotate.Change{
		"a member of no object":     change(text(canary), rotate.Generate{Key: "k"}),
		"a member of a list":        change(text(`["`+canary+`"]`), rotate.Generate{Key: "k"}),
		"a public key in no object": change(text(canary), rotate.Generate{Kind: "ed25519", PublicKey: "p"}),
		"a public key of a uuid":    change(text("{}"), rotate.Generate{Kind: "uuid", PublicKey: "p"}),
		"one member for both":       change(text("{}"), rotate.Generate{Kind: "rsa", Key: "p", PublicKey: "p"}),
		"no such kind":              change(text("{}"), rotate.Generate{Kind: "dsa"}),
		"two users":                 {Current: text("{}"), Settings: rotate.Settings{Strategy: rotate.AlternatingUsers}},
	} {
		if _, err := generate.New().Next(t.Context(), c); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPendingValueOfAnotherFormIsRefusedUnlessItIsAnOldOne(t *testing.T) {
	for name, c := range map[string]struct {
		g       rotate.Generate
		pending secret.Value
		rolls   bool // a rollback to it works
	}{
		"no hex":              {rotate.Generate{Kind: "hex"}, text(canary), true},
		"no base64":           {rotate.Generate{Kind: "base64"}, text("!" + canary), true},
		"no uuid":             {rotate.Generate{Kind: "uuid"}, text(canary), true},
		"no key":              {rotate.Generate{Kind: "rsa"}, text(canary), true},
		"a broken key":        {rotate.Generate{Kind: "rsa"}, text("-----BEGIN PRIVATE KEY-----\n" + hex.EncodeToString([]byte(canary)) + "\n-----END PRIVATE KEY-----\n"), true},
		"another key":         {rotate.Generate{Kind: "rsa"}, elliptic(t), true},
		"nothing":             {rotate.Generate{}, secret.Value{}, false},
		"empty":               {rotate.Generate{}, text(""), false},
		"no member":           {rotate.Generate{}, text(`{"user":"` + canary + `"}`), false},
		"a member of no text": {rotate.Generate{}, text(`{"password":["` + canary + `"]}`), false},
		"no object":           {rotate.Generate{Key: "k"}, text(canary), false},
	} {
		ch := change(text("old"), c.g)
		ch.Pending = c.pending
		err := generate.New().Test(t.Context(), ch)
		if !errors.Is(err, rotate.ErrForm) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
		ch.Rollback = true
		if err := generate.New().Test(t.Context(), ch); (err == nil) != c.rolls {
			t.Errorf("%s, rolled back to: %v", name, err)
		}
	}
}

// elliptic returns a private key of a kind that is never made.
func elliptic(t *testing.T) secret.Value {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Text(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestAnObjectIsOnlyChangedInAMemberThatIsThereOrNamed(t *testing.T) {
	for _, value := range []string{`{"api":"x"}`, `{"password":{"nested":"x"}}`, `{"api":"x","api":"y"}`} {
		made, err := generate.New().Next(t.Context(), rotate.Change{Current: secret.Text([]byte(value))})
		if !errors.Is(err, rotate.ErrForm) || !made.IsZero() {
			t.Errorf("%s: %v", value, err)
		}
	}
}
