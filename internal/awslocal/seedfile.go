package awslocal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awslocal/kms"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
)

// ParseSeed reads a seed file, strictly: an unknown key, a wrong type, a key that nothing defines are errors that name file, line and column.
// All of them are reported at once. No error holds a value of the file. name is what errors call the file.
func ParseSeed(r io.Reader, name string) (*Seed, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return nil, syntaxError(name, err)
	}
	p := &seedParser{file: name, accessKeys: make(map[string]bool)}
	seed := &Seed{Accounts: make(map[string]SeedAccount)}
	root := &doc
	if root.Kind == yaml.DocumentNode {
		root = root.Content[0]
	}
	p.object(root, "a seed", func(key string, k, v *yaml.Node) bool {
		if key != "accounts" {
			return false
		}
		p.entries(v, func(id string, k, v *yaml.Node) {
			if !policy.IsAccount(id) {
				p.fail(k, "an account is 12 digits, in quotes")
			}
			seed.Accounts[id] = p.account(id, v)
		})
		return true
	}, "accounts")
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs...)
	}
	return seed, nil
}

// syntaxError keeps where a file is broken, and drops how: the parser quotes what it read.
func syntaxError(name string, err error) error {
	var at *yaml.LoadError
	if errors.As(err, &at) && at.Mark.Line > 0 {
		return fmt.Errorf("%s:%d:%d: not valid YAML", name, at.Mark.Line, at.Mark.Column)
	}
	return fmt.Errorf("%s: not valid YAML", name)
}

// seedParser reads a seed off YAML nodes; decoding into Go values would lose the leading zeros of accounts and quote values in its errors.
type seedParser struct {
	file       string
	accessKeys map[string]bool
	errs       []error
}

func (p *seedParser) account(id string, n *yaml.Node) SeedAccount {
	a := SeedAccount{Users: make(map[string]SeedUser), Roles: make(map[string]SeedRole), Regions: make(map[string]SeedRegion)}
	p.object(n, "an account", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "users":
			p.entries(v, func(name string, k, v *yaml.Node) {
				p.entityName(name, k)
				a.Users[name] = p.user(id, v)
			})
		case "roles":
			p.entries(v, func(name string, k, v *yaml.Node) {
				p.entityName(name, k)
				a.Roles[name] = p.role(v)
			})
		case "regions":
			p.entries(v, func(name string, k, v *yaml.Node) {
				if !isRegion(name) {
					p.fail(k, "not the name of a Region")
				}
				a.Regions[name] = p.region(v)
			})
		case "trail":
			a.NoTrail = !p.boolean(v)
		default:
			return false
		}
		return true
	}, "users", "roles", "regions", "trail")
	return a
}

func (p *seedParser) user(account string, n *yaml.Node) SeedUser {
	var u SeedUser
	p.object(n, "a user", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "accessKeyId":
			u.AccessKeyID = p.accessKey(v)
			if policy.IsAccount(u.AccessKeyID) && u.AccessKeyID != account {
				p.fail(v, "an access key of 12 digits is an account's root, and this is not the account")
			}
		case "policies":
			u.Policies = p.policies(v)
		default:
			return false
		}
		return true
	}, "accessKeyId", "policies")
	if u.AccessKeyID == "" {
		p.fail(n, "a user needs an accessKeyId")
	}
	return u
}

func (p *seedParser) role(n *yaml.Node) SeedRole {
	var r SeedRole
	trusted := false
	p.object(n, "a role", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "accessKeyId":
			r.AccessKeyID = p.accessKey(v)
			if policy.IsAccount(r.AccessKeyID) {
				p.fail(v, "an access key of 12 digits is an account's root, not a role's")
			}
		case "trust":
			trusted = true
			r.Trust = p.document(v, policy.ParseTrust)
		case "policies":
			r.Policies = p.policies(v)
		default:
			return false
		}
		return true
	}, "trust", "policies", "accessKeyId")
	if !trusted {
		p.fail(n, "a role needs a trust policy")
	}
	return r
}

func (p *seedParser) accessKey(n *yaml.Node) string {
	key := p.text(n)
	switch {
	case key == "" || strings.ContainsAny(key, "/, \t\n="):
		p.fail(n, "not an access key id")
	case p.accessKeys[key]:
		p.fail(n, "an access key id that somebody else has")
	}
	p.accessKeys[key] = true
	return key
}

func (p *seedParser) region(n *yaml.Node) SeedRegion {
	r := SeedRegion{
		Keys: make(map[string]SeedKey), Secrets: make(map[string]SeedSecret),
		Parameters: make(map[string]SeedParameter), Topics: make(map[string]SeedTopic),
		Queues: make(map[string]SeedQueue), Rules: make(map[string]SeedRule), Clusters: make(map[string]SeedCluster),
		Services: make(map[string]SeedService),
	}
	var rules ruleNodes
	uses := make(map[*yaml.Node]string) // the key that a secret or a parameter names, by where that is
	p.object(n, "a Region", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "keys":
			p.entries(v, func(name string, k, v *yaml.Node) {
				if !kms.ValidAlias(name) || strings.HasPrefix(name, "alias/aws/") {
					p.fail(k, "a key is named by an alias: alias/ and letters, digits, /, _ and -; alias/aws/ is AWS's own")
				}
				r.Keys[name] = p.key(v)
			})
		case "secrets":
			p.entries(v, func(name string, _, v *yaml.Node) {
				s, keyNode := p.secret(v)
				r.Secrets[name] = s
				if keyNode != nil {
					uses[keyNode] = s.KMSKey
				}
			})
		case "parameters":
			p.entries(v, func(name string, k, v *yaml.Node) {
				s, keyNode := p.parameter(name, k, v)
				r.Parameters[name] = s
				if keyNode != nil {
					uses[keyNode] = s.KMSKey
				}
			})
		case "topics":
			p.entries(v, func(name string, k, v *yaml.Node) { r.Topics[name] = p.topic(name, k, v) })
		case "queues":
			p.queues(v, r.Queues)
		case "rules":
			p.entries(v, func(name string, k, v *yaml.Node) { r.Rules[name] = p.rule(name, k, v, &rules) })
		case "clusters":
			p.entries(v, func(name string, k, v *yaml.Node) { r.Clusters[name] = p.cluster(name, k, v) })
		case "services":
			p.entries(v, func(name string, k, v *yaml.Node) { r.Services[name] = p.service(name, k, v) })
		default:
			return false
		}
		return true
	}, "keys", "secrets", "parameters", "topics", "queues", "rules", "clusters", "services")
	for _, t := range rules {
		if err := r.knows([]string{t.Value}); err != nil {
			p.fail(t, "neither queue/NAME nor topic/NAME of this Region, nor an ARN")
		}
	}
	for at, key := range uses {
		if _, known := r.Keys[key]; strings.HasPrefix(key, "alias/") && !strings.HasPrefix(key, "alias/aws/") && !known {
			p.fail(at, "a key that is not among the keys of this Region")
		}
	}
	return r
}

func (p *seedParser) key(n *yaml.Node) SeedKey {
	var k SeedKey
	p.object(n, "a key", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "id":
			k.ID = p.text(v)
		case "enabled":
			k.Disabled = !p.boolean(v)
		case "policy":
			k.Policy = p.policyText(v, policy.ParseResource)
		default:
			return false
		}
		return true
	}, "id", "enabled", "policy")
	return k
}

// maxValue is how many bytes a value may have.
const maxValue = 65536

func (p *seedParser) notTooLarge(n *yaml.Node, bytes int) {
	if bytes > maxValue {
		p.fail(n, "larger than 65,536 bytes, the most that a secret holds")
	}
}

func (p *seedParser) secret(n *yaml.Node) (s SeedSecret, keyNode *yaml.Node) {
	value, binary := false, false
	p.object(n, "a secret", func(key string, _, v *yaml.Node) bool {
		switch key {
		case "value":
			value = true
			if s.Value = p.text(v); s.Value == "" {
				p.fail(v, "must not be empty; a secret without a version has no value at all")
			}
			p.notTooLarge(v, len(s.Value))
		case "binary":
			binary = true
			var err error
			if s.Binary, err = base64.StdEncoding.DecodeString(p.text(v)); err != nil {
				p.fail(v, "not base64") // the error says nothing more that may be said
			} else if len(s.Binary) == 0 {
				p.fail(v, "must not be empty; a secret without a version has no binary at all")
			}
			p.notTooLarge(v, len(s.Binary))
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
	}, "value", "binary", "description", "kmsKey", "tags")
	if value && binary {
		p.fail(n, "a secret has a value or a binary, not both")
	}
	return s, keyNode
}
