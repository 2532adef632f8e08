package shape_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/shape"
)

// canary stands in values. No error may show it.
const canary = "CANARY-93be"

func text(name secret.Name, value string) shape.Input {
	return shape.Input{Name: name, Value: secret.Text([]byte(value))}
}

func value(v string) []shape.Input { return []shape.Input{text("app/db", v)} }

func produce(s plan.Shape, inputs []shape.Input, key string) (string, error) {
	made, err := shape.Compile(s)
	if err != nil {
		return "", fmt.Errorf("compile: %w", err)
	}
	v, err := made.Make(inputs, key)
	return string(v.Reveal()), err
}

const db = ` {"user" : "u\u00e9\/", "password": "` + canary + `", "port": 1.0e3, "big":12345678901234567890, "deep": {"b": [1, {"x":null}], "a": 2.50 } , "no": null, "yes":true, "text":"a<\n>\ud83d\ude00"}
`

func TestAValueIsMadeAsTheShapeSays(t *testing.T) {
	three := []shape.Input{text("app/z", `{"b":1.0,"a":2}`), text("app/list", ` [1, 2] `), text("app/a", "plain \"<text>\"\n"), text("app/n", "12")}
	for name, c := range map[string]struct {
		shape  plan.Shape
		inputs []shape.Input
		key    string
		want   string
	}{
		"as it is":              {plan.Shape{}, value(db), "", db},
		"include":               {plan.Shape{Include: []string{"big", "user", "deep", "port"}}, value(db), "", `{"user":"u\u00e9\/","port":1.0e3,"big":12345678901234567890,"deep":{"b": [1, {"x":null}], "a": 2.50 }}`},
		"exclude":               {plan.Shape{Exclude: []string{"password", "deep", "text", "absent"}}, value(db), "", `{"user":"u\u00e9\/","port":1.0e3,"big":12345678901234567890,"no":null,"yes":true}`},
		"all excluded":          {plan.Shape{Exclude: []string{"a"}}, value(`{"a":1}`), "", `{}`},
		"rename":                {plan.Shape{Include: []string{"user", "no"}, Rename: map[string]string{"user": "na\"me"}}, value(db), "", `{"na\"me":"u\u00e9\/","no":null}`},
		"swap":                  {plan.Shape{Rename: map[string]string{"a": "b", "b": "a"}}, value(`{"a":1,"b":2}`), "", `{"b":1,"a":2}`},
		"over what is left out": {plan.Shape{Exclude: []string{"b"}, Rename: map[string]string{"a": "b"}}, value(`{"a":1,"b":2}`), "", `{"b":1}`},
		"an escaped key":        {plan.Shape{Include: []string{"é"}}, value(`{"\u00e9":1}`), "", `{"\u00e9":1}`},
		"split text":            {plan.Shape{Split: []string{"user", "text"}}, value(db), "text", "a<\n>😀"},
		"split number":          {plan.Shape{Split: []string{"port"}}, value(db), "port", "1.0e3"},
		"split object":          {plan.Shape{Split: []string{"deep"}}, value(db), "deep", `{"b": [1, {"x":null}], "a": 2.50 }`},
		"split null":            {plan.Shape{Split: []string{"no"}}, value(db), "no", "null"},
		"split after a rename":  {plan.Shape{Rename: map[string]string{"user": "u"}, Split: []string{"u"}}, value(db), "u", "ué/"},
		"merge":                 {plan.Shape{Merge: "{{ .Base }}"}, three, "", `{"a":"plain \"<text>\"\n","list":[1, 2],"n":"12","z":{"b":1.0,"a":2}}`},
		"merge of one":          {plan.Shape{Merge: "{{ .Name }}"}, value(`"x"`), "", `{"app/db":"\"x\""}`},
		"merge of some keys":    {plan.Shape{Merge: "{{ .Dir }}", Include: []string{"port"}}, value(db), "", `{"app":{"port":1.0e3}}`},
		"template":              {plan.Shape{Template: `{{ .Value.user }}:{{ .Value.port }}/{{ .Value.big }}@{{ .Base }} {{ json .Value.deep }} {{ .Dir }} {{ index .Path 0 }}`}, value(db), "", `ué/:1.0e3/12345678901234567890@db {"b":[1,{"x":null}],"a":2.50} app app`},
		"template of text":      {plan.Shape{Template: `-{{ .Text | trim }}-{{ if has . "Value" }}x{{ end }}`}, value(" a b\n"), "", `-a b-`},
		"template of all":       {plan.Shape{Template: `{{ json .Value }}`}, value(`{"b":1,"a":{"d":2,"c":"<"}}`), "", `{"b":1,"a":{"d":2,"c":"<"}}`},
		"template after keys":   {plan.Shape{Rename: map[string]string{"user": "u"}, Include: []string{"user"}, Template: `{{ .Value.u }} {{ .Text }}`}, value(db), "", `ué/ {"u":"u\u00e9\/"}`},
		"merge and template":    {plan.Shape{Merge: "{{ .Base }}", Template: "{{ range $k, $s := .Secrets }}{{ $k }}={{ $s.Name }}:{{ if has $s \"Value\" }}{{ $s.Value.b }}{{ else }}{{ $s.Text | trim }}{{ end }};{{ end }}{{ .Secrets.n.Text }}"}, three, "", "a=app/a:plain \"<text>\";list=app/list:[1, 2];n=app/n:12;z=app/z:1.0;12"},
	} {
		got, err := produce(c.shape, c.inputs, c.key)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v\nwant %q", name, got, err, c.want)
		}
	}
	binary := secret.Binary([]byte{0xff})
	made, err := (&shape.Shaper{}).Make([]shape.Input{{Name: "b", Value: binary}}, "")
	if err != nil || !made.Equal(binary) {
		t.Errorf("binary as it is: got %v", err)
	}
}

func TestAValueThatDoesNotFitIsAnErrorThatQuotesNothingOfIt(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65)
	many := "[1" + strings.Repeat(",1", 4096) + "]"
	large := `{"a":"` + canary + strings.Repeat("x", 66000) + `","b":1}`
	one := `{"` + canary + `":"` + canary + `","a":"` + canary + `"}`
	for name, c := range map[string]struct {
		shape  plan.Shape
		inputs []shape.Input
		key    string
		want   string
	}{
		"include":           {plan.Shape{Include: []string{"a", "pass"}}, value(one), "", `"app/db": the value does not have the form that the sync needs: include: it has no key "pass"`},
		"rename":            {plan.Shape{Rename: map[string]string{"pass": "b"}}, value(one), "", `rename: it has no key "pass"`},
		"rename onto":       {plan.Shape{Rename: map[string]string{"a": "b"}}, value(`{"b":1,"a":2}`), "", `rename: it has a key "b" already`},
		"rename onto last":  {plan.Shape{Rename: map[string]string{"a": "b"}}, value(`{"a":1,"b":2}`), "", `rename: it has a key "b" already`},
		"split":             {plan.Shape{Split: []string{"pass"}}, value(one), "pass", `split: it has no key "pass"`},
		"another key":       {plan.Shape{Split: []string{"a"}}, value(one), canary, `its key is not one of split`},
		"no key":            {plan.Shape{Split: []string{"a"}}, value(one), "", `its key is not one of split`},
		"a key for nothing": {plan.Shape{}, value(one), "a", `its key is not one of split`},
		"template":          {plan.Shape{Template: "x\n{{ .Value.pass }}"}, value(one), "", `template "template": line 2, column 1: .Value.pass: there is no such key`},
		"no object":         {plan.Shape{Template: "{{ .Value.pass }}"}, value(canary), "", `the value is no JSON object`},
		"template key":      {plan.Shape{Template: "{{ .Key }}"}, value(one), "", `there is a key only where a secret is split`},
		"no merge":          {plan.Shape{Template: "{{ .Secrets.a }}"}, value(one), "", `there are secrets only with merge`},
		"single in merge":   {plan.Shape{Merge: "{{ .Base }}", Template: "{{ .Value.a }}"}, value(one), "", `with merge there is no single secret`},
		"in merge":          {plan.Shape{Merge: "{{ .Base }}", Template: "{{ .Secrets.db.Value.q }}"}, value(one), "", `there is no such key`},
		"keys of a list":    {plan.Shape{Exclude: []string{"a"}}, value(`["` + canary + `"]`), "", `it is no JSON object`},
		"not closed":        {plan.Shape{Exclude: []string{"a"}}, value(`{"` + canary), "", `it is no JSON object`},
		"two documents":     {plan.Shape{Exclude: []string{"a"}}, value(`{} {}`), "", `it is no JSON object`},
		"a key twice":       {plan.Shape{Exclude: []string{"a"}}, value(`{"` + canary + `":1,"` + canary + `":2}`), "", `a key of its JSON is there twice`},
		"twice by escape":   {plan.Shape{Split: []string{"a"}}, value(`{"a":1,"\u0061":2}`), "a", `a key of its JSON is there twice`},
		"twice inside":      {plan.Shape{Template: "{{ .Value.a }}"}, value(`{"a":1,"b":{"c":1,"c":2}}`), "", `whose keys are all different`},
		"half a character":  {plan.Shape{Split: []string{"a"}}, value(`{"a":"\ud83dx"}`), "a", `half a character`},
		"the other half":    {plan.Shape{Template: "{{ .Value.a }}"}, value(`{"a":"\ude00"}`), "", `half a character`},
		"binary":            {plan.Shape{Template: "x"}, []shape.Input{{Name: "b", Value: secret.Binary([]byte(canary))}}, "", `it is binary`},
		"none":              {plan.Shape{Template: "x"}, []shape.Input{{Name: "b"}}, "", `there is none`},
		"no UTF-8":          {plan.Shape{Template: "x"}, value(canary + "\xff"), "", `it is not UTF-8`},
		"too deep":          {plan.Shape{Template: "x"}, value(deep), "", `nested more than 64 deep`},
		"too many":          {plan.Shape{Template: "x"}, value(many), "", `more than 4096 members`},
		"too many in all":   {plan.Shape{Merge: "{{ .Base }}"}, []shape.Input{text("a", many[:6000]+"]"), text("b", many[:6000]+"]")}, "", `more than 4096 members`},
		"too large":         {plan.Shape{Exclude: []string{"b"}}, value(large), "", `longer than 65536 bytes`},
		"too large a text":  {plan.Shape{Template: "{{ .Text }}"}, value(large), "", `the result is longer than 65536 bytes`},
		"two without merge": {plan.Shape{}, append(value("a"), text("b", "b")), "", `2 secrets for it`},
		"nothing":           {plan.Shape{Merge: "a"}, nil, "", `0 secrets for it`},
		"one key of two":    {plan.Shape{Merge: "x"}, append(value("a"), text("app/x", "b")), "", `"app/x": the value does not have the form that the sync needs: merge: it has the same key as "app/db"`},
		"an empty key":      {plan.Shape{Merge: "{{ .Dir }}"}, []shape.Input{text("b", "b")}, "", `merge: its key is empty`},
		"no such part":      {plan.Shape{Merge: "{{ index .Path 4 }}"}, value("b"), "", `the list has no such entry`},
	} {
		got, err := produce(c.shape, c.inputs, c.key)
		switch {
		case err == nil || !errors.Is(err, shape.ErrValue) || !strings.Contains(err.Error(), c.want) || got != "":
			t.Errorf("%s: got %.80q, %v; want %s", name, got, err, c.want)
		case strings.Contains(err.Error(), canary):
			t.Errorf("%s: the value is quoted: %v", name, err)
		}
	}
}

func TestAShapeThatCanMakeNothingIsRefused(t *testing.T) {
	long := strings.Repeat("k", 257)
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for want, s := range map[string]plan.Shape{
		`include: a key is empty`:                     {Include: []string{""}},
		`exclude: more than 100 keys`:                 {Exclude: many},
		`split: a key is longer than 256 bytes`:       {Split: []string{long}},
		`include: the key "a" is there twice`:         {Include: []string{"a", "b", "a"}},
		`rename: the key "c" is there twice`:          {Rename: map[string]string{"a": "c", "b": "c"}},
		`rename: a key is empty`:                      {Rename: map[string]string{"a": ""}},
		`rename: the key "a" is renamed to itself`:    {Rename: map[string]string{"a": "a"}},
		`exclude: a key is not UTF-8`:                 {Exclude: []string{"\xff"}},
		`split and merge exclude each other`:          {Split: []string{"a"}, Merge: "x"},
		`split and template exclude each other`:       {Split: []string{"a"}, Template: "x"},
		`the key "a" is under include and under excl`: {Include: []string{"a"}, Exclude: []string{"a"}},
		`rename: the key "a" is left out by include`:  {Include: []string{"b"}, Rename: map[string]string{"a": "c"}},
		`rename: the key "b" is left out by include`:  {Exclude: []string{"b"}, Rename: map[string]string{"b": "c"}},
		`rename: the key "c" is there already`:        {Include: []string{"a", "c"}, Rename: map[string]string{"a": "c"}},
		`split: the key "a" is left out`:              {Exclude: []string{"a"}, Split: []string{"a"}},
		`split: the key "b" is left out`:              {Rename: map[string]string{"b": "c"}, Split: []string{"b"}},
		`merge": line 1, column 1: now: there is no`:  {Merge: "{{ now }}"},
		`merge: there is .Key only where`:             {Merge: "{{ .Key }}"},
		`template "template": line 1, column 3`:       {Template: "x {{ .A"},
	} {
		if _, err := shape.Compile(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", s, err, want)
		}
	}
}

func TestANameIsMadeOfTheSourcesName(t *testing.T) {
	for _, c := range []struct {
		template, name, key, want, wrong string
	}{
		{"{{ .Base }}", "prod/app/db", "", "db", ""},
		{"{{ .Dir }}", "prod/app/db", "", "prod/app", ""},
		{"{{ .Name }}/{{ .Key }}", "app", "user", "app/user", ""},
		{"/x{{ .Name }}", "/a/b", "", "/x/a/b", ""},
		{"{{ index .Path 1 }}-{{ len .Path }}", "/a//b/", "", "b-2", ""},
		{`{{ .Name | trimPrefix "a/" | replace "/" "-" }}`, "a/b/c", "", "b-c", ""},
		{"{{ .Key }}", "app", "", "", `name for "app": template "name": line 1, column 1: .Key: there is a key only where a secret is split`},
		{"{{ .Dir }}", "app", "", "", `name for "app": "": the template gives nothing`},
		{"{{ index .Path 1 }}", "app", "", "", `the list has no such entry`},
		{"{{ .Value }}", "app", "", "", `there is no such key`},
		{"{{ .Dir }}/x/{{ .Base }}/", "a/b", "", "a/x/b/", ""},
		{"a/{{ .Dir }}/b", "app", "", "", `it has an empty part ("//")`},
		{"a/{{ .Base }}", "x/..", "", "", `a part of it is "." or ".."`},
		{"./{{ .Base }}", "x", "", "", `a part of it is "." or ".."`},
		{" {{ .Base }}", "x", "", "", "begins or ends with a space"},
		{"{{ .Base }}\n", "x", "", "", "the end of a line in it"},
		{"{{ .Base }}", "x\x01", "", "", "a control character"},
		{"{{ .Base }}", "x\u2028y", "", "", "the end of a line in it"},
		{"{{ .Name }}{{ .Name }}", strings.Repeat("n", 513), "", "", "longer than 1024 bytes"},
	} {
		n, err := shape.CompileName(c.template)
		if err != nil {
			t.Fatal(err)
		}
		got, err := n.Name(shape.About{Name: secret.Name(c.name), Key: c.key})
		if string(got) != c.want || (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s of %.20q: got %q, %v", c.template, c.name, got, err)
		}
		if n.UsesKey() != strings.Contains(c.template, ".Key") {
			t.Errorf("%s: UsesKey is wrong", c.template)
		}
	}
	if _, err := shape.CompileName("{{ env }}"); err == nil {
		t.Error("a bad template was taken")
	}
}
