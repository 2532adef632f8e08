package config

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	maxDepth    = 32   // of nested lists and maps
	maxRepeated = 1000 // nodes that aliases may stand for, in all
)

// parser reads one file. It collects errors instead of stopping at the first.
type parser struct {
	path     string
	env      func(string) (string, bool)
	errs     []*Error
	raw      rawText
	settings []*yaml.Node // of the stores, in order
	repeated int
	quiet    bool // the text is the value of a secret, by mistake perhaps any secret: no message quotes it
}

// rawText has the text of the scalars that held a ${VAR}, as written.
type rawText map[*yaml.Node]string

// load returns the root of a plain tree: no aliases, no tags of its own, no duplicate keys, no variables. It is nil where the file can't be read as one document.
// A node that was found bad has kind 0: the readers stay silent about it.
func (p *parser) load(data []byte) *yaml.Node {
	if len(data) > maxSize {
		p.errorAt(0, 0, "the file is larger than %v KiB: is it a configuration?", limit(maxSize>>10))
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		p.errorAt(0, 0, "%v", err)
		return nil
	}
	var doc, next yaml.Node
	if err := loader.Load(&doc); err != nil {
		p.syntax(data, err)
		return nil
	}
	switch err := loader.Load(&next); {
	case err == nil:
		p.errorf(&next, "a second YAML document begins here: a configuration is one document")
		return nil
	case !errors.Is(err, io.EOF):
		p.syntax(data, err)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		p.errorAt(0, 0, "the file is empty: it needs at least version, stores and syncs")
		return nil
	}
	if top := doc.Content[0]; p.quiet && lookup(top, "version") == nil && lookup(top, "stores") == nil && lookup(top, "syncs") == nil {
		p.errorAt(0, 0, "the secret holds no configuration")
		return nil
	}
	root := p.clean(doc.Content[0], 0, false)
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		p.errorAt(0, 0, "the file is empty: it needs at least version, stores and syncs")
		return nil
	}
	return root
}

// syntax reports what the YAML parser says.
func (p *parser) syntax(data []byte, err error) {
	if errors.Is(err, io.EOF) {
		p.errorAt(0, 0, "the file is empty: it needs at least version, stores and syncs")
		return
	}
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		p.errorAt(0, 0, "not valid YAML")
		return
	}
	if p.quiet { // the library's message may quote the text
		p.errorAt(e.Mark.Line, e.Mark.Column, "not valid YAML")
		return
	}
	message := e.Message
	if e.ContextMsg != "" {
		message = e.ContextMsg + ": " + message
	}
	lines := strings.Split(string(data), "\n")
	if i := e.Mark.Line - 1; i >= 0 && i < len(lines) && strings.Contains(lines[i], "${") && strings.ContainsAny(lines[i], "[{") {
		message += ` (between [ ] and { } a variable needs quotes: "${VAR}")`
	}
	p.errorAt(e.Mark.Line, e.Mark.Column, "not valid YAML: %s", message)
}

// clean copies a tree, follows its aliases and replaces its variables.
func (p *parser) clean(n *yaml.Node, depth int, repeated bool) *yaml.Node {
	bad := &yaml.Node{Line: n.Line, Column: n.Column}
	if depth > maxDepth {
		p.errorf(n, "nested more than %v deep", limit(maxDepth))
		return bad
	}
	if n.Kind == yaml.AliasNode {
		return p.clean(n.Alias, depth+1, true)
	}
	if repeated {
		if p.repeated++; p.repeated > maxRepeated {
			if p.repeated == maxRepeated+1 {
				p.errorf(n, "the file's aliases repeat more than %v nodes: write out what they stand for", limit(maxRepeated))
			}
			return bad
		}
	}
	if n.Style&yaml.TaggedStyle != 0 {
		p.errorf(n, "the YAML tag %s: tags are not used here; put text in quotes instead", n.Tag)
		return bad
	}
	c := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	switch n.Kind {
	case yaml.ScalarNode:
		p.replace(c)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			c.Content = append(c.Content, p.clean(item, depth+1, repeated))
		}
	case yaml.MappingNode:
		seen := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if !p.key(key, seen) {
				continue
			}
			k := &yaml.Node{Kind: key.Kind, Style: key.Style, Tag: key.Tag, Value: key.Value, Line: key.Line, Column: key.Column}
			c.Content = append(c.Content, k, p.clean(n.Content[i+1], depth+1, repeated))
		}
	default:
		return bad
	}
	return c
}

// key reports whether a key of a map is text that the map does not have yet.
func (p *parser) key(key *yaml.Node, seen map[string]*yaml.Node) bool {
	switch {
	case key.Kind == yaml.ScalarNode && key.Tag == "!!merge":
		p.errorf(key, "merge keys (<<) are not used here: write the keys out")
		return false
	case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0:
		p.errorf(key, "a key must be plain text")
		return false
	case key.Tag != "!!str":
		p.errorf(key, "the key %s reads as %s: put it in quotes", key.Value, own(kindOf(key)))
		return false
	}
	if first, dup := seen[key.Value]; dup {
		p.errorf(key, "the key %q is here twice: the first is in line %d", key.Value, line(first.Line))
		return false
	}
	seen[key.Value] = key
	return true
}
