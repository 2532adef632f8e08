package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTheTextSaysWhatFailedAndWhatWasDone(t *testing.T) {
	const want = `Account: 111122223333, Region: us-east-1. Failed to create/update the following secrets:

- app/db to spokes 222222222222/eu-west-1: failed to create (missing, sync one): CreateSecret: not permitted
- app/<b> to none: refused (unknown-group, sync two): no group "x & y"

What could not be looked at:
- sync two, dr 111122223333/eu-west-1: ListSecrets: unavailable

Deletions that were held back:
- dr 111122223333/eu-west-1: 40 of 90 copies, the limit is 25

Secrets created: 3, Secrets updated: 4, refused: 1, failed: 1
Owner: team. Run: run-1, 2026-03-04T05:06:07Z
Syncs: one, two
`
	if got := defaultText(message().bounded(), maxText); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTheSubjectSaysHowMuchWasNotDone(t *testing.T) {
	for want, m := range map[string]Message{
		"[secretsync] run failed: 2 of 9 changes, owner team":           message(),
		"[secretsync] run failed: nothing was attempted, owner team":    {Owner: "team", Outcome: Failed, Error: "no credentials"},
		"[secretsync] run failed: 1 could not be looked at, owner team": {Owner: "team", Outcome: Failed, Problems: []Problem{{}}},
		"[secretsync] run failed: deletions were held back, owner team": {Owner: "team", Outcome: Failed, Brakes: []Brake{{}}},
		"[secretsync] resolved, owner team":                             {Owner: "team", Outcome: Resolved},
	} {
		if got := defaultSubject(m); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEveryKindOfRunHasItsText(t *testing.T) {
	for want, m := range map[string]Message{
		"Account: none, Region: none. Nothing was attempted: a b\n": {Outcome: Failed, Error: "a\n\x1bb"},
		"Account: 1, Region: x. The run failed.\n":                  {Account: "1", Region: "x", Outcome: Failed, Problems: []Problem{{"", "", "e"}}},
		"Account: 1, Region: x. What was told before is over":       {Account: "1", Region: "x", Outcome: Resolved},
	} {
		if got := defaultText(m.bounded(), maxText); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := defaultText(Message{Outcome: Failed, Problems: []Problem{{"", "", "e"}, {"s", "", "e"}, {"", "t", "e"}}}, maxText); !strings.Contains(got, "\n- e\n- sync s: e\n- t: e\n") {
		t.Errorf("got %q", got)
	}
}

func TestANameCanNotBeginALine(t *testing.T) {
	m := message()
	m.Failures[0].Name, m.Failures[0].Error, m.Owner, m.Syncs[0] = "a\r\nSecrets created: 99", "x\u2028y\nz", "o\nSecrets created: 99", "s\nSecrets created: 99"
	text := defaultText(m.bounded(), maxText)
	if strings.Contains(text, "\nSecrets created: 99") || strings.ContainsAny(text, "\r\u2028") {
		t.Errorf("got %s", text)
	}
}

func TestALongTextIsCutByEntriesAndSaysByHowMany(t *testing.T) {
	m := message()
	m.Failures = nil
	for i := range 900 {
		m.Failures = append(m.Failures, Failure{Name: fmt.Sprintf("name-%d", i), Error: strings.Repeat("é", 500)})
		m.Problems = append(m.Problems, Problem{Error: strings.Repeat("é", 500)})
		m.Brakes = append(m.Brakes, Brake{Target: strings.Repeat("é", 500)})
	}
	for _, most := range []int{10_000, 100_000, maxText} {
		text := defaultText(m.bounded(), most)
		if len(text) > most || len(text) < most/2 || !utf8.ValidString(text) {
			t.Errorf("%d bytes of %d", len(text), most)
		}
		shown := strings.Count(text, "- name-")
		if !strings.Contains(text, fmt.Sprintf("- and %d more\n", 900-shown)) || !strings.HasSuffix(text, "Syncs: one, two\n") {
			t.Errorf("%d are shown:\n%s", shown, text[len(text)-500:])
		}
	}
}

func TestAMessageIsBoundedAndTheCallersIsNot(t *testing.T) {
	m := message()
	for range 5000 {
		m.Failures = append(m.Failures, Failure{Name: "n", Error: strings.Repeat("é", 5000)})
	}
	b := m.bounded()
	if len(b.Failures) != maxEntries || b.Omitted.Failures != 4002 || len(m.Failures) != 5002 || len(b.Failures[10].Error) > maxError || len(m.Failures[10].Error) != 10_000 {
		t.Errorf("%d entries, %+v", len(b.Failures), b.Omitted)
	}
	m = Message{Owner: "a\xffb", Failures: []Failure{{Name: "\xfe"}}}.bounded()
	if data, err := json.Marshal(m); err != nil || m.Owner != "ab" || m.Failures[0].Name != "" || strings.Contains(string(data), "null") {
		t.Errorf("%v: %s", err, data)
	}
}

func TestATextIsCutBetweenCharacters(t *testing.T) {
	for in, want := range map[string]string{"1234567890": "1234567890", "12345678901": "1234567...", "éééééé": "ééé...", "ab\xff": "ab"} {
		if got := cut(in, 10); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTemplatesSeeTheMessageByTheNamesOfItsFields(t *testing.T) {
	w, err := parseWords("{{ .Owner }}: {{ .Summary.Failed }}\n", `{{ .RunID }} {{ .Time }} {{ .Outcome }}
{{ range .Failures }}{{ .Sync }} {{ .Source }} {{ .Name }} {{ .Target }} {{ .Action }} {{ .Outcome }} {{ .Reason }} {{ .Error }}
{{ end }}{{ range .Problems }}{{ .Target }} {{ .Error }}{{ end }}{{ range .Brakes }} {{ .Deletes }}/{{ .Of }}>{{ .Limit }}{{ end }}{{ range .Syncs }} {{ . }}{{ end }}`)
	if err != nil {
		t.Fatal(err)
	}
	m := message().bounded()
	m.Failures = m.Failures[:1]
	if s, err := w.subjectOf(m); err != nil || s != "team: 1" {
		t.Errorf("%q, %v", s, err)
	}
	const want = `run-1 2026-03-04T05:06:07Z failed
one hub app/db app/db spokes 222222222222/eu-west-1 create failed missing CreateSecret: not permitted
dr 111122223333/eu-west-1 ListSecrets: unavailable 40/90>25 one two`
	if s, err := w.textOf(m, maxText); err != nil || s != want {
		t.Errorf("%q, %v", s, err)
	}
	if s, _ := w.textOf(m, 20); s != "run-1 2026-03-04T..." {
		t.Errorf("cut to %q", s)
	}
}

func TestATemplateThatCanNotWorkIsAnErrorBeforeAnythingIsSent(t *testing.T) {
	for _, text := range []string{"{{", "{{ .RunId }}", "{{ range .Failures }}{{ .Secret }}{{ end }}", "{{ env \"HOME\" }}", "{{ template \"x\" }}"} {
		s := Settings{SNS: &SNS{TopicARN: "arn:aws:sns:us-east-1:111122223333:t", Text: text}}
		if err := Check(s); err == nil || !strings.Contains(err.Error(), `template "text"`) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestATemplateThatFailsOnAMessageGivesWayToTheDefault(t *testing.T) {
	r := receive(t, 200)
	s := Slack{URL: r.URL + "/" + canary, AllowLocal: true, Text: "{{ (index .Failures 0).Name }}"}
	got := send(t, mustOpen(t, Settings{Slack: &s}, deps(t)), Message{Owner: "team", Outcome: Failed, Error: "no credentials"})
	if !strings.Contains(got, `the default text was sent: template "text": line 1`) {
		t.Errorf("got %s", got)
	}
	if text := slackText(t, r); !strings.Contains(text, "Nothing was attempted: no credentials") {
		t.Errorf("got %s", text)
	}
	s.Text = "{{ if .Failures }}x{{ end }}"
	if got := send(t, mustOpen(t, Settings{Slack: &s}, deps(t)), Message{Outcome: Failed, Error: "x"}); !strings.Contains(got, "it came out empty") {
		t.Errorf("got %s", got)
	}
}
