package config

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The reference for users: its examples must work and no key may be missing.
func TestTheReferenceIsRight(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, part := range []string{"notifications", "rotation"} {
		data, err := os.ReadFile("../../docs/" + part + ".md")
		if err != nil {
			t.Fatal(err)
		}
		text += "\n" + string(data)
	}
	env := func(string) (string, bool) { return "7c1f", true }
	whole, builtIn := 0, false
	for _, block := range regexp.MustCompile("(?s)```(yaml|json)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		switch {
		case strings.Contains(block[2], "AccountGroups"):
			if _, warnings, err := ParseGroups([]byte(block[2])); err != nil || len(warnings) > 0 {
				t.Errorf("groups: %v %v", warnings, err)
			}
		case strings.HasPrefix(block[2], "version:"):
			whole++
			builtIn = builtIn || block[2] == BuiltInText
			f, err := Parse("docs", []byte(block[2]), env, testKinds())
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			opened, err := open(f)
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(f, opened); err != nil {
				t.Errorf("%v", err)
			}
		}
	}
	if whole < 3 || !builtIn {
		t.Errorf("%d whole examples, the built-in default among them: %v", whole, builtIn)
	}
	schema, err := Schema(testKinds()[:1])
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(schema, &doc); err != nil {
		t.Fatal(err)
	}
	for key := range keysOf(doc, map[string]bool{}) {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("the key %s is missing", key)
		}
	}
}

// keysOf collects the names of all properties of a schema.
func keysOf(v any, into map[string]bool) map[string]bool {
	switch v := v.(type) {
	case map[string]any:
		if props, ok := v["properties"].(map[string]any); ok {
			for name := range props {
				into[name] = true
			}
		}
		for _, child := range v {
			keysOf(child, into)
		}
	case []any:
		for _, child := range v {
			keysOf(child, into)
		}
	}
	return into
}
