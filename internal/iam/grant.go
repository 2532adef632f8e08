package iam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// ownerTag is the tag that says whose a copy is.
const ownerTag = "secretsync:owner"

// grant lets the role that works in a store do what a use of it needs.
func (g *generator) grant(n need, use store.Use) error {
	role := g.roleOf(n.store, n.account)
	access := n.store.Access(use)
	for _, a := range access {
		switch a.Resource {
		case store.ScopeAny:
			role.allow(purposeList, n.requested(), a.Action, []string{anything})
		case store.ScopeSecret:
			g.grantSecret(role, n, use, a.Action, n.secrets(g.Partition))
		case store.ScopeParameter:
			g.grantParameter(role, n, use, a.Action)
		case store.ScopeKey:
			g.grantKey(role, n, use, a.Action)
		default:
			return fmt.Errorf("action %s is about %q, which no policy is known for", a.Action, a.Resource)
		}
	}
	return nil
}

// grantSecret chooses the condition by what an action does:
//
//	reads a value            the tags that the rule goes by
//	reads metadata           none: an absence must be told from a denial, and what is foreign must be seen to be
//	creates                  it must come with our owner tag; the tags of a creation are authorized as TagResource too
//	changes                  it must carry our owner tag
func (g *generator) grantSecret(role *role, n need, use store.Use, action string, resources []string) {
	_, verb, _ := strings.Cut(action, ":")
	switch {
	case strings.HasPrefix(verb, "Describe"):
		role.allow(purposeDescribe, nil, action, resources)
	case strings.HasPrefix(verb, "Get"):
		conditions := n.tags
		if use != store.UseSource {
			conditions = []Condition{nil}
		}
		for _, c := range conditions {
			role.allow(purposeRead, c, action, resources)
		}
	case strings.HasPrefix(verb, "Create"):
		// A secret that is there already may be ours, when a creation is repeated, but nobody else's.
		c := Condition(nil).with("StringEquals", "aws:RequestTag/"+ownerTag, string(g.Owner)).
			with("StringEqualsIfExists", "aws:ResourceTag/"+ownerTag, string(g.Owner))
		role.allow(purposeCreate, c, action, resources)
		for _, a := range n.store.Access(use) {
			if _, v, _ := strings.Cut(a.Action, ":"); strings.HasPrefix(v, "Tag") {
				role.allow(purposeCreate, c, a.Action, resources)
			}
		}
	default:
		role.allow(purposeChange, Condition(nil).with("StringEquals", "aws:ResourceTag/"+ownerTag, string(g.Owner)), action, resources)
	}
}

// grantParameter goes by names alone: a parameter's mark is in its description, which no condition sees. Whoever writes a parameter may look at its history,
// which holds its values, so that reading them is no further right.
func (g *generator) grantParameter(role *role, n need, use store.Use, action string) {
	purpose := purposeWrite
	if use == store.UseSource {
		purpose = purposeRead
	}
	role.allow(purpose, nil, action, n.secrets(g.Partition))
}

// grantKey lets a key be used through the service alone. The keys of sources are not known: there, and where tags don't tell ours from others, the secrets that
// they encrypt are named.
func (g *generator) grantKey(role *role, n need, use store.Use, action string) {
	if use == store.UseSource {
		role.allow(purposeSources, n.encrypting(g.Partition, n.via(g.Partition, nil)), action, n.arns(g.Partition, "kms", "key/*"))
		return
	}
	keys, region, c := g.keys(n)
	if strings.HasSuffix(action, ":DescribeKey") { // the one that is called directly: it tells which key a copy has by its alias, whichever that is
		role.allow(purposeExamine, nil, action, slices.Concat(keys, n.arns(g.Partition, "kms", "key/*")))
		return
	}
	if region != "" {
		n.regions = []string{region}
	}
	c = n.via(g.Partition, c)
	if !n.store.Traits().Tags {
		c = n.encrypting(g.Partition, c)
	}
	role.allow(purposeKeys, c, action, keys)
}

// keys returns the key that a store's copies are written under as a resource, its Region where its name says so, and what tells it from others:
// a policy can name a key by its id only, and one that is known by its alias by a condition.
func (g *generator) keys(n need) (resources []string, region string, c Condition) {
	key := n.store.Key()
	name := string(key)
	if parts := strings.SplitN(name, ":", 6); len(parts) == 6 {
		n.account, region, name = secret.AccountID(parts[4]), parts[3], parts[5]
		n.regions = []string{region}
	}
	if strings.HasPrefix(name, "alias/") {
		return n.arns(g.Partition, "kms", "key/*"), region, Condition(nil).with("ForAnyValue:StringEquals", "kms:ResourceAliases", name)
	}
	return n.arns(g.Partition, "kms", "key/"+strings.TrimPrefix(name, "key/")), region, nil
}
