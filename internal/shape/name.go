package shape

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/template"
)

// maxName is the longest name that any store holds, in bytes.
const maxName = 1024

// Why templates have no such data.
const (
	noKey     template.Absent = "there is a key only where a secret is split, and then in name"
	noSecrets template.Absent = "there are secrets only with merge"
	noSingle  template.Absent = "with merge there is no single secret: go through .Secrets"
	noObject  template.Absent = "the value is no JSON object whose keys are all different"
	noText    template.Absent = "the value's JSON has half a character in it (a surrogate alone)"
)

// About is what a name is made of.
type About struct {
	Name secret.Name // of the source; of several that are merged, each in turn must give the same name
	Key  string      // the one of a split; empty: none
}

// Namer makes the names of copies. It is never changed: safe for concurrent use.
type Namer struct{ template *template.Template }

// SplitName is what the copies of a split are called where nothing else is said: a store with a prefix puts it in front, as it does with other names.
const SplitName = "{{ .Name }}/{{ .Key }}"

// CompileName reads a template for names. The error is a *template.Error.
func CompileName(text string) (*Namer, error) {
	t, err := template.Parse("name", text, template.Options{Output: maxName})
	if err != nil {
		return nil, err
	}
	return &Namer{t}, nil
}

// UsesKey reports whether the template mentions .Key.
func (n *Namer) UsesKey() bool { return n.template.Uses("Key") }

// Name returns the name of a copy. What no store could hold, or would take for another name, is an error: nothing, more than 1024 bytes, control characters,
// white space at an end, an empty part, and the parts "." and "..". It may begin with a slash.
func (n *Namer) Name(a About) (secret.Name, error) {
	var key any = noKey
	if a.Key != "" {
		key = a.Key
	}
	made, err := n.template.Execute(append(nameData(a.Name), template.Member{Key: "Key", Value: key}))
	if err != nil {
		return "", fmt.Errorf("name for %q: %w", a.Name, err)
	}
	name := string(made)
	if wrong := badName(name); wrong != "" {
		return "", fmt.Errorf("name for %q: %q: %s", a.Name, name, wrong)
	}
	return secret.Name(name), nil
}

// badName says what is wrong with a name; nothing if it is empty.
func badName(name string) string {
	switch {
	case name == "":
		return "the template gives nothing"
	case !utf8.ValidString(name), strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return "it has a control character or the end of a line in it"
	case strings.TrimSpace(name) != name:
		return "it begins or ends with a space"
	case strings.Contains(name, "//"):
		return `it has an empty part ("//")`
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "." || part == ".." {
			return `a part of it is "." or ".."`
		}
	}
	return ""
}

// nameData is what templates know of a secret's name.
func nameData(name secret.Name) template.Object {
	parts := strings.FieldsFunc(string(name), func(r rune) bool { return r == '/' })
	base, dir := "", ""
	if last := len(parts) - 1; last >= 0 {
		base, dir = parts[last], strings.Join(parts[:last], "/")
	}
	return template.Object{{Key: "Name", Value: string(name)}, {Key: "Path", Value: parts}, {Key: "Base", Value: base}, {Key: "Dir", Value: dir}}
}
