package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Pattern says which events a rule means. It never changes, so it is safe for concurrent use.
type Pattern struct{ root node }

// node is an object of a pattern: every field has to match, and of each group of alternatives one.
type node struct {
	fields map[string]field
	anyOf  [][]node
}

// field is what a pattern says about one key: either an object, or values of which one has to match.
type field struct {
	object *node
	values []matcher
}

// ParsePattern reads an event pattern, strictly. The error says what EventBridge, or this one, does not know of it.
func ParsePattern(text []byte) (*Pattern, error) {
	var tree any
	if err := decodeJSON(text, &tree); err != nil || !json.Valid(text) {
		return nil, errors.New("it is not JSON")
	}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, errors.New("it is not an object")
	}
	n, err := parseNode(root)
	if err != nil {
		return nil, err
	}
	return &Pattern{n}, nil
}

func parseNode(tree map[string]any) (node, error) {
	n := node{fields: make(map[string]field)}
	if len(tree) == 0 {
		return n, errors.New("empty objects are not allowed")
	}
	for key, value := range tree {
		if key == "$or" {
			group, err := parseOr(value)
			if err != nil {
				return n, err
			}
			n.anyOf = append(n.anyOf, group)
			continue
		}
		switch v := value.(type) {
		case map[string]any:
			object, err := parseNode(v)
			if err != nil {
				return n, err
			}
			n.fields[key] = field{object: &object}
		case []any:
			if len(v) == 0 {
				return n, errors.New("empty arrays are not allowed")
			}
			var f field
			for _, e := range v {
				m, err := parseMatcher(e)
				if err != nil {
					return n, fmt.Errorf("%q: %w", key, err)
				}
				f.values = append(f.values, m)
			}
			n.fields[key] = f
		default:
			return n, fmt.Errorf("%q must be an object or an array", key)
		}
	}
	return n, nil
}

func parseOr(value any) ([]node, error) {
	list, ok := value.([]any)
	if !ok || len(list) < 2 {
		return nil, errors.New(`"$or" must be an array of at least two objects`)
	}
	var group []node
	for _, e := range list {
		tree, ok := e.(map[string]any)
		if !ok {
			return nil, errors.New(`"$or" must be an array of at least two objects`)
		}
		alternative, err := parseNode(tree)
		if err != nil {
			return nil, err
		}
		group = append(group, alternative)
	}
	return group, nil
}

// Matches reports whether an event is meant. Its numbers are json.Number.
func (p *Pattern) Matches(event map[string]any) bool { return p.root.matches(event) }

func (n *node) matches(object map[string]any) bool {
	for key, f := range n.fields {
		value, present := object[key]
		if !f.matches(value, present) {
			return false
		}
	}
	for _, group := range n.anyOf {
		if !slices.ContainsFunc(group, func(alternative node) bool { return alternative.matches(object) }) {
			return false
		}
	}
	return true
}

// matches decides about one key:
//
//	the pattern has   the event has        it matches where
//	an object         an object            that matches
//	an object         an array of objects  one of them matches
//	an object         nothing, a value     the pattern matches an object without any key: it asks only what does not exist
//	values            a value              one of the values matches it
//	values            an array             one of the values matches one of its elements
//	values            nothing, an object   one of the values is {"exists": false}
func (f field) matches(value any, present bool) bool {
	if f.object != nil {
		switch v := value.(type) {
		case map[string]any:
			return f.object.matches(v)
		case []any:
			return slices.ContainsFunc(v, func(e any) bool { o, ok := e.(map[string]any); return ok && f.object.matches(o) })
		}
		return f.object.matches(nil)
	}
	elements := []any{value}
	switch v := value.(type) {
	case map[string]any:
		present = false
	case []any:
		elements = v
	}
	if !present || len(elements) == 0 {
		return slices.ContainsFunc(f.values, func(m matcher) bool { return m.absent })
	}
	return slices.ContainsFunc(f.values, func(m matcher) bool { return !m.absent && slices.ContainsFunc(elements, m.match) })
}

// glob reports whether text matches parts with anything between them; the first is a prefix and the last a suffix.
func glob(parts []string, text string) bool {
	if len(parts) == 1 {
		return text == parts[0]
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1 : len(parts)-1] {
		if _, text, ok = strings.Cut(text, p); !ok {
			return false
		}
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}
