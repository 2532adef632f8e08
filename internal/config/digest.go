package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// digest returns the SHA-256 of everything that the file decides. Groups kept in a secret are not part of it.
func (f *File) digest(settings []*yaml.Node) string {
	type entry struct {
		Type     string
		Settings any
	}
	all := struct {
		Version    int
		Owner      secret.Owner
		Stores     map[secret.StoreName]entry
		Groups     map[plan.GroupName]plan.Group
		GroupsFrom *SecretRef
		Rules      []plan.Rule
		Limits     plan.Limits
	}{1, f.Owner, map[secret.StoreName]entry{}, f.Groups, f.GroupsFrom, f.Rules, f.Limits}
	for i, s := range f.Stores {
		all.Stores[s.Name] = entry{s.Type, canonical(settings[i])}
	}
	data, err := json.Marshal(all) // maps are written in the order of their keys
	if err != nil {
		panic(err) // plain structs, strings and numbers: it can't fail
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// canonical returns a tree as maps, lists and texts. What is not text keeps its YAML type: true is not "true".
func canonical(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = canonical(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		l := []any{}
		for _, item := range n.Content {
			l = append(l, canonical(item))
		}
		return l
	}
	if n.Tag == "!!str" {
		return n.Value
	}
	return []string{n.Tag, n.Value}
}
