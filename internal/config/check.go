package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// StoreInfo is what only an opened store can tell of itself.
type StoreInfo struct {
	Account   secret.AccountID   // empty: the settings don't say
	Region    secret.Region      // empty: the settings don't say
	One       bool               // one place; false for a store that is opened once per account and Region
	Elsewhere bool               // it is not in AWS accounts and Regions: byTags, groups, accounts and regions can't name anything of it
	Untagged  bool               // its listing tells no tags: secrets can't be selected and routed by them
	Renames   bool               // a copy has another name there than its source, where the sync gives none
	Reads     []SecretRef        // the secrets that it is connected with
	Allow     []secret.AccountID // nil: every account
	Divided   bool               // it has namespaces, and types of secrets
	Cluster   string             // of what it is a part
	Reached   string             // how its cluster is found, where the settings do not name it
	Namespace string             // its own
	// Namespaces holds the globs of which the namespace of a copy has to match one; nil: there is only Namespace.
	Namespaces []string
	// Identity is the same for two stores that are surely one place, where Account and Region don't tell. Empty: the store is a place of its own.
	Identity string
}

// Check finds what is wrong with a file once its stores are open: sources and destinations that can't be, accounts that are not allowed, and what the
// configuration alone shows to be two sources for one name or a cycle. Stores that opened does not have are left out.
// It contacts nothing. The error joins everything that is wrong, each an *Error.
func Check(f *File, opened map[secret.StoreName]StoreInfo) error {
	c := &checker{File: f, opened: opened}
	if f.GroupsFrom != nil {
		if strings.HasPrefix(string(f.GroupsFrom.Secret), "arn:") {
			c.errorf(f.marks.groupsFrom, "groupsFrom: name the secret, not its ARN: it is kept out of every sync by its name")
		}
		if info, ok := opened[f.GroupsFrom.Store]; ok && !info.One {
			c.errorf(f.marks.groupsFrom, "groupsFrom: store %q is opened once per account: the groups must be in one place; name a store without role, or with an account",
				f.GroupsFrom.Store)
		}
	}
	c.connections()
	c.clusters()
	for i := range f.Rules {
		c.source(i)
		for j := range f.Rules[i].To {
			c.destination(i, j)
		}
	}
	c.flows = c.findFlows()
	c.ownSource()
	c.twoSources()
	c.cycles()
	return join(c.errs)
}

type checker struct {
	*File
	opened map[secret.StoreName]StoreInfo
	flows  []flow
	errs   []*Error
}

func (c *checker) errorf(m mark, format string, args ...any) {
	c.errs = append(c.errs, c.errorAt(m, format, args...))
}

// sync names a rule as the user wrote it.
func (c *checker) sync(i int) string {
	return fmt.Sprintf("sync %q", c.marks.rules[i].name.text)
}

func (c *checker) source(i int) {
	r := c.Rules[i]
	if info, ok := c.opened[r.From]; ok && len(r.Select.Tags) > 0 && info.Untagged {
		c.errorf(c.marks.rules[i].from, "%s: select: tags: a listing of store %q tells none: select by name", c.sync(i), r.From)
	}
	if info, ok := c.opened[r.From]; ok && !info.One {
		c.errorf(c.marks.rules[i].from, "%s: from: store %q is opened once per account and can't be a source: name a store without role, or give it an account",
			c.sync(i), r.From)
	}
}

// clusters reports stores that are called the same, and may be of two clusters.
func (c *checker) clusters() {
	first := map[string]secret.StoreName{}
	for _, s := range c.Stores {
		info := c.opened[s.Name]
		if info.Cluster == "" {
			continue
		}
		before, ok := first[info.Cluster]
		if !ok {
			first[info.Cluster] = s.Name
			continue
		}
		if c.opened[before].Reached != info.Reached {
			c.errorf(c.marks.stores[s.Name], "store %q: its cluster is called as that of store %q, and is found in another way: give each of them cluster: NAME, the same if they are one", s.Name, before)
		}
	}
}

// connections checks the secrets that stores are connected with.
func (c *checker) connections() {
	for _, s := range c.Stores {
		for _, ref := range c.opened[s.Name].Reads {
			if strings.HasPrefix(string(ref.Secret), "arn:") {
				c.errorf(c.marks.stores[s.Name], "store %q: its connection: name the secret, not its ARN: it is kept out of every sync by its name", s.Name)
			}
			switch info, ok := c.opened[ref.Store]; {
			case !slices.ContainsFunc(c.Stores, func(s Store) bool { return s.Name == ref.Store }):
				c.errorf(c.marks.stores[s.Name], "store %q: its connection: store %q is not defined under stores", s.Name, ref.Store)
			case !ok:
			case !info.One:
				c.errorf(c.marks.stores[s.Name], "store %q: its connection: store %q is opened once per account: name one that is in one place", s.Name, ref.Store)
			case len(info.Reads) > 0:
				c.errorf(c.marks.stores[s.Name], "store %q: its connection: store %q is itself connected by a secret", s.Name, ref.Store)
			}
		}
	}
}

func (c *checker) destination(i, j int) {
	route, at := c.Rules[i].To[j], c.marks.rules[i].to[j]
	info, ok := c.opened[route.Store]
	if !ok {
		return
	}
	if info.Elsewhere && (route.ByTags || len(route.Groups)+len(route.Accounts)+len(route.Regions) > 0 ||
		len(route.Except.Accounts)+len(route.Except.Groups)+len(route.Except.Regions) > 0) {
		c.errorf(at.at, "%s: to: store %q is not in AWS accounts: byTags, groups, accounts, regions and except do not apply", c.sync(i), route.Store)
		return
	}
	c.namespace(i, at, route, info)
	if source, ok := c.opened[c.Rules[i].From]; ok && route.ByTags && source.Untagged {
		c.errorf(at.at, "%s: to: byTags: a listing of store %q tells no tags: name groups or accounts, and select by name", c.sync(i), c.Rules[i].From)
	}
	if !info.One && !route.ByTags && len(route.Groups) == 0 && len(route.Accounts) == 0 {
		c.errorf(at.at, "%s: to: store %q is opened once per account: say which, by byTags: true, groups or accounts", c.sync(i), route.Store)
	}
	for k, a := range route.Accounts {
		c.allowed(at.accounts[k], fmt.Sprintf("%s: to: account %s", c.sync(i), at.accounts[k].text), route, info, a)
	}
	for k, name := range route.Groups {
		for _, a := range c.Groups[name].Accounts {
			c.allowed(at.groups[k], fmt.Sprintf("%s: to: account %s of group %s", c.sync(i), c.shown(name, a), at.groups[k].text), route, info, a)
		}
	}
}

// allowed checks an account that a route names against what its store may be opened for.
func (c *checker) allowed(at mark, what string, route plan.Route, info StoreInfo, a secret.AccountID) {
	switch {
	case c.excepted(route, a):
	case info.One && info.Account != "" && a != info.Account:
		c.errorf(at, "%s: store %q is one account, and not this one", what, route.Store)
	case info.Allow != nil && !slices.Contains(info.Allow, a):
		c.errorf(at, "%s is not under allow of store %q: add it there, or put it under except", what, route.Store)
	}
}

func (c *checker) excepted(route plan.Route, a secret.AccountID) bool {
	return slices.Contains(route.Except.Accounts, a) || slices.ContainsFunc(route.Except.Groups, func(g plan.GroupName) bool {
		return slices.Contains(c.Groups[g].Accounts, a)
	})
}

// shown returns an account of a group as the file writes it.
func (c *checker) shown(group plan.GroupName, a secret.AccountID) string {
	i := slices.Index(c.Groups[group].Accounts, a)
	if written := c.marks.groups[group]; i < len(written) {
		return written[i].text
	}
	return "of a variable"
}

// namespace checks what only stores with namespaces have.
func (c *checker) namespace(i int, at routeMarks, route plan.Route, info StoreInfo) {
	switch {
	case !info.Divided && (route.ByName || route.Namespace != "" || at.typ != ""):
		c.errorf(at.at, "%s: to: store %q is not Kubernetes: byName, namespace and type do not apply", c.sync(i), route.Store)
	case !info.Divided:
	case route.ByName && info.Namespaces == nil:
		c.errorf(at.at, "%s: to: byName: store %q must say which namespaces names may lead to: give it namespaces", c.sync(i), route.Store)
	case route.ByName && strings.Contains(info.Cluster, "/"):
		c.errorf(at.at, "%s: to: byName: the cluster of store %q is called %q, which can't be one part of CLUSTER/NAMESPACE/NAME: give the store cluster: NAME", c.sync(i), route.Store, info.Cluster)
	case strings.Contains(route.Namespace, "{{") && info.Namespaces == nil:
		c.errorf(at.at, "%s: to: namespace is a template: store %q must say which namespaces it may lead to: give it namespaces", c.sync(i), route.Store)
	case route.Namespace == "" || strings.Contains(route.Namespace, "{{"):
	case info.Namespaces == nil && route.Namespace != info.Namespace, info.Namespaces != nil && !plan.MatchAny(info.Namespaces, route.Namespace):
		c.errorf(at.at, "%s: to: namespace: it is not under namespaces of store %q: add it there", c.sync(i), route.Store)
	}
}
