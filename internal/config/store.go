package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// store reads one entry of stores. Its settings are checked against the schema of its kind here, so that one reading finds every error, and decoded when the store is opened.
func (p *parser) store(name secret.StoreName, n *yaml.Node, kinds []Kind) Store {
	s := Store{Name: name}
	settings := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	p.settings = append(p.settings, settings)
	what := fmt.Sprintf("store %q", name)
	if !p.isKind(n, yaml.MappingNode, what) {
		return s
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "type" {
			settings.Content = append(settings.Content, n.Content[i], n.Content[i+1])
		}
	}
	typ := lookup(n, "type")
	if typ == nil {
		p.errorf(n, "%s has no %q%s", what, own("type"), didYouMean("", typesOf(kinds)))
		return s
	}
	var ok bool
	if s.Type, ok = p.text(typ, what+": type"); !ok {
		return s
	}
	kind, ok := find(kinds, s.Type)
	switch {
	case !ok:
		p.errorf(typ, "%s: type %q is not known%s", what, p.raw.text(typ), p.suggest(typ, typesOf(kinds)))
		return s
	}
	props, err := settingsOf(kind)
	if err != nil {
		p.errorf(n, "%s: %v", what, err)
		return s
	}
	p.object(settings, what, props)
	s.Decode = decoder(settings, what, p)
	return s
}

func find(kinds []Kind, typ string) (Kind, bool) {
	for _, k := range kinds {
		if k.Type == typ {
			return k, true
		}
	}
	return Kind{}, false
}

func typesOf(kinds []Kind) (all []string) {
	for _, k := range kinds {
		all = append(all, k.Type)
	}
	return all
}

var (
	unknownField = regexp.MustCompile(`^field (.+) not found in type `)
	wrongType    = regexp.MustCompile("(?s)^cannot construct .* into (.+)$")
)

// decoder returns the strict Decode of a store's settings.
func decoder(settings *yaml.Node, what string, p *parser) func(into any) error {
	path, raw, quiet := p.path, p.raw, p.quiet
	return func(into any) error {
		err := settings.Load(into, yaml.WithKnownFields())
		if err == nil {
			return nil
		}
		var many *yaml.LoadErrors
		var one *yaml.LoadError
		switch {
		case errors.As(err, &many):
		case errors.As(err, &one):
			many = &yaml.LoadErrors{Errors: []*yaml.LoadError{one}}
		default:
			if quiet {
				what = "a store"
			}
			return &Error{path, settings.Line, settings.Column, what + ": its settings do not have the right form"}
		}
		var all []*Error
		for _, e := range many.Errors {
			if quiet {
				all = append(all, &Error{path, e.Mark.Line, e.Mark.Column, "a setting of a store is not known, or does not have the right form"})
				continue
			}
			all = append(all, &Error{path, e.Mark.Line, e.Mark.Column, what + ": " + explain(e, settings, raw)})
		}
		return join(all)
	}
}

// explain says in the words of the file what the YAML library says in those of Go. Its own message may quote the value of a variable.
func explain(e *yaml.LoadError, settings *yaml.Node, raw rawText) string {
	if m := unknownField.FindStringSubmatch(e.Message); m != nil {
		return fmt.Sprintf("unknown key %q", m[1])
	}
	n := at(settings, e.Mark.Line, e.Mark.Column)
	shown := "what is here"
	if n != nil && n.Kind == yaml.ScalarNode {
		shown = fmt.Sprintf("%q", raw.text(n))
	}
	m := wrongType.FindStringSubmatch(e.Message)
	switch {
	case m == nil:
		return shown + " does not have the right form"
	case strings.HasPrefix(m[1], "[]"):
		return shown + " must be a list"
	case strings.HasPrefix(m[1], "int"), strings.HasPrefix(m[1], "uint"):
		return shown + " must be a whole number"
	case m[1] == "bool":
		return shown + " must be true or false"
	case m[1] == "string":
		return shown + " must be text"
	}
	return shown + " is of the wrong type"
}

// at returns the innermost value at a place.
func at(n *yaml.Node, line, column int) *yaml.Node {
	for _, c := range n.Content {
		if found := at(c, line, column); found != nil {
			return found
		}
	}
	if n.Line == line && n.Column == column {
		return n
	}
	return nil
}
