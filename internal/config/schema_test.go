package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

func compiled(t *testing.T, kinds []Kind) *jsonschema.Schema {
	t.Helper()
	data, err := Schema(kinds)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("secretsync.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("secretsync.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asEditor reads a file as an editor does, that knows no variables.
func asEditor(t *testing.T, text string) any {
	t.Helper()
	var doc any
	if err := yaml.Load([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheSchemaAcceptsEveryAcceptedFile(t *testing.T) {
	s := compiled(t, testKinds())
	for _, c := range append(readCases(t, "testdata/accepted.txt").cases, &textCase{name: "built-in", input: BuiltInText}) {
		t.Run(c.name, func(t *testing.T) {
			if err := s.Validate(asEditor(t, c.input)); err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

// beyondSchema are the rejected cases of keys.txt, values.txt and stores.txt that no schema can tell from good ones.
var beyondSchema = map[string]bool{
	"no selection": true, "no selection and only some destinations by tags": true,
	"a sync twice": true, "a store that is not defined": true, "a store that resembles none": true,
	"a group that is not defined": true, "a group where none is defined": true, "groupsFrom of a store that is not defined": true,
	"byTags with accounts": true, "a glob of many wildcards": true, "rates": true, "cron lines": true,
	"an account that the schema does not describe": true, "what the schema has and the driver has not": true,
}

func TestTheSchemaRefusesWhatHasTheWrongStructure(t *testing.T) {
	s := compiled(t, testKinds())
	for _, path := range []string{"testdata/keys.txt", "testdata/values.txt", "testdata/stores.txt"} {
		for _, c := range readCases(t, path).cases {
			t.Run(c.name, func(t *testing.T) {
				err := s.Validate(asEditor(t, c.input))
				if beyondSchema[c.name] != (err == nil) {
					t.Errorf("validation said %v", err)
				}
			})
		}
	}
}

func TestEveryObjectOfTheSchemaIsClosedAndEveryPropertyDescribed(t *testing.T) {
	data, err := Schema(testKinds()[:1])
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if props, ok := v["properties"].(map[string]any); ok {
				if v["additionalProperties"] != false {
					t.Errorf("%s takes unknown keys", path)
				}
				for name, p := range props {
					if text, _ := p.(map[string]any)["description"].(string); text == "" && !strings.Contains(path, "stores") {
						t.Errorf("%s/%s has no description", path, name)
					}
				}
			}
			for k, child := range v {
				walk(path+"/"+k, child)
			}
		case []any:
			for _, child := range v {
				walk(path, child)
			}
		}
	}
	walk("", doc)
}

func TestASchemaIsTheSameEveryTime(t *testing.T) {
	a, err := Schema(testKinds())
	if err != nil {
		t.Fatal(err)
	}
	b, err := Schema(testKinds())
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two schemas differ, %v", err)
	}
	if !bytes.HasSuffix(a, []byte("}\n")) || bytes.Contains(a, []byte(`\u003c`)) {
		t.Error("not as a file should be")
	}
}
