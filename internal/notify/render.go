package notify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/template"
)

// words are the subject and the text that settings ask for; nil: the default.
type words struct {
	subject, text *template.Template
}

const maxText = 256 << 10 // bytes of a text: SNS takes no more

func parseWords(subject, text string) (w words, err error) {
	for _, t := range []struct {
		name, text string
		into       **template.Template
	}{{"subject", subject, &w.subject}, {"text", text, &w.text}} {
		if t.text == "" {
			continue
		}
		parsed, bad := template.Parse(t.name, t.text, template.Options{Output: maxText})
		if bad == nil {
			_, bad = parsed.Execute(sample().data(same))
		}
		if bad != nil {
			err = several(err, bad)
			continue
		}
		*t.into = parsed
	}
	return w, err
}

// checkTemplates finds what is wrong with templates, misspelled names included.
func checkTemplates(subject, text string) error {
	_, err := parseWords(subject, text)
	return err
}

// sample is a message that has everything once.
func sample() Message {
	return Message{
		Version: 1, RunID: "run", Owner: "owner", Account: "111122223333", Region: "us-east-1", Time: time.Unix(0, 0), Outcome: Failed, Error: "error", Syncs: []string{"sync"},
		Failures: []Failure{{Sync: "sync", Source: "hub name", Name: "name", Target: "target", Action: "create", Outcome: "failed", Reason: "missing", Error: "error"}},
		Problems: []Problem{{Sync: "sync", Target: "target", Error: "error"}},
		Brakes:   []Brake{{Target: "target", Deletes: 1, Of: 1, Limit: 1}},
	}
}

// render fills a template with a message whose texts pass through as. Where there is none, or it fails, the result is what otherwise returns.
func render(t *template.Template, what string, m Message, as func(string) string, otherwise func() string) (string, error) {
	if t == nil {
		return otherwise(), nil
	}
	out, err := t.Execute(m.data(as))
	if err == nil && strings.TrimSpace(string(out)) == "" {
		err = errors.New("it came out empty")
	}
	if err != nil {
		return otherwise(), fmt.Errorf("the default %s was sent: %w", what, err)
	}
	return string(out), nil
}

func same(s string) string { return s }

// subjectOf returns the subject of a message in one line.
func (w words) subjectOf(m Message) (string, error) {
	s, err := render(w.subject, "subject", m, same, func() string { return defaultSubject(m) })
	return line(s), err
}

// textOf returns the text of a message in at most so many bytes.
func (w words) textOf(m Message, most int) (string, error) {
	s, err := render(w.text, "text", m, same, func() string { return defaultText(m, most) })
	return cut(s, most), err
}
