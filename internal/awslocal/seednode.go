package awslocal

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
)

func (p *seedParser) fail(n *yaml.Node, problem string) {
	p.errs = append(p.errs, fmt.Errorf("%s:%d:%d: %s", p.file, n.Line, n.Column, problem))
}

// object reads a mapping whose keys are known; set returns false for one that is not. The error does not quote that key:
// whoever forgets a colon or a quote makes a key of a value.
func (p *seedParser) object(n *yaml.Node, what string, set func(key string, k, v *yaml.Node) bool, known ...string) {
	p.entries(n, func(key string, k, v *yaml.Node) {
		if !set(key, k, v) {
			p.fail(k, "unknown key; "+what+" has "+strings.Join(known, ", "))
		}
	})
}

// entries reads a mapping whose keys are names. A key that stands twice is an error; nothing at all is an empty mapping.
func (p *seedParser) entries(n *yaml.Node, each func(key string, k, v *yaml.Node)) {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "must be a mapping")
		return
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode:
			p.fail(k, "a key must be a text")
			continue
		case seen[k.Value]:
			p.fail(k, "a key that stands twice")
			continue
		}
		seen[k.Value] = true
		each(k.Value, k, v)
	}
}

// text reads a scalar exactly as it was written, numbers and dates too.
func (p *seedParser) text(n *yaml.Node) string {
	at := n
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		p.fail(at, "must be a text")
		return ""
	}
	return n.Value
}

func (p *seedParser) boolean(n *yaml.Node) bool {
	at := n
	n = resolve(n)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		p.fail(at, "must be true or false")
		return true
	}
	return strings.EqualFold(n.Value, "true")
}

func (p *seedParser) entityName(name string, k *yaml.Node) {
	ok := name != "" && len(name) <= 64
	for i := range len(name) {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_+=,.@-", c) >= 0)
	}
	if !ok {
		p.fail(k, "a user or a role is named by up to 64 letters, digits and _+=,.@-")
	}
}

func (p *seedParser) policies(n *yaml.Node) []policy.Document {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		p.fail(n, "must be a list of policies")
		return nil
	}
	docs := make([]policy.Document, 0, len(n.Content))
	for _, v := range n.Content {
		docs = append(docs, p.document(v, policy.ParseIdentity))
	}
	return docs
}

// document reads a policy that is written as YAML, or as JSON in a string.
func (p *seedParser) document(n *yaml.Node, parse func([]byte) (policy.Document, error)) (doc policy.Document) {
	p.policyText(n, func(data []byte) (_ policy.Document, err error) {
		doc, err = parse(data)
		return doc, err
	})
	return doc
}

// policyText is document for a policy that is kept as JSON.
func (p *seedParser) policyText(n *yaml.Node, parse func([]byte) (policy.Document, error)) string {
	at := n
	n = resolve(n)
	var data []byte
	if n.Kind == yaml.ScalarNode {
		data = []byte(n.Value)
	} else {
		tree, err := p.tree(n, 0, textScalar)
		if err != nil {
			return ""
		}
		if data, err = json.Marshal(tree); err != nil {
			p.fail(at, "not a policy")
			return ""
		}
	}
	if _, err := parse(data); err != nil {
		p.fail(at, "not a policy: "+err.Error())
	}
	return string(data)
}

// textScalar keeps every scalar as it was written.
func textScalar(n *yaml.Node) any { return n.Value }

// maxDepth is deeper than any policy goes.
const maxDepth = 32

// tree turns nodes into what encoding/json writes. What becomes of a scalar is said by the caller: to a policy, 123456789012 and 2012-10-17 are texts.
func (p *seedParser) tree(n *yaml.Node, depth int, scalar func(*yaml.Node) any) (any, error) {
	n = resolve(n)
	if depth > maxDepth {
		return nil, p.broken(n, "nested too deeply")
	}
	switch n.Kind {
	case yaml.ScalarNode:
		return scalar(n), nil
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, v := range n.Content {
			e, err := p.tree(v, depth+1, scalar)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		return list, nil
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if _, twice := m[k.Value]; twice || k.Kind != yaml.ScalarNode {
				return nil, p.broken(k, "a key that is no text, or stands twice")
			}
			e, err := p.tree(n.Content[i+1], depth+1, scalar)
			if err != nil {
				return nil, err
			}
			m[k.Value] = e
		}
		return m, nil
	}
	return nil, p.broken(n, "not a policy")
}

// broken reports a problem, and returns it for those who cannot go on.
func (p *seedParser) broken(n *yaml.Node, problem string) error {
	p.fail(n, problem)
	return p.errs[len(p.errs)-1]
}

// resolve follows an alias to what it stands for; YAML lets an alias stand for nothing that is an alias itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// isRegion reports whether s looks like the name of a Region: "us-gov-east-1".
func isRegion(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) < 3 {
		return false
	}
	for i, part := range parts {
		set := "abcdefghijklmnopqrstuvwxyz"
		if i == len(parts)-1 {
			set = "0123456789"
		}
		if part == "" || strings.Trim(part, set) != "" {
			return false
		}
	}
	return true
}
