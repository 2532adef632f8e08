package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// file reads the whole. The fields are read in an order in which names are defined before they are used.
func (p *parser) file(root *yaml.Node, kinds []Kind) *File {
	f := &File{
		Path:   p.path,
		Limits: plan.Limits{Deletes: plan.DefaultDeletes, DeletePercent: plan.DefaultDeletePercent},
		marks:  marks{stores: map[secret.StoreName]mark{}, groups: map[plan.GroupName][]mark{}, quiet: p.quiet},
	}
	p.mapping(root, "the file",
		field{"version", true, p.version},
		field{"owner", false, func(n *yaml.Node) { f.Owner = p.owner(n) }},
		field{"limits", false, func(n *yaml.Node) { p.limits(n, &f.Limits) }},
		field{"stores", true, func(n *yaml.Node) { p.stores(n, f, kinds) }},
		field{"groups", false, func(n *yaml.Node) { p.groups(n, f) }},
		field{"groupsFrom", false, func(n *yaml.Node) { p.groupsFrom(n, f) }},
		field{"syncs", true, func(n *yaml.Node) { p.syncs(n, f) }},
		field{"notify", false, func(n *yaml.Node) { p.notify(n, f) }},
		field{"serve", false, func(n *yaml.Node) { f.Serve = p.serve(n) }},
		field{"rotations", false, func(n *yaml.Node) { p.rotations(n, f) }},
	)
	return f
}

func (p *parser) version(n *yaml.Node) {
	if v, ok := p.integer(n, "version", 0, noLimit); ok && v != 1 {
		p.errorf(n, "version %s is not known: this program reads version 1", p.raw.text(n))
	}
}

func (p *parser) owner(n *yaml.Node) secret.Owner {
	s, ok := p.text(n, "owner")
	if ok && !isOwner(s) {
		p.errorf(n, "owner %q: it must be 1 to 64 letters, digits, dots, underscores and hyphens: it is written into tags", p.raw.text(n))
	}
	return secret.Owner(s)
}

func (p *parser) limits(n *yaml.Node, into *plan.Limits) {
	p.mapping(n, "limits",
		field{"deletes", false, func(n *yaml.Node) {
			if v, ok := p.integer(n, "deletes", 0, noLimit); ok {
				into.Deletes = v
			}
		}},
		field{"deletePercent", false, func(n *yaml.Node) {
			if v, ok := p.integer(n, "deletePercent", 0, 100); ok {
				into.DeletePercent = v
			}
		}},
	)
}

func (p *parser) stores(n *yaml.Node, f *File, kinds []Kind) {
	p.entries(n, "stores", func(key, value *yaml.Node) {
		if !isName(key.Value) {
			p.errorf(key, "store %q: a name is 1 to 63 letters, digits, dots, underscores and hyphens, and begins with a letter or a digit", shorten(key.Value))
		}
		name := secret.StoreName(key.Value)
		f.marks.stores[name] = p.raw.mark(key)
		f.Stores = append(f.Stores, p.store(name, value, kinds))
	})
}

func (p *parser) groups(n *yaml.Node, f *File) {
	f.Groups = map[plan.GroupName]plan.Group{}
	p.entries(n, "groups", func(key, value *yaml.Node) {
		var g plan.Group
		what := fmt.Sprintf("group %q", key.Value)
		if key.Value == "" {
			p.errorf(key, "a group needs a name")
		}
		p.mapping(value, what,
			field{"accounts", true, func(n *yaml.Node) { g.Accounts, f.marks.groups[plan.GroupName(key.Value)] = p.accounts(n, what) }},
			field{"region", false, func(n *yaml.Node) { g.Region, _ = p.region(n, what) }},
		)
		f.Groups[plan.GroupName(key.Value)] = g
	})
}

func (p *parser) groupsFrom(n *yaml.Node, f *File) {
	ref := SecretRef{Secret: DefaultGroupsSecret}
	p.mapping(n, "groupsFrom",
		field{"store", true, func(n *yaml.Node) {
			ref.Store = p.storeName(n, "groupsFrom", f)
			f.marks.groupsFrom = p.raw.mark(n)
		}},
		field{"secret", false, func(n *yaml.Node) {
			s, _ := p.text(n, "secret")
			ref.Secret = secret.Name(s)
		}},
	)
	f.GroupsFrom = &ref
}
