package shape_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/shape"
)

// object is JSON with its members as they are written.
type object struct {
	text   string
	keys   []string
	values []string
}

func objects(t *rapid.T) object {
	leaf := rapid.SampledFrom([]string{"1.0e3", "12345678901234567890", "-0", "1.50", `"a\u00e9\n\"x"`, `""`, "null", "true", `"}{,:"`, "[]", "{}", `[1, "]" ]`})
	space := rapid.SampledFrom([]string{"", " ", "\n\t"})
	o := object{keys: rapid.SliceOfNDistinct(rapid.StringMatching(`[a-d"é{}:,]{1,3}`), 1, 6, rapid.ID[string]).Draw(t, "keys")}
	var parts []string
	for _, key := range o.keys {
		v := leaf.Draw(t, "value")
		if rapid.Bool().Draw(t, "nested") {
			v = `{"k":` + v + `, "l" : [ ` + v + `]}`
		}
		name, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		o.values = append(o.values, v)
		parts = append(parts, space.Draw(t, "s1")+string(name)+space.Draw(t, "s2")+":"+space.Draw(t, "s3")+v+space.Draw(t, "s4"))
	}
	o.text = space.Draw(t, "s5") + "{" + strings.Join(parts, ",") + "}" + space.Draw(t, "s6")
	return o
}

// members reads the top level of JSON with the standard library.
func members(t *rapid.T, text string) (keys, values []string) {
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		keys, values = append(keys, key.(string)), append(values, string(raw))
	}
	return keys, values
}

func TestNumbersOrderAndEveryByteOfAValueSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := objects(t)
		subset := slices.DeleteFunc(slices.Clone(o.keys), func(string) bool { return rapid.Bool().Draw(t, "out") })
		if len(subset) == 0 {
			subset = o.keys[:1]
		}
		rename := map[string]string{subset[0]: "renamed"}
		got, err := produce(plan.Shape{Include: subset, Rename: rename}, value(o.text), "")
		if err != nil {
			t.Fatal(err)
		}
		var wantKeys, wantValues []string
		for i, key := range o.keys {
			if slices.Contains(subset, key) {
				if key == subset[0] {
					key = "renamed"
				}
				wantKeys, wantValues = append(wantKeys, key), append(wantValues, o.values[i])
			}
		}
		keys, values := members(t, got)
		if !slices.Equal(keys, wantKeys) || !slices.Equal(values, wantValues) {
			t.Fatalf("%s became %s", o.text, got)
		}
	})
}

func TestToIncludeAllKeysIsToChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := objects(t)
		got, err := produce(plan.Shape{Include: o.keys}, value(o.text), "")
		excluded, err2 := produce(plan.Shape{Exclude: []string{"not there"}}, value(o.text), "")
		if err != nil || err2 != nil || got != excluded {
			t.Fatalf("%s and %s, %v %v", got, excluded, err, err2)
		}
		keys, values := members(t, got)
		if !slices.Equal(keys, o.keys) || !slices.Equal(values, o.values) {
			t.Fatalf("%s became %s", o.text, got)
		}
	})
}

func TestASplitHoldsWhatTheKeyHeld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := objects(t)
		i := rapid.IntRange(0, len(o.keys)-1).Draw(t, "i")
		got, err := produce(plan.Shape{Split: o.keys}, value(o.text), o.keys[i])
		if err != nil {
			t.Fatal(err)
		}
		want := o.values[i]
		if want[0] == '"' {
			if err := json.Unmarshal([]byte(want), &want); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestTheSameSourcesInAnyOrderMakeTheSameValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inputs := []shape.Input{text("a/1", objects(t).text), text("a/2", objects(t).text), text("b/3", rapid.String().Draw(t, "text"))}
		s := plan.Shape{Merge: "{{ .Name }}"}
		if rapid.Bool().Draw(t, "template") {
			s.Template = "{{ range $k, $s := .Secrets }}{{ $k }}{{ json $s }}{{ end }}"
			inputs = inputs[:2]
			for i := range inputs { // json of what has no .Value is an error
				if _, err := produce(s, inputs[i:i+1], ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		first, err := produce(s, inputs, "")
		if err != nil {
			t.Fatal(err)
		}
		second, err := produce(s, rapid.Permutation(inputs).Draw(t, "order"), "")
		if err != nil || first != second {
			t.Fatalf("%s and %s, %v", first, second, err)
		}
		if s.Template == "" && !json.Valid([]byte(first)) {
			t.Fatalf("no JSON: %s", first)
		}
	})
}

func FuzzMake(f *testing.F) {
	f.Add(db, "text", "{{ .Value.user }}", "a")
	f.Add(`{"a":"\ud83d","a":{}}`, "a", "{{ json .Value }}", "x")
	f.Add("[[[{", "", `{{ range .Secrets }}{{ .Text }}{{ end }}`, "")
	f.Add(`{"a":1} x`, "a", `{{ with .Value }}{{ .a }}{{ end }}`, `"`)
	f.Fuzz(func(t *testing.T, v, key, template, other string) {
		if strings.Contains(key+template+other, canary) {
			return
		}
		inputs := []shape.Input{text("app/a", v), text("app/b", canary+v)}
		for _, s := range []plan.Shape{
			{Include: []string{key}}, {Exclude: []string{key}, Rename: map[string]string{other: "new"}}, {Split: []string{key}}, {Template: template},
			{Merge: "{{ .Base }}"}, {Merge: "{{ .Base }}" + other, Template: template},
		} {
			for _, in := range [][]shape.Input{inputs[:1], inputs[1:], inputs} {
				of := ""
				if len(s.Split) > 0 {
					of = key
				}
				made, err := shape.Compile(s)
				if err != nil {
					continue
				}
				got, err := made.Make(in, of)
				again, err2 := made.Make(in, of)
				switch {
				case err != nil && (!errors.Is(err, shape.ErrValue) || strings.Contains(err.Error(), canary) || !got.IsZero()):
					t.Fatalf("%+v: %v", s, err)
				case err == nil && (err2 != nil || !got.Equal(again) || got.IsBinary() || got.Size() > 65536):
					t.Fatalf("%+v: not the same again, or too large", s)
				case err == nil && len(s.Include) > 0 && !json.Valid(got.Reveal()), err == nil && s.Merge != "" && s.Template == "" && !json.Valid(got.Reveal()):
					t.Fatalf("%+v of %q: no JSON: %q", s, v, got.Reveal())
				}
			}
		}
	})
}
