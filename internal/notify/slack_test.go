package notify

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func slackText(t *testing.T, r *receiver) string {
	t.Helper()
	all := r.requests()
	if len(all) == 0 {
		t.Fatal("nothing arrived")
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(all[len(all)-1].body), &body); err != nil || len(body) != 1 {
		t.Fatalf("%v: %s", err, all[0].body)
	}
	return body["text"]
}

func TestSlackGetsTheTextWithoutMarkupOfOthers(t *testing.T) {
	r := receive(t, 200)
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(r.URL+"/services/"+canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := deps(t)
	d.Getenv = func(string) (string, bool) { return r.URL + "/services/" + canary, true }
	for _, s := range []Slack{{URL: r.URL + "/services/" + canary}, {URLEnv: "SLACK"}, {URLFile: file}} {
		s.AllowLocal = true
		if got := send(t, mustOpen(t, Settings{Slack: &s}, d), message()); got != "" {
			t.Fatal(got)
		}
		text := slackText(t, r)
		if !strings.HasPrefix(text, "[secretsync] run failed: 2 of 9 changes, owner team\n\nAccount: 111122223333,") || !strings.Contains(text, "app/&lt;b&gt; to none") || !strings.Contains(text, "x &amp; y") {
			t.Errorf("got %s", text)
		}
	}
	if all := r.requests(); all[0].path != "/services/"+canary || all[0].header.Get(HeaderSignature) != "" {
		t.Errorf("got %+v", all[0])
	}
}

func TestATemplateForSlackMayHaveMarkupAndTheMessageMayNot(t *testing.T) {
	r := receive(t, 200)
	s := Slack{URL: r.URL + "/" + canary, AllowLocal: true, Text: "<!here> *{{ .Owner }}*{{ range .Failures }} {{ .Name }}{{ end }}"}
	if got := send(t, mustOpen(t, Settings{Slack: &s}, deps(t)), message()); got != "" {
		t.Fatal(got)
	}
	if text := slackText(t, r); text != "<!here> *team* app/db app/&lt;b&gt;" {
		t.Errorf("got %s", text)
	}
}

func TestSlackFailsAsAWebhookDoes(t *testing.T) {
	for code, want := range map[int]string{302: "redirects are not followed", 404: "it answered 404 Not Found", 503: "3 attempts: it answered 503"} {
		r := receive(t, code)
		s := Slack{URL: r.URL + "/services/" + canary, AllowLocal: true}
		if got := send(t, mustOpen(t, Settings{Slack: &s}, deps(t)), message()); !strings.HasPrefix(got, "notify slack 127.0.0.1:") || !strings.Contains(got, want) {
			t.Errorf("got %s", got)
		}
	}
	s := Slack{URL: "http://" + closedPort(t) + "/services/" + canary, AllowLocal: true}
	if got := send(t, mustOpen(t, Settings{Slack: &s}, deps(t)), message()); !strings.Contains(got, "connection refused") {
		t.Errorf("got %s", got)
	}
}

func TestASlackTextIsCutWhereNoMarkupBreaks(t *testing.T) {
	m := message()
	for range 1000 {
		m.Failures = append(m.Failures, Failure{Name: strings.Repeat("<&>", 50), Error: "é"})
	}
	r := receive(t, 200)
	s := Slack{URL: r.URL + "/" + canary, AllowLocal: true}
	send(t, mustOpen(t, Settings{Slack: &s}, deps(t)), m)
	if n := utf8.RuneCountInString(slackText(t, r)); n > maxSlack || n < maxSlack/2 {
		t.Errorf("%d characters", n)
	}
	for in, want := range map[string]string{
		"12345678": "12345678", "1234567890": "1234567890", "1234&amp;7890": "1234...", "12345<!here>": "12345...", "&lt;&lt;&lt;": "&lt;...", "ééééééééééé": "ééééééé...",
	} {
		if got := cutMarkup(in, 10); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
