package command

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const secretive = `CA"N/ARY &é\8f3a`

func known(t *testing.T, values ...string) []byte {
	t.Helper()
	m := map[string]any{"step": "set", "secret": map[string]string{"name": "the-name"}}
	for i, v := range values {
		m[[]string{"current", "pending", "previous", "master", "value"}[i]] = map[string]string{"text": v}
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestALineWithAPartOfAValueIsWithheldInEveryForm(t *testing.T) {
	object, err := json.Marshal(map[string]any{"host": "db.example.com", "username": "app-user", "password": secretive, "pin": 8731, "deep": []any{map[string]string{"host": "hidden-host"}}})
	if err != nil {
		t.Fatal(err)
	}
	pem := "-----BEGIN X-----\nQUJDREVGR0hJSg==\n-----END X-----"
	in := known(t, string(object), pem, "12 words", "x1 y2 z3")
	for _, line := range []string{
		secretive, "at " + secretive[3:], "at " + secretive[:8], string(object), fmt.Sprintf("%q", secretive), url.QueryEscape(secretive), url.PathEscape(secretive),
		base64.StdEncoding.EncodeToString([]byte(secretive)), base64.StdEncoding.EncodeToString(object), base64.URLEncoding.EncodeToString([]byte("ab" + secretive)),
		hex.EncodeToString([]byte(secretive)), strings.ToUpper(hex.EncodeToString([]byte(secretive))),
		"pin=8731", "QUJDREVGR0hJSg==", "JDREVGR0", "at 12 words", "hidden-host", "got x1+y2+z3", "got x1%20y2%20z3",
	} {
		if got := presentable([]byte("before\n"+line+"\nafter\n"), false, in); slices.Contains(got, line) || got[0] != "before" || got[len(got)-1] != "after" {
			t.Errorf("%q shows as %q", line, got)
		}
	}
	for _, line := range []string{"db.example.com: app-user: connection refused", "step set of the-name", "ORA-01017: invalid username/password"} {
		if got := presentable([]byte(line), false, in); !slices.Equal(got, []string{line}) {
			t.Errorf("%q shows as %q", line, got)
		}
	}
}

func TestWhatIsLongIsCutBeforeItCanShowHalfAValue(t *testing.T) {
	in := known(t, "QQQQWWWWEEEE")
	if got := presentable([]byte("one\ntwo QQQQW"), true, in); !slices.Equal(got, []string{"one", "[more]"}) {
		t.Errorf("got %q", got)
	}
	if got := presentable([]byte("one long line"), true, in); !slices.Equal(got, []string{"[more]"}) {
		t.Errorf("got %q", got)
	}
	if got := presentable([]byte(strings.Repeat("line\n", 60)), false, in); len(got) != maxLines+1 {
		t.Errorf("%d lines", len(got))
	}
	if got := presentable([]byte(strings.Repeat("a", 600)+"\x1b[0m"), false, in, []byte("no object")); len(got) != 1 || len(got[0]) != maxLine {
		t.Errorf("got %q", got)
	}
	if got := presentable([]byte("\x1b[31mred\xff"), false, in); !slices.Equal(got, []string{" [31mred?"}) {
		t.Errorf("got %q", got)
	}
}
