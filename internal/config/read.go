package config

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// field is one key that a map may have.
type field struct {
	name     string
	required bool
	read     func(n *yaml.Node)
}

// mapping reads a map: its fields in the order given, whatever their order in the file. what says in messages whose map it is.
func (p *parser) mapping(n *yaml.Node, what string, fields ...field) {
	if !p.isKind(n, yaml.MappingNode, what) {
		return
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
	for i := 0; i < len(n.Content); i += 2 {
		if key := n.Content[i]; !slices.Contains(known, key.Value) {
			p.errorf(key, "unknown key %q in %s%s", shorten(key.Value), what, didYouMean(key.Value, known))
		}
	}
	for _, f := range fields {
		switch value := lookup(n, f.name); {
		case value != nil:
			f.read(value)
		case f.required:
			p.errorf(n, "%s has no %q", what, own(f.name))
		}
	}
}

// entries reads a map whose keys are names of the user's.
func (p *parser) entries(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	if !p.isKind(n, yaml.MappingNode, what) {
		return
	}
	if len(n.Content) == 0 {
		p.errorf(n, "%s is empty: give it an entry or leave it out", what)
	}
	for i := 0; i < len(n.Content); i += 2 {
		each(n.Content[i], n.Content[i+1])
	}
}

// list reads a list, which is never empty: an empty one could be taken for "none" and for "no restriction".
func (p *parser) list(n *yaml.Node, what string, each func(item *yaml.Node)) {
	if !p.isKind(n, yaml.SequenceNode, what) {
		return
	}
	if len(n.Content) == 0 {
		p.errorf(n, "%s is an empty list: give it an entry or leave it out", what)
	}
	for _, item := range n.Content {
		each(item)
	}
}

// text reads a scalar that is text and not empty.
func (p *parser) text(n *yaml.Node, what string) (string, bool) {
	if !p.isKind(n, yaml.ScalarNode, what) {
		return "", false
	}
	if n.Tag != "!!str" {
		p.errorf(n, "%s must be text, and %s reads as %s: put it in quotes", what, p.raw.text(n), own(kindOf(n)))
		return "", false
	}
	if n.Value == "" {
		p.errorf(n, "%s is empty%s", what, p.emptied(n))
		return "", false
	}
	if strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		p.errorf(n, "%s has a control character in it", what)
		return "", false
	}
	return n.Value, true
}

// emptied says which variable left a text empty, if one did.
func (p *parser) emptied(n *yaml.Node) string {
	if written, ok := p.raw[n]; ok {
		return ": " + shorten(written) + " is set to nothing"
	}
	return ""
}

// integer reads a whole number from low to high. A ${VAR} without quotes may stand for one.
func (p *parser) integer(n *yaml.Node, what string, low, high int) (int, bool) {
	if !p.isKind(n, yaml.ScalarNode, what) {
		return 0, false
	}
	_, replaced := p.raw[n]
	number, err := strconv.Atoi(n.Value)
	if err != nil || n.Tag != "!!int" && !(replaced && isPlain(n)) {
		help := ""
		if err == nil {
			help = ": take the quotes off"
		}
		p.errorf(n, "%s must be a whole number, not %q%s", what, p.raw.text(n), help)
		return 0, false
	}
	switch {
	case high < noLimit && (number < low || number > high):
		p.errorf(n, "%s must be from %v to %v, not %s", what, limit(low), limit(high), p.raw.text(n))
		return 0, false
	case number < low:
		p.errorf(n, "%s must be %v or more, not %s", what, limit(low), p.raw.text(n))
		return 0, false
	}
	return number, true
}

const noLimit = 1 << 30

// limit is a bound as messages show it.
func limit(n int) own { return own(strconv.Itoa(n)) }

// boolean reads true or false. A ${VAR} without quotes may stand for one.
func (p *parser) boolean(n *yaml.Node, what string) (bool, bool) {
	if !p.isKind(n, yaml.ScalarNode, what) {
		return false, false
	}
	_, replaced := p.raw[n]
	if n.Tag == "!!bool" || replaced && isPlain(n) {
		switch strings.ToLower(n.Value) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	p.errorf(n, "%s must be true or false, not %q", what, p.raw.text(n))
	return false, false
}

// choice reads one of a few words.
func choice[S ~string](p *parser, n *yaml.Node, what string, into *S, words ...S) {
	s, ok := p.text(n, what)
	if !ok {
		return
	}
	if !slices.Contains(words, S(s)) {
		all := make([]string, len(words))
		for i, w := range words {
			all[i] = string(w)
		}
		p.errorf(n, "%s must be %s, not %q", what, own(strings.Join(all, " or ")), p.raw.text(n))
		return
	}
	*into = S(s)
}

// isKind reports whether n is a scalar, a list or a map, as wanted.
func (p *parser) isKind(n *yaml.Node, want yaml.Kind, what string) bool {
	switch {
	case n.Kind == 0: // reported already
		return false
	case n.Kind == want && (n.Kind != yaml.ScalarNode || n.Tag != "!!null"):
		return true
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		p.errorf(n, "%s is empty: give it a value or leave it out", what)
	case want == yaml.SequenceNode && n.Kind == yaml.ScalarNode:
		p.errorf(n, "%s must be a list: write [%q]", what, p.raw.text(n))
	case want == yaml.SequenceNode:
		p.errorf(n, "%s must be a list, not a map: begin each entry with \"- \"", what)
	case want == yaml.MappingNode:
		p.errorf(n, "%s must be a map of keys and values, not %s", what, own(kindOf(n)))
	default:
		p.errorf(n, "%s must be a single value, not %s", what, own(kindOf(n)))
	}
	return false
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	}
	return "text"
}

// lookup returns the value of a key, nil if the map has none.
func lookup(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
