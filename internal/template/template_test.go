package template_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	texttemplate "text/template"
	"time"

	"github.com/secretsync-dev/secretsync/internal/template"
)

// canary stands in data. No error may show it.
const canary = "CANARY-51aa"

func data() map[string]any {
	return map[string]any{
		"Name": "app/db", "Path": []string{"app", "db"}, "Empty": "", "Null": nil, "List": []string{}, "Map": map[string]any{}, "Yes": true, "No": false,
		"Secret": canary, canary: "under a key",
		"Big": json.Number("12345678901234567890"), "Float": json.Number("1.0e3"), "Zero": json.Number("0.00"), "Port": json.Number("5432"),
		"Value": template.Object{{"z", canary}, {"a", json.Number("1.50")}, {"list", []any{"x", json.Number("2"), nil, true}},
			{"deep", template.Object{{"y", "<&>"}, {"b", nil}}}},
		"Gone": template.Absent("it is not there today"),
	}
}

func fill(text string) (string, error) {
	t, err := template.Parse("value", text, template.Options{})
	if err != nil {
		return "", err
	}
	out, err := t.Execute(data())
	return string(out), err
}

func TestATemplateIsFilled(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"plain } { }} text":                  "plain } { }} text",
		"{{ .Name }}":                        "app/db",
		"{{/* nothing */}}":                  "",
		"a {{- /* x */ -}} b{{ .Name -}}  c": "ab" + "app/dbc",
		`{{ index .Path 1 }}/{{ index .Value "list" 0 }}`:                                                                                           "db/x",
		`{{ .Value.a }} {{ .Big }} {{ .Float }}`:                                                                                                    "1.50 12345678901234567890 1.0e3",
		`{{ json .Value }}`:                                                                                                                         `{"z":"` + canary + `","a":1.50,"list":["x",2,null,true],"deep":{"y":"<&>","b":null}}`,
		`{{ json .Null }}{{ json .Path }}{{ json 3 }}{{ json true }}`:                                                                               `null["app","db"]3true`,
		`{{ base64 .Name }} {{ "YXBwL2Ri" | unbase64 | upper }}`:                                                                                    "YXBwL2Ri APP/DB",
		`{{ .Name | trimPrefix "app/" }} {{ trimSuffix "b" .Name }}`:                                                                                "db app/d",
		`{{ replace "/" "-" .Name }} {{ join "." (split "/" .Name) }}`:                                                                              "app-db app.db",
		`{{ "  x " | trim }}{{ lower "ÄB" }}{{ urlquery "a b/c" }}`:                                                                                 "xäba+b%2Fc",
		`{{ if has .Value "a" }}{{ .Value.a }}{{ else }}none{{ end }}`:                                                                              "1.50",
		`{{ if has .Value "q" }}{{ .Value.q }}{{ else }}none{{ end }}`:                                                                              "none",
		`{{ if has . "Gone" }}x{{ else }}none{{ end }}`:                                                                                             "none",
		`{{ range $k, $v := .Value.deep }}{{ $k }}{{ end }}`:                                                                                        "yb",
		`{{ range $i, $v := .Path }}{{ $i }}{{ $v }};{{ end }}`:                                                                                     "0app;1db;",
		`{{ range .Path }}{{ . }},{{ else }}e{{ end }}`:                                                                                             "app,db,",
		`{{ range .Null }}{{ . }},{{ else }}e{{ end }}`:                                                                                             "e",
		`{{ range .Path }}{{ if eq . "db" }}{{ break }}{{ end }}{{ . }}{{end}}`:                                                                     "app",
		`{{ range .Path }}{{ if eq . "app" }}{{ continue }}{{ end }}{{ . }}{{end}}`:                                                                 "db",
		`{{ range .Path }}{{ range $.Path }}{{ . }}{{ end }}{{ end }}`:                                                                              "appdbappdb",
		`{{ with .Value }}{{ .deep.y }}{{ end }}{{ with .Empty }}x{{ else with .Name }}{{ . }}{{ end }}`:                                            "<&>app/db",
		`{{ $x := "a" }}{{ range .Path }}{{ $x = . }}{{ end }}{{ $x }}`:                                                                             "db",
		`{{ $x := "a" }}{{ if .Yes }}{{ $x := "b" }}{{ $x }}{{ end }}{{ $x }}`:                                                                      "ba",
		`{{ if and .Yes (not .No) }}1{{ end }}{{ if or .No .Empty "x" }}2{{ end }}{{ and .Empty .NotLookedAt }}`:                                    "12",
		`{{ if eq .Port 5432 }}1{{ end }}{{ if lt .Port 10000 }}2{{ end }}{{ if ge .Float 1e3 }}3{{ end }}{{ if eq .Name "x" "app/db" }}4{{ end }}`: "1234",
		`{{ if eq .Big 12345678901234567891 }}same{{ else }}other{{ end }}`:                                                                         "other",
		`{{ if or .List .Map .Null .No .Empty 0 }}x{{ end }}{{ if and .Path .Value .Port "0" true 1 }}y{{ end }}`:                                   "y",
		`{{ if .Zero }}x{{ else }}zero{{ end }}{{ if eq .Null nil }}null{{ end }}`:                                                                  "zeronull",
		`{{ if ne .Name "a" }}1{{ end }}{{ if gt "b" "a" }}2{{ end }}{{ if le 1 1 }}3{{ end }}`:                                                     "123",
		`{{ (index .Value "deep").y }}{{ len .Path }}{{ len .Name }}{{ slice .Name 0 3 }}{{ slice .Path 1 | json }}`:                                `<&>26app["db"]`,
		"{{ `raw` }}{{ \"a\\n\" }}{{ true }}{{ -3 }}":                                                                                               "rawa\ntrue-3",
	} {
		if got, err := fill(text); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestItIsTheLanguageOfTextTemplate(t *testing.T) {
	plain := map[string]any{"A": "x/y", "B": true, "C": 3, "L": []any{"p", "q", "r"}, "M": map[string]any{"k": "v", "j": "w"}, "E": ""}
	for _, text := range []string{
		`{{.A}}-{{.B}}-{{.C}}`, `{{- .A -}}  z`, `{{with $x := .M}}{{$x.k}}{{.j}}{{end}}`, `{{if .E}}a{{else if .B}}b{{else}}c{{end}}`,
		`{{range .L}}{{.}}{{end}}`, `{{range $i, $v := .L}}{{if $i}},{{end}}{{$v}}{{end}}`, `{{range $k, $v := .M}}{{$k}}={{$v}};{{end}}`,
		`{{$x := .A}}{{range .L}}{{$x = .}}{{end}}{{$x}}`, `{{with .E}}no{{else}}{{.A}}{{end}}`, `{{or .E .A}}{{and .A .C}}{{not .B}}`,
		`{{index .L 1}}{{index .M "k"}}{{slice .A 1 2}}{{len .L}}{{len .M}}`, `{{eq .C 3}}{{ne .A "x"}}{{lt .C 4}}{{le .C 3}}{{gt .C 1}}{{ge .C 9}}`,
		`{{.A | urlquery}}{{"a" | eq "a"}}`, `{{range .L}}{{range $.L}}{{.}}{{break}}{{end}}{{continue}}x{{end}}`, `{{(index .L 0)}}{{$.M.k}}{{(.M).j}}`,
		`{{range $i, $x := .L}}{{with $y := $x}}{{$y}}{{$i}}{{end}}{{else}}none{{end}}`,
	} {
		ours, err := template.Parse("t", text, template.Options{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := ours.Execute(plain)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		var want strings.Builder
		if err := texttemplate.Must(texttemplate.New("").Parse(text)).Execute(&want, plain); err != nil {
			t.Fatal(err)
		}
		if string(got) != want.String() {
			t.Errorf("%s: got %q, text/template makes %q", text, got, want.String())
		}
	}
}

func TestWhatIsNotAllowedIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"a\n {{ call .Name }}":     `line 2, column 2: call: this function is not allowed here; there is and, base64, eq,`,
		`{{ printf "%99999d" 1 }}`: `line 1, column 1: printf: this function is not allowed`,
		`{{ .Name | html }}`:       `html: this function is not allowed`,
		`{{ now }}`:                `now: there is no such function`,
		`{{ env "HOME" }}`:         `env: there is no such function`,
		`{{define "x"}}a{{end}}b`:  `line 1, column 1: {{define}}: templates in templates are not allowed`,
		`{{define "t"}}a{{end}}`:   `templates in templates are not allowed`,
		`{{define "t"}}a{{end}}b`:  `templates in templates are not allowed`,
		`{{block "x" .}}a{{end}}`:  `templates in templates are not allowed`,
		`x{{template "x"}}`:        `line 1, column 2: {{template "x"}}: templates in templates are not allowed`,
		`{{ range 5 }}{{ end }}`:   `not over a number`,
		`{{range .}}{{range .}}{{range .}}{{end}}{{end}}{{end}}`: `line 1, column 23: {{range .}}: range may be nested two deep`,
		`{{ .Name "x" }}`:                  `only a function takes arguments`,
		`{{ "x" | .Name }}`:                `only a function can stand after |`,
		`{{ index }}`:                      `index: this function takes 2 arguments or more`,
		`{{ .Name | trimPrefix }}`:         `trimPrefix: this function takes 2 arguments`,
		`{{ slice . 1 2 3 }}`:              `slice: this function takes 1 to 3 arguments`,
		`{{ 'a' }}`:                        `'a': a number is written as in JSON`,
		`{{ 1i }}`:                         `a number is written as in JSON`,
		`{{ 0x1F }}`:                       `a number is written as in JSON`,
		`{{ len ($x := .Name) }}`:          `a variable can't be set between ( and )`,
		"ok {{ .A }}\n{{ .B } }} {{ .C }}": `line 2, column 1: unexpected "}" in operand: this is not the syntax`,
		`{{ .A }} {{ if .B }} x`:           `line 1, column 10: unexpected EOF: something is not closed: an {{ end }} is missing`,
		`{{ .A }} {{ .B`:                   `line 1, column 10: unclosed action: an action, a text or a comment is not closed`,
		`{{ "a }}`:                         `line 1, column 1: unterminated quoted string`,
		`{{ end }}`:                        `this {{ end }} closes nothing`,
		`{{ $x }}`:                         `a variable is set before it is used`,
		"\xff":                             `template "value": the template is not UTF-8`,
		strings.Repeat("x", 16385):         `template "value": the template is longer than 16 KiB`,
	} {
		_, err := template.Parse("value", text, template.Options{})
		var e *template.Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), `template "value": `) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want … %s", text, err, want)
		}
	}
}

func TestAnErrorSaysWhereAndWhyAndQuotesNoData(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb {{ .Value.q }}":                    `template "value": line 2, column 3: .Value.q: there is no such key`,
		`{{ .Value.z.b }}`:                       `.Value.z.b: not a map`,
		`{{ .Value.deep.b.c }}`:                  `.Value.deep.b.c: not a map`,
		`{{ .Null }}`:                            `{{.Null}}: there is nothing (null)`,
		`{{ .Null.x }}`:                          `not a map`,
		`{{ .Value.deep.b }}`:                    `there is nothing (null)`,
		`{{ .Value }}`:                           `a list or a map has no text`,
		`{{ .Path }}`:                            `a list or a map has no text`,
		`{{ .Gone }}`:                            `.Gone: it is not there today`,
		`{{ range $k, $v := . }}{{ $k }}{{end}}`: `it is not there today`,
		`{{ json . }}`:                           `it is not there today`,
		`{{ index .Value .Secret }}`:             `index .Value .Secret: there is no such key`,
		`{{ index .Path 2 }}`:                    `the list has no such entry`,
		`{{ index .Path -1 }}`:                   `the list has no such entry`,
		`{{ index .Secret 0 }}`:                  `not a list`,
		`{{ index .Path .Secret }}`:              `not a map`,
		`{{ unbase64 .Secret }}`:                 `this is not base64`,
		`{{ unbase64 "/w==" }}`:                  `what is encoded there is not text`,
		`{{ lower .Value }}`:                     `an argument is no text`,
		`{{ range .Secret }}{{ end }}`:           `neither a list nor a map`,
		`{{ range .Port }}{{ end }}`:             `neither a list nor a map`,
		`{{ eq .Secret .Port }}`:                 `these can't be compared`,
		`{{ lt .Yes .No }}`:                      `these can't be compared`,
		`{{ slice .Secret 5 99 }}`:               `outside of what is sliced`,
		`{{ slice "é" 1 }}`:                      `cuts a character in two`,
		`{{ len .Port }}`:                        `only texts, lists and maps have a length`,
		`{{ has .Secret "a" }}`:                  `has takes a map and a key`,
		`{{ join "," .Secret }}`:                 `join takes a text and a list`,
		`{{ join "," .Value.list }}`:             `the list holds what has no text`,
		`{{ split "" .Secret }}`:                 `nothing to split at`,
		`{{ replace "" "x" .Secret }}`:           `nothing to replace`,
		`{{ if .Value.q }}{{ end }}`:             `there is no such key`,
		`{{ nil }}`:                              `nil`,
	} {
		got, err := fill(text)
		if err == nil || !strings.Contains(err.Error(), want) || got != "" {
			t.Errorf("%s: got %q, %v; want %s", text, got, err, want)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: data is quoted: %v", text, err)
		}
	}
}

func TestNoTemplateMakesMuchOfLittle(t *testing.T) {
	long := strings.Repeat("a", 60_000)
	many := make([]string, 2000)
	for text, want := range map[string]string{
		`{{ .Long }}{{ .Long }}`:                                           "longer than 65536 bytes",
		`{{ replace "a" .Long .Long }}`:                                    "longer than 65536 bytes",
		`{{ base64 .Long }}`:                                               "longer than 65536 bytes",
		`{{ $x := split "a" .Long }}{{ join .Long $x }}`:                   "longer than 65536 bytes",
		`{{ range .Many }}{{ range $.Many }}{{ end }}{{ end }}`:            "too many steps",
		`{{ range .Many }}{{ if eq $.Long $.Long }}{{ end }}{{ end }}`:     "too many steps",
		`{{ range split "a" .Long }}{{ $x := split "a" $.Long }}{{ end }}`: "too many steps",
		`{{ range .Many }}{{ $x := json $.Many }}{{ end }}`:                "too many steps",
	} {
		p, err := template.Parse("value", text, template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Execute(map[string]any{"Long": long, "Many": many}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	p, err := template.Parse("text", "{{ . }}", template.Options{Output: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Execute("abc"); err != nil || string(got) != "abc" {
		t.Errorf("as long as it may be: got %q, %v", got, err)
	}
	if _, err := p.Execute("abcd"); err == nil || !strings.Contains(err.Error(), "longer than 3 bytes") {
		t.Errorf("got %v", err)
	}
}

type named string

func (named) Method() string { return "called" }

func TestDataIsPlainAndHasNoMethods(t *testing.T) {
	type inner struct{ A, B any }
	for what, c := range map[string]struct {
		data any
		text string
		want string
	}{
		"a struct":            {inner{"x", &inner{A: 1}}, `{{ .A }}{{ .B.A }}{{ json .B.B }}`, "x1null"},
		"a text with methods": {map[string]any{"N": named("n")}, `{{ .N }}`, "n"},
		"a map of texts":      {map[named]string{"k": "v"}, `{{ .k }}`, "v"},
		"numbers":             {[]any{int64(1), uint(2), int8(3)}, `{{ json . }}`, "[1,2,3]"},
		"members twice":       {template.Object{{"a", 1}, {"a", 2}}, `{{ json . }}`, `{"a":2}`},
	} {
		p, err := template.Parse("t", c.text, template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Execute(c.data); err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, %v", what, got, err)
		}
	}
	loop := &inner{}
	loop.A = loop
	for what, data := range map[string]any{
		"a method": named("x"), "a function": func() {}, "a channel": make(chan int), "bytes": []byte(canary), "a time": time.Now(), "a float": 1.5,
		"keys that are no text": map[int]string{1: canary}, "no UTF-8": canary + "\xff", "no number": json.Number(canary), "an error": errors.New(canary), "a loop": loop,
	} {
		p, err := template.Parse("t", "{{ .Method }}", template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Execute(data); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestWhatATemplateUsesIsKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"{{ .Key }}": true, "{{ $.Key }}": true, "{{ .Name }}": false, "Key": false, "{{ (.Key) }}": true, "{{ if .A }}{{ lower .Key }}{{ end }}": true,
		"{{ range .A }}{{ else }}{{ .Key.x }}{{ end }}": true, "{{ with $x := .A }}{{ $x.Key }}{{ end }}": false, "{{ (index .A 1).Key }}": false,
	} {
		p, err := template.Parse("t", text, template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Uses("Key") != want {
			t.Errorf("%s: not %v", text, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"{{ .Name }}/{{ .Value.a }}", `{{ range $k, $v := .Value }}{{ $k }}={{ json $v }}{{ end }}`, `{{ index .Path 1 | upper | base64 | unbase64 }}`,
		`{{ if and (has .Value "a") (eq .Port 5432) }}{{ slice .Name 1 2 }}{{ else with .Null }}{{ break }}{{ end }}`, `{{define "x"}}{{end}}{{template "x"}}`,
		`{{ $x := split "/" .Name }}{{ join "," $x }}{{ replace "a" "b" .Name }}`, `{{ range .Path }}{{ range $.Path }}{{ continue }}{{ end }}{{ end }}`,
		"{{- 1.5e3 -}}{{ 'a' }}{{ `x` }}{{/* c */}}", `{{ .Gone }}{{ printf "%9999999d" 1 }}`, `{{ (index .Value "deep").y | eq "a" }}{{ lt .Big .Float }}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := template.Parse("t", text, template.Options{Output: 1000})
		if err != nil {
			return
		}
		out, err := p.Execute(data())
		again, err2 := p.Execute(data())
		switch {
		case len(out) > 1000:
			t.Errorf("%d bytes", len(out))
		case err != nil && out != nil:
			t.Error("a result came with an error")
		case err != nil && strings.Contains(err.Error(), canary) && !strings.Contains(text, canary):
			t.Errorf("data is quoted: %v", err)
		case err == nil && (err2 != nil || string(out) != string(again)):
			t.Error("another result the second time")
		}
	})
}
