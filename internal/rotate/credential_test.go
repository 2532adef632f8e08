package rotate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func parse(t *testing.T, text string) rotate.Credential {
	t.Helper()
	c, err := rotate.ParseCredential(secret.Text([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACredentialIsReadAsAWSsOwnFunctionsReadIt(t *testing.T) {
	c := parse(t, `{"engine":"postgres","host":"h","port":5433,"username":"u","password":"p","dbname":"d","masterarn":"m","odd":true}`)
	if got := fmt.Sprint(c.Engine(), c.Host(), c.User(), c.Password(), c.Database(), c.MasterARN(), c.Text("odd"), c.Text("none")); got != "postgreshupdm" {
		t.Errorf("got %s", got)
	}
	for text, want := range map[string]int{`{"port":5433}`: 5433, `{"port":"5433"}`: 5433, `{}`: 7, `{"port":null}`: 7, `{"port":0}`: 0, `{"port":65536}`: 0, `{"port":"x"}`: 0, `{"port":1.5}`: 0} {
		got, err := parse(t, text).Port(7)
		if got != want || (err != nil) != (want == 0) || err != nil && !errors.Is(err, rotate.ErrForm) {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", canary, `"` + canary + `"`, "[]", "null", "{", `{"a":1}{}`} {
		if _, err := rotate.ParseCredential(secret.Text([]byte(text))); !errors.Is(err, rotate.ErrForm) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if _, err := rotate.ParseCredential(secret.Binary([]byte("{}"))); !errors.Is(err, rotate.ErrForm) {
		t.Error("a binary value is a credential")
	}
}

func TestOtherMembersStayAsTheyAre(t *testing.T) {
	c := parse(t, `{"password":"old", "n":12345678901234567890.10,"deep":{"a":[1e400,"<&>"],"a":1},"html":"<&>","dup":1,"dup":2,"u":"\ud83d\ude00"}`)
	d := c.With("password", `"<&>\ é`)
	v, err := d.Value()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.Reveal()); got != `{"password":"\"<&>\\ é","n":12345678901234567890.10,"deep":{"a":[1e400,"<&>"],"a":1},"html":"<&>","dup":1,"dup":2,"u":"\ud83d\ude00"}` {
		t.Errorf("got %s", got)
	}
	if c.Password() != "old" || d.Password() != `"<&>\ é` {
		t.Error("the credential itself was changed, or its copy was not")
	}
	v, err = (rotate.Credential{}).With("a", "b").Value()
	if err != nil || string(v.Reveal()) != `{"a":"b"}` || (rotate.Credential{}).User() != "" {
		t.Error("the zero credential is of no use")
	}
}

func TestNoWayOfPrintingShowsACredential(t *testing.T) {
	c := parse(t, `{"password":"`+canary+`"}`)
	inside := struct {
		c     rotate.Credential
		Shown rotate.Credential
	}{c, c}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+"\n", c, &c, inside, []rotate.Credential{c})
	}
	for _, v := range []any{c, inside} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(data)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", v)
	}
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Errorf("it shows:\n%s", out.String())
	}
}

func FuzzParseCredential(f *testing.F) {
	for _, seed := range []string{`{}`, `{"password":"p","port":1}`, `{"a":{"b":[null,1e9]}}`, `null`, `{"a":1,"a":2}`, "{\"\xff\":\"\xff\"}"} {
		f.Add(seed, "p")
	}
	f.Fuzz(func(t *testing.T, text, password string) {
		c, err := rotate.ParseCredential(secret.Text([]byte(text)))
		if err != nil {
			if !errors.Is(err, rotate.ErrForm) {
				t.Error(err)
			}
			return
		}
		v, err := c.With("password", password).Value()
		if err != nil {
			t.Fatal(err)
		}
		d, err := rotate.ParseCredential(v)
		if err != nil || d.Password() != strings.ToValidUTF8(password, "\ufffd") && d.Password() != strings.Map(func(r rune) rune { return r }, password) {
			t.Fatalf("%q comes back as %q, %v", password, d.Password(), err)
		}
		var was, is map[string]any
		if json.Unmarshal([]byte(text), &was) != nil {
			return // a number that no float holds
		}
		if err := json.Unmarshal(v.Reveal(), &is); err != nil {
			t.Fatal(err)
		}
		delete(was, "password")
		delete(is, "password")
		if !reflect.DeepEqual(was, is) {
			t.Errorf("%q becomes %q", text, v.Reveal())
		}
	})
}
