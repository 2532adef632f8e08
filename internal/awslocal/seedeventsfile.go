package awslocal

import (
	"encoding/json"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awslocal/events"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sqs"
)

// queues reads queues, and looks whether those are there that others send their dead letters to.
func (p *seedParser) queues(n *yaml.Node, into map[string]SeedQueue) {
	dead := make(map[string]*yaml.Node) // where the queue of a redrive is named, by the queue that has it
	p.entries(n, func(name string, k, v *yaml.Node) {
		if !sqs.ValidName(name) {
			p.fail(k, "a queue is named by up to 80 letters, digits, - and _")
		}
		into[name] = p.queue(v, func(at *yaml.Node) { dead[name] = at })
	})
	for name, at := range dead {
		if to, ok := into[into[name].Redrive.Queue]; !ok || to.Redrive != nil {
			p.fail(at, "not another queue of this Region without a redrive of its own")
		}
	}
}

func (p *seedParser) queue(n *yaml.Node, redriven func(at *yaml.Node)) (q SeedQueue) {
	p.object(n, "a queue", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "visibilityTimeout":
			seconds := p.number(v, 0, 43200)
			q.VisibilityTimeout = &seconds
		case "waitTime":
			q.WaitTime = p.number(v, 0, 20)
		case "retention":
			q.Retention = p.number(v, 60, 1209600)
		case "redrive":
			q.Redrive = new(SeedRedrive)
			at := v
			p.object(v, "a redrive", func(key string, _, v *yaml.Node) bool {
				switch key {
				case "queue":
					q.Redrive.Queue, at = p.text(v), v
				case "after":
					q.Redrive.After = p.number(v, 1, 1000)
				default:
					return false
				}
				return true
			}, "queue", "after")
			if q.Redrive.After == 0 {
				p.fail(v, "a redrive needs after: how often a message is received before it goes")
			}
			redriven(at)
		case "policy":
			q.Policy = p.json(v, textScalar)
			if _, err := policy.ParseResource([]byte(q.Policy)); err != nil && q.Policy != "" {
				p.fail(v, "not a policy: "+err.Error())
			}
		default:
			return false
		}
		return true
	}, "visibilityTimeout", "waitTime", "retention", "redrive", "policy")
	return q
}

func (p *seedParser) number(n *yaml.Node, low, high int) int {
	x, err := strconv.Atoi(p.text(n))
	if err != nil || x < low || x > high {
		p.fail(n, "must be a number between "+strconv.Itoa(low)+" and "+strconv.Itoa(high))
	}
	return x
}

// ruleNodes is where the targets of rules are named.
type ruleNodes []*yaml.Node

func (p *seedParser) rule(name string, k, n *yaml.Node, targets *ruleNodes) (r SeedRule) {
	if !events.ValidName(name) {
		p.fail(k, "a rule is named by up to 64 letters, digits, ., - and _")
	}
	p.object(n, "a rule", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "pattern":
			r.Pattern = p.json(v, plainScalar)
			if _, err := events.ParsePattern([]byte(r.Pattern)); err != nil && r.Pattern != "" {
				p.fail(v, "not an event pattern: "+err.Error())
			}
		case "targets":
			list := resolve(v)
			if list.Kind != yaml.SequenceNode || len(list.Content) > 5 {
				p.fail(v, "must be a list of up to 5 targets")
				return true
			}
			for _, t := range list.Content {
				r.Targets = append(r.Targets, p.text(t))
				*targets = append(*targets, resolve(t))
			}
		case "enabled":
			r.Disabled = !p.boolean(v)
		default:
			return false
		}
		return true
	}, "pattern", "targets", "enabled")
	if r.Pattern == "" {
		p.fail(n, "a rule needs a pattern")
	}
	return r
}

func (p *seedParser) cluster(name string, k, n *yaml.Node) (c SeedCluster) {
	before := len(p.errs)
	p.object(n, "a cluster", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "endpoint":
			c.Endpoint = p.text(v)
		case "certificateAuthority":
			c.CertificateAuthority = p.text(v)
		case "status":
			c.Status = p.text(v)
		case "version":
			c.Version = p.text(v)
		case "tags":
			c.Tags = make(map[string]string)
			p.entries(v, func(key string, _, v *yaml.Node) { c.Tags[key] = p.text(v) })
		default:
			return false
		}
		return true
	}, "endpoint", "certificateAuthority", "status", "version", "tags")
	if err := c.cluster(name).Check(); err != nil && len(p.errs) == before {
		p.fail(k, err.Error())
	}
	return c
}

// json turns what is written as YAML, or as JSON in a text, into JSON. "" is an error that was reported.
func (p *seedParser) json(n *yaml.Node, scalarAs func(*yaml.Node) any) string {
	if scalar := resolve(n); scalar.Kind == yaml.ScalarNode {
		return scalar.Value
	}
	tree, err := p.tree(n, 0, scalarAs)
	if err != nil {
		return ""
	}
	text, err := json.Marshal(tree)
	if err != nil {
		p.fail(n, "not JSON")
		return ""
	}
	return string(text)
}

// plainScalar keeps numbers, true, false and null apart from texts.
func plainScalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.RawMessage(n.Value)
		}
	case "!!null":
		return nil
	}
	return n.Value
}
