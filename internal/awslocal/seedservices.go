package awslocal

import (
	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awslocal/sns"
)

// parameter reads a parameter. What PutParameter would refuse is an error at its name: AWS's text says what is wrong, without the value.
func (p *seedParser) parameter(name string, k, n *yaml.Node) (s SeedParameter, keyNode *yaml.Node) {
	before := len(p.errs)
	p.object(n, "a parameter", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "value":
			s.Value = p.text(v)
		case "type":
			s.Type = p.text(v)
		case "tier":
			s.Tier = p.text(v)
		case "description":
			s.Description = p.text(v)
		case "kmsKey":
			s.KMSKey, keyNode = p.text(v), v
		case "tags":
			s.Tags = make(map[string]string)
			p.entries(v, func(key string, _, v *yaml.Node) { s.Tags[key] = p.text(v) })
		default:
			return false
		}
		return true
	}, "value", "type", "tier", "description", "kmsKey", "tags")
	if len(p.errs) > before {
		return s, keyNode
	}
	if err := s.parameter(name).Check(); err != nil {
		p.fail(k, "not a parameter: "+err.Error())
	}
	return s, keyNode
}

func (p *seedParser) topic(name string, k, n *yaml.Node) (t SeedTopic) {
	if !sns.ValidName(name) {
		p.fail(k, "a topic is named by up to 256 letters, digits, - and _")
	}
	p.object(n, "a topic", func(key string, _, v *yaml.Node) bool {
		if key != "displayName" {
			return false
		}
		t.DisplayName = p.text(v)
		return true
	}, "displayName")
	return t
}
