package vault

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func TestBeginningsOfNamesAreListedOnce(t *testing.T) {
	for _, test := range []struct {
		prefix string
		within []string
		want   []string
	}{
		{"", nil, []string{""}},
		{"app/", nil, []string{"app/"}},
		{"app/", []string{}, []string{"app/"}},
		{"", []string{"app/db-", "app/db-x/y", "b/", "app/db-"}, []string{"app/db-", "b/"}},
		{"app/", []string{"app/db", "other/"}, []string{"app/db"}},
		{"app/", []string{"", "app/db"}, []string{"app/"}},
		{"app/", []string{"a"}, []string{"app/"}},
		{"app/", []string{"other/"}, nil},
	} {
		if got := beginnings(test.prefix, test.within); !slices.Equal(got, test.want) {
			t.Errorf("%q within %q: got %q, want %q", test.prefix, test.within, got, test.want)
		}
	}
}

func TestOnlyTheEscapesOfGoAreTurnedBack(t *testing.T) {
	for _, text := range []string{`a<b>&c`, `\<`, `\\u003c`, `\u003c literally`, "\u2028 \" \\ \\\\u0026 \t", `\\\u003e`, "<<>>&&"} {
		want, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		got := unescape(want)
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != text {
			t.Errorf("%s became %s: %v", want, got, err)
		}
		if strings.ContainsAny(text, "<>&") && !strings.Contains(text, `\`) && strings.Contains(string(got), `\u00`) {
			t.Errorf("%s is still escaped", got)
		}
	}
	if got := unescape([]byte(`"\u003c\u0041\`)); string(got) != `"<\u0041\` {
		t.Errorf("got %s", got)
	}
}

func TestANumberThatVaultWouldChangeIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		`{"a":1}`:                                                 nil,
		`{"a":1.50,"b":1e3,"c":-0,"d":1E2}`:                       nil,
		`{"a":0.1,"b":[1.0,{"a":2,"b":3}]}`:                       nil,
		`{"a":9007199254740993}`:                                  errNumber,
		`{"a":[[90071992547409931]]}`:                             errNumber,
		`{"a":0.1000000000000000055511151}`:                       errNumber,
		`{"a":1e400}`:                                             errNumber,
		`{"a":1e99999999999999999999}`:                            errNumber,
		`{"a":1,"b":{"a":1},"a":2}`:                               errTwice,
		`{"a":[{"x":1},{"x":2}],"x":3}`:                           nil,
		`{"a":"a","b":"a","c":["a","a"]}`:                         nil,
		`{"a":{"b":1,"b":2}}`:                                     errTwice,
		`{"9007199254740993":"x","":{},"z":[],"n":null,"t":true}`: nil,
	} {
		if got := keepable([]byte(text)); got != want { //nolint:errorlint // it is not wrapped
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestValuesThatVaultHoldsInAnotherFormAreTheSame(t *testing.T) {
	d := &destination{textKey: "value"}
	for _, test := range []struct {
		written, read string
		same          bool
	}{
		{`{"b":1.50,"a":"<"}`, `{"a":"<","b":1.5}`, true},
		{`{"a":1e3}`, `{"a":1000}`, true},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`plain`, `{"value":"plain"}`, true},
		{``, `{"value":""}`, true},
		{`[1]`, `{"value":"[1]"}`, true},
		{`plain`, `{"value":"plain","more":1}`, false},
		{`plain`, `plain`, false},
		{`{"value":"plain"}`, `{"value":"plain"}`, true},
	} {
		if got := d.Same(secret.Text([]byte(test.written)), secret.Text([]byte(test.read))); got != test.same {
			t.Errorf("%s as %s: got %t", test.written, test.read, got)
		}
	}
	if d.Same(secret.Binary([]byte("x")), secret.Text([]byte(`{"value":"x"}`))) {
		t.Error("binary is not text")
	}
}

func TestARevisionTellsWhatAnEntryWas(t *testing.T) {
	e := entry{name: "a", number: 3, created: "2026-11-22T18:39:45.123456789Z", custom: map[string]string{
		keyOwner: "o", keySync: "s", keySource: "x", keyVersion: "t", keyWritten: "3", "team": " ",
	}}
	c := e.copy()
	back, ok := entryOf(&c)
	if again := back.copy(); !ok || again.Revision != c.Revision || again.Labelled != "t" || c.Tags["team"] != "" {
		t.Errorf("got %+v, want %+v", again, c)
	}
	e.custom["team"] = "b"
	if changed := e.copy(); changed.Revision == c.Revision {
		t.Error("a changed tag does not show")
	}
	if _, ok := entryOf(&secret.Copy{Revision: "opaque"}); ok {
		t.Error("a foreign revision is taken for one of ours")
	}
}

func TestWhatVaultCantHoldIsRefusedBeforeAnyCall(t *testing.T) {
	d := &destination{client: &client{}, prefix: "app/", textKey: "value"}
	for name, ok := range map[secret.Name]bool{
		"app/db": true, "app/a b/é": true, "db": false, "app/": false, "app//x": false, "app/../x": false, "app/.": false, "app/x/": false,
		"app/a\x00b": false, "app/a\tb": false, "app/\xff": false, secret.Name("app/" + strings.Repeat("x", 2048)): false,
	} {
		if err := d.Check(store.Write{Name: name}); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, tags := range []map[string]string{{"": "x"}, {"a": strings.Repeat("x", 513)}, {strings.Repeat("x", 129): "x"}, {"a": "\n"}, {"a": " "}} {
		if d.Check(store.Write{Name: "app/db", Tags: tags}) == nil {
			t.Errorf("%q is taken", tags)
		}
	}
	for _, v := range []secret.Value{secret.Binary([]byte("x")), secret.Text([]byte("\xff")), secret.Text(make([]byte, 512<<10+1)), secret.Text([]byte(`{"a":1,"a":2}`))} {
		if _, err := d.material(&store.Write{Name: "app/db", Value: v}); err == nil {
			t.Errorf("a value of %d bytes is taken", v.Size())
		}
	}
}
