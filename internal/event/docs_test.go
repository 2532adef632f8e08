package event

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestTheRulesOfTheDocumentationMatchEventsThatAreUnderstood(t *testing.T) {
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, block := range strings.Split(string(page), "```json\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		var rule struct {
			Source []string `json:"source"`
			Type   []string `json:"detail-type"`
			Detail struct {
				EventName    []string `json:"eventName"`
				LabelUpdated []string `json:"labelUpdated"`
			} `json:"detail"`
		}
		if err := json.Unmarshal([]byte(text), &rule); err != nil || len(rule.Source) != 1 || len(rule.Type) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		rules++
		names := rule.Detail.EventName
		if names == nil {
			names = []string{""}
		}
		for _, name := range names {
			event := map[string]any{"source": rule.Source[0], "detail-type": rule.Type[0], "account": "111122223333", "region": "us-east-1",
				"detail": map[string]any{"eventName": name, "name": "app/db", "labelUpdated": "AWSCURRENT", "requestParameters": map[string]any{"secretId": "app/db"}}}
			data, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			if m := one(t, data); len(m.Hints) != 1 {
				t.Errorf("%s %s: %s", rule.Type[0], name, render([]Message{m}, nil))
			}
		}
	}
	if rules != 3 {
		t.Errorf("%d rules", rules)
	}
	for name := range sweeps {
		if !strings.Contains(string(page), name) {
			t.Errorf("events.md does not have %s", name)
		}
	}
}

func TestTheDirectCallsOfTheDocumentationAreUnderstood(t *testing.T) {
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	_, calls, _ := strings.Cut(string(page), "\n## Direct calls\n")
	calls, _, _ = strings.Cut(calls, "\n## ")
	fill := strings.NewReplacer(", …]", "]", "[ … ]", `["a"]`, "STEP", "createSecret", `"ARN"`, `"arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-a1B2c3"`,
		"VERSION ID", "f6d1a8b2-3c4e-4f5a-9b6c-7d8e9f0a1b2c")
	understood := map[string]int{}
	for i, span := range strings.Split(calls, "`") {
		if i%2 == 0 || !strings.HasPrefix(span, "{") {
			continue
		}
		switch m := one(t, []byte(fill.Replace(span))); {
		case m.Run != nil:
			understood["run"]++
		case m.Step != nil:
			understood["step"]++
		case m.Rotate != nil:
			understood["rotate"]++
		case len(m.Hints) == 1:
			understood["hint"]++
		default:
			t.Errorf("%s: %s", span, render([]Message{m}, nil))
		}
	}
	for what, n := range map[string]int{"run": 4, "step": 1, "rotate": 2, "hint": 2} {
		if understood[what] != n {
			t.Errorf("%d direct calls are a %s, want %d", understood[what], what, n)
		}
	}
}
