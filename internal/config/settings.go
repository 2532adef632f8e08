package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// property is as much of a JSON Schema as the settings of stores use. The rest of a schema is for editors.
type property struct {
	Type        string               `json:"type"`
	Description string               `json:"description"`
	Properties  map[string]*property `json:"properties"`
	Required    []string             `json:"required"`
	Additional  json.RawMessage      `json:"additionalProperties"`
	Items       *property            `json:"items"`
	MinItems    int                  `json:"minItems"`
	Pattern     string               `json:"pattern"`
	Enum        []string             `json:"enum"`
	MinLength   int                  `json:"minLength"`
	MaxLength   int                  `json:"maxLength"`
}

// settingsOf returns a kind's settings as an object. An error is a mistake of the program.
func settingsOf(k Kind) (*property, error) {
	data, err := json.Marshal(k.Settings)
	if err != nil {
		return nil, fmt.Errorf("schema of %q: %w", k.Type, err)
	}
	all := &property{Type: "object"}
	if err := json.Unmarshal(data, &all.Properties); err != nil {
		return nil, fmt.Errorf("schema of %q: %w", k.Type, err)
	}
	return all, nil
}

// open reports whether an object may have keys that it does not name.
func (s *property) open() bool { return len(s.Additional) > 0 && string(s.Additional) != "false" }

// object checks a map of settings.
func (p *parser) object(n *yaml.Node, what string, s *property) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		prop, ok := s.Properties[key.Value]
		where := what + ": " + shorten(key.Value)
		switch {
		case ok:
			p.setting(value, where, key.Value, prop)
		case s.open():
			p.setting(value, where, key.Value, &property{})
		case key.Value == "organization" && strings.HasSuffix(what, ": allow"):
			p.errorf(key, "%q in %s is not in this version", own("organization"), what)
		default:
			p.errorf(key, "unknown key %q in %s%s", shorten(key.Value), what, didYouMean(key.Value, slices.Collect(maps.Keys(s.Properties))))
		}
	}
	for _, name := range s.Required {
		if lookup(n, name) == nil {
			p.errorf(n, "%s has no %q", what, own(name))
		}
	}
}

// setting checks one value. key is the key that it, or the list it is in, stands under.
func (p *parser) setting(n *yaml.Node, what, key string, s *property) {
	if key == "account" || key == "accounts" {
		if !p.quotedAccount(n, what) {
			return
		}
	}
	switch {
	case s.Type == "object":
		if p.isKind(n, yaml.MappingNode, what) {
			p.object(n, what, s)
		}
	case s.Type == "array":
		if !p.isKind(n, yaml.SequenceNode, what) {
			return
		}
		if len(n.Content) < s.MinItems {
			p.errorf(n, "%s is an empty list: give it an entry or leave it out", what)
		}
		items := s.Items
		if items == nil {
			items = &property{}
		}
		for _, item := range n.Content {
			p.setting(item, what, key, items)
		}
	case s.Type == "string" && s.Pattern == regionForm: // the same form: the same help
		p.region(n, what)
	case s.Type == "string" && s.Pattern == accountForm:
		p.account(n, what)
	case s.Type == "string":
		p.word(n, what, s)
	case s.Type == "integer":
		if _, ok := p.integer(n, what, -noLimit, noLimit); ok {
			n.Tag = "!!int" // a variable may stand for it
		}
	case s.Type == "boolean":
		if _, ok := p.boolean(n, what); ok {
			n.Tag = "!!bool"
		}
	case n.Kind == yaml.MappingNode: // the schema does not say: only account ids are looked at
		for i := 0; i+1 < len(n.Content); i += 2 {
			p.setting(n.Content[i+1], what+": "+shorten(n.Content[i].Value), n.Content[i].Value, &property{})
		}
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			p.setting(item, what, key, &property{})
		}
	}
}

func (p *parser) word(n *yaml.Node, what string, s *property) {
	text, ok := p.text(n, what)
	if !ok {
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		p.errorf(n, "%s must be %s, not %q", what, own(strings.Join(s.Enum, " or ")), p.raw.text(n))
		return
	}
	if long := utf8.RuneCountInString(text); long < s.MinLength || s.MaxLength > 0 && long > s.MaxLength {
		p.errorf(n, "%s is %d characters long: it must be %s", what, long, own(span(s.MinLength, s.MaxLength)))
		return
	}
	if s.Pattern == "" {
		return
	}
	form, err := regexp.Compile(s.Pattern)
	if err != nil {
		p.errorf(n, "%s: the store's own schema has a pattern that is none: %v", what, err)
		return
	}
	if form.MatchString(text) {
		return
	}
	help := "it must match " + s.Pattern
	if s.Description != "" {
		help = strings.TrimSuffix(s.Description, ".")
	}
	p.errorf(n, "%s: %q does not have the right form (%s)", what, p.raw.text(n), own(help))
}

func span(low, high int) string {
	switch {
	case high == 0:
		return fmt.Sprintf("%d or more", low)
	case low == 0:
		return fmt.Sprintf("%d or fewer", high)
	}
	return fmt.Sprintf("%d to %d", low, high)
}
