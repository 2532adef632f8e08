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
