package kubernetes

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

const hidden = "c4n4ry-0f-d4t4"

func texts(data map[string][]byte) map[string]string {
	all := map[string]string{}
	for k, v := range data {
		all[k] = string(v)
	}
	return all
}

func TestMembersOfAnObjectBecomeKeysWithTheirOwnText(t *testing.T) {
	for text, want := range map[string]map[string]string{
		`{"n":90071992547409931,"f":1.50,"e":1e400,"t":true,"z":null}`: {"n": "90071992547409931", "f": "1.50", "e": "1e400", "t": "true", "z": "null"},
		`{"o": {"b":1, "a":[ 1.0 ]} ,"l":[1,"x"]}`:                     {"o": `{"b":1, "a":[ 1.0 ]}`, "l": `[1,"x"]`},
		`{"s":"a\n<&>é🔑","empty":"","\u0061.b-C_1":"x"}`:               {"s": "a\n<&>é🔑", "empty": "", "a.b-C_1": "x"},
		"\t{\"a\":\"1\"}\n": {"a": "1"},
		`{}`:                {},
		"plain \x00 text":   {"value": "plain \x00 text"},
		"":                  {"value": ""},
		`[1,2]`:             {"value": `[1,2]`},
		`"text"`:            {"value": `"text"`},
		`12.50`:             {"value": `12.50`},
		`{"broken":`:        {"value": `{"broken":`},
		`{"a":1} {"b":2}`:   {"value": `{"a":1} {"b":2}`},
		"{\"a\":\"\xff\"}":  {"value": "{\"a\":\"\xff\"}"}, // no UTF-8, so no JSON
	} {
		data, err := dataOf(secret.Text([]byte(text)), "value")
		if err != nil || !maps.Equal(texts(data), want) {
			t.Errorf("%q: got %q, %v", text, texts(data), err)
		}
	}
	for _, binary := range []string{`{"a":1}`, "eyJhIjoxfQ==", "\x00\xff"} { // looks like an object, like base64, like neither
		data, err := dataOf(secret.Binary([]byte(binary)), "cert")
		if err != nil || !maps.Equal(texts(data), map[string]string{"cert": binary}) {
			t.Errorf("binary %q: got %q, %v", binary, texts(data), err)
		}
	}
}

func TestWhatWouldBeLostOrChangedIsRefusedWithoutBeingQuoted(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":"` + hidden + `","\u0061":"2"}`: `the key "a" twice`,
		`{"a":"` + hidden + `\ud83d"}`:        "no character",
		`{"a":"` + hidden + `\udd11\ud83d"}`:  "no character",
		`{"a":"` + hidden + `\ud83dx"}`:       "no character",
		`{"a":"` + hidden + `\ud83d\u0041"}`:  "no character",
	} {
		_, err := dataOf(secret.Text([]byte(text)), "value")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), hidden) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{`{"a":"\\ud83d"}`: `\ud83d`, `{"a":"\ud83d\udd11 \ufffd"}`: "🔑 �"} {
		data, err := dataOf(secret.Text([]byte(text)), "value")
		if err != nil || string(data["a"]) != want {
			t.Errorf("%q: got %q, %v", text, data["a"], err)
		}
	}
}

func TestDataIsReadAsTheTextOrTheObjectThatItIs(t *testing.T) {
	for _, test := range []struct {
		data map[string][]byte
		want secret.Value
	}{
		{map[string][]byte{"value": []byte("plain\n")}, secret.Text([]byte("plain\n"))},
		{map[string][]byte{"value": {0xff, 0}}, secret.Binary([]byte{0xff, 0})},
		{map[string][]byte{"value": nil}, secret.Text(nil)},
		{map[string][]byte{"other": []byte("<&>")}, secret.Text([]byte(`{"other":"<&>"}`))},
		{map[string][]byte{"b": []byte("2"), "a": []byte(`"1"`), "value": nil}, secret.Text([]byte(`{"a":"\"1\"","b":"2","value":""}`))},
		{nil, secret.Text([]byte("{}"))},
	} {
		got, err := valueOf(test.data, "value")
		if err != nil || !got.Equal(test.want) {
			t.Errorf("%q: got %q, %v", texts(test.data), got.Reveal(), err)
		}
	}
	_, err := valueOf(map[string][]byte{"a": []byte(hidden), "b": {0xff}}, "value")
	if err == nil || !strings.Contains(err.Error(), `"b"`) || strings.Contains(err.Error(), hidden) {
		t.Errorf("bytes beside text: %v", err)
	}
}

// A Secret whose one value looks like an object, on its way to another cluster.
func TestAValueThatIsAnObjectTakesTheKeyOfItsStoreApart(t *testing.T) {
	from := map[string][]byte{"value": []byte(`{"a":1}`)}
	for key, want := range map[string]map[string]string{"value": {"a": "1"}, "other": {"value": `{"a":1}`}} {
		v, err := valueOf(from, key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := dataOf(v, "value"); err != nil || !maps.Equal(texts(got), want) {
			t.Errorf("%s: got %q, %v", key, texts(got), err)
		}
	}
}

func TestTypesAskForTheirKeys(t *testing.T) {
	cert, key := selfSigned(t)
	_, otherKey := selfSigned(t)
	for _, test := range []struct {
		typ  string
		data map[string]string
		fits bool
	}{
		{opaque, map[string]string{"any": "x"}, true},
		{"example.com/own", nil, true},
		{tlsPair, map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": "x"}, true},
		{tlsPair, map[string]string{"tls.crt": cert}, false},
		{tlsPair, map[string]string{"tls.crt": cert, "tls.key": otherKey}, false},
		{tlsPair, map[string]string{"tls.crt": hidden, "tls.key": hidden}, false},
		{dockerConfig, map[string]string{".dockerconfigjson": `{"auths":{}}`}, true},
		{dockerConfig, map[string]string{".dockerconfigjson": `{"auths":"` + hidden + `"}`}, false},
		{dockerConfig, map[string]string{"auths": "{}"}, false},
		{dockerLegacy, map[string]string{".dockercfg": "{}"}, true},
		{dockerLegacy, map[string]string{".dockercfg": hidden}, false},
		{basicAuth, map[string]string{"username": "x"}, true},
		{basicAuth, map[string]string{"password": "x"}, true},
		{basicAuth, map[string]string{"user": hidden}, false},
		{sshAuth, map[string]string{"ssh-privatekey": "x"}, true},
		{sshAuth, map[string]string{"ssh-privatekey": ""}, false},
	} {
		data := map[string][]byte{}
		for k, v := range test.data {
			data[k] = []byte(v)
		}
		if why := unfit(test.typ, data); (why == "") != test.fits || strings.Contains(why, hidden) {
			t.Errorf("%s with %v: %q", test.typ, keysOf(test.data), why)
		}
	}
	for _, typ := range []string{"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"} {
		if refusedType(typ) == "" {
			t.Errorf("%s is not refused", typ)
		}
	}
}

func TestManyKeysAreTakenNoteOfInShort(t *testing.T) {
	if got := keysNote([]string{"password", "username"}); got != "password,username" {
		t.Errorf("got %q", got)
	}
	many := map[string]bool{}
	for i := range 1000 {
		many[fmt.Sprint("key-", i)] = true
	}
	note := keysNote(keysOf(many))
	delete(many, "key-7")
	many["key-x"] = true
	if len(note) > 100 || note == keysNote(keysOf(many)) || !strings.HasPrefix(note, "1000 keys") {
		t.Errorf("got %q", note)
	}
}
