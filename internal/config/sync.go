package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/shape"
)

func (p *parser) syncs(n *yaml.Node, f *File) {
	lines := map[secret.SyncName]int{}
	p.list(n, "syncs", func(item *yaml.Node) {
		rule, m := p.rule(item, f)
		if first, dup := lines[rule.Name]; dup {
			p.errorAt(m.name.line, m.name.column, "sync %q is here twice: the first is in line %d; a name is part of every copy's mark", m.name.text, line(first))
		} else if rule.Name != "" {
			lines[rule.Name] = m.name.line
		}
		f.Rules = append(f.Rules, rule)
		f.marks.rules = append(f.marks.rules, m)
	})
}

// rule reads one sync.
func (p *parser) rule(n *yaml.Node, f *File) (plan.Rule, ruleMarks) {
	r := plan.Rule{
		RecoveryDays: plan.DefaultRecoveryDays,
		Deletion:     plan.Retain, Drift: plan.Mend, Existing: plan.Refuse, Tags: plan.CopyTags,
	}
	m := ruleMarks{name: p.raw.mark(n)}
	what := "a sync"
	if name := lookup(n, "name"); name != nil && name.Kind == yaml.ScalarNode {
		what = fmt.Sprintf("sync %q", p.raw.text(name))
	}
	selects := false
	var value *plan.Shape
	ofAll := lookup(n, "value")
	p.mapping(n, what,
		field{"name", true, func(n *yaml.Node) {
			m.name = p.raw.mark(n)
			s, ok := p.text(n, "the name of a sync")
			if ok && !isName(s) {
				p.errorf(n, "%s: a name is 1 to 63 letters, digits, dots, underscores and hyphens, and begins with a letter or a digit", what)
			}
			r.Name = secret.SyncName(s)
		}},
		field{"from", true, func(n *yaml.Node) {
			m.from = p.raw.mark(n)
			r.From = p.storeName(n, what+": from", f)
		}},
		field{"select", false, func(n *yaml.Node) {
			selects = true
			f.marks.hidden = f.marks.hidden || p.replacedIn(n)
			r.Select = p.selection(n, what+": select")
		}},
		field{"value", false, func(n *yaml.Node) { value = p.shape(n, what+": value") }},
		field{"to", true, func(n *yaml.Node) {
			p.list(n, what+": to", func(item *yaml.Node) {
				route, at := p.route(item, what+": to", f)
				if value != nil || ofAll == nil {
					p.shaped(&route, value, item, what+": to")
				}
				typed(&route, at.typ)
				r.To, m.to = append(r.To, route), append(m.to, at)
			})
		}},
		field{"schedule", false, func(n *yaml.Node) { r.Schedule = p.schedule(n, what+": schedule") }},
		field{"deletion", false, func(n *yaml.Node) { choice(p, n, what+": deletion", &r.Deletion, plan.Retain, plan.Delete) }},
		field{"recoveryDays", false, func(n *yaml.Node) {
			if days, ok := p.integer(n, what+": recoveryDays", minRecoveryDays, maxRecoveryDays); ok {
				r.RecoveryDays = days
			}
		}},
		field{"drift", false, func(n *yaml.Node) { choice(p, n, what+": drift", &r.Drift, plan.Mend, plan.Report) }},
		field{"existing", false, func(n *yaml.Node) { choice(p, n, what+": existing", &r.Existing, plan.Refuse, plan.AdoptLegacy) }},
		field{"tags", false, func(n *yaml.Node) { choice(p, n, what+": tags", &r.Tags, plan.CopyTags, plan.NoTags) }},
	)
	routed := func(route plan.Route) bool { return route.ByTags || route.ByName }
	if !selects && len(r.To) > 0 && !slices.ContainsFunc(r.To, routed) {
		p.errorf(n, `%s has no "select": say which secrets, as in select: {prefix: [app/]}; for all of them write select: {glob: ["**"]}`, what)
	} else if i := slices.IndexFunc(r.To, func(route plan.Route) bool { return !routed(route) }); !selects && i >= 0 {
		p.errorAt(m.to[i].at.line, m.to[i].at.column, `%s has no "select", which may be left out only where every destination has byTags: true or byName: true`, what)
	}
	return r, m
}

const minRecoveryDays, maxRecoveryDays = 7, 30

func (p *parser) selection(n *yaml.Node, what string) plan.Selection {
	var s plan.Selection
	p.mapping(n, what,
		field{"prefix", false, func(n *yaml.Node) { s.Prefix = p.literals(n, what+": prefix") }},
		field{"glob", false, func(n *yaml.Node) { s.Glob = p.globs(n, what+": glob") }},
		field{"names", false, func(n *yaml.Node) {
			for _, name := range p.literals(n, what+": names") {
				s.Names = append(s.Names, secret.Name(name))
			}
		}},
		field{"tags", false, func(n *yaml.Node) { s.Tags = p.tags(n, what+": tags") }},
		field{"exclude", false, func(n *yaml.Node) { s.Exclude = p.globs(n, what+": exclude") }},
	)
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.errorf(n, `%s is empty: for every secret write {glob: ["**"]}`, what)
	}
	return s
}

// replacedIn reports whether a tree has a variable in it.
func (p *parser) replacedIn(n *yaml.Node) bool {
	_, replaced := p.raw[n]
	return replaced || slices.ContainsFunc(n.Content, p.replacedIn)
}

func (p *parser) tags(n *yaml.Node, what string) map[string]string {
	tags := map[string]string{}
	p.entries(n, what, func(key, value *yaml.Node) {
		switch {
		case key.Value == "":
			p.errorf(key, "%s: a tag needs a key", what)
		case value.Kind == yaml.ScalarNode && value.Tag == "!!str": // an empty value is one
			tags[key.Value] = value.Value
		default:
			p.text(value, fmt.Sprintf("%s: %q", what, shorten(key.Value)))
		}
	})
	return tags
}

// route reads one destination.
func (p *parser) route(n *yaml.Node, what string, f *File) (plan.Route, routeMarks) {
	var r plan.Route
	m := routeMarks{at: p.raw.mark(n)}
	p.mapping(n, what,
		field{"store", true, func(n *yaml.Node) {
			m.at = p.raw.mark(n)
			r.Store = p.storeName(n, what, f)
		}},
		field{"byTags", false, func(n *yaml.Node) { r.ByTags, _ = p.boolean(n, what+": byTags") }},
		field{"groups", false, func(n *yaml.Node) { r.Groups, m.groups = p.groupNames(n, what+": groups", f) }},
		field{"accounts", false, func(n *yaml.Node) { r.Accounts, m.accounts = p.accounts(n, what+": accounts") }},
		field{"regions", false, func(n *yaml.Node) { r.Regions = p.regions(n, what+": regions") }},
		field{"except", false, func(n *yaml.Node) {
			what := what + ": except"
			p.mapping(n, what,
				field{"accounts", false, func(n *yaml.Node) { r.Except.Accounts, _ = p.accounts(n, what+": accounts") }},
				field{"groups", false, func(n *yaml.Node) { r.Except.Groups, _ = p.groupNames(n, what+": groups", f) }},
				field{"regions", false, func(n *yaml.Node) { r.Except.Regions = p.regions(n, what+": regions") }},
			)
		}},
		field{"byName", false, func(n *yaml.Node) { r.ByName, _ = p.boolean(n, what+": byName") }},
		field{"namespace", false, func(n *yaml.Node) { r.Namespace = p.template(n, what+": namespace", false) }},
		field{"name", false, func(n *yaml.Node) { r.Name = p.template(n, what+": name", false) }},
		field{"type", false, func(n *yaml.Node) { m.typ, _ = p.text(n, what+": type") }},
		field{"value", false, func(n *yaml.Node) { r.Shape = p.shape(n, what+": value") }},
	)
	if r.ByName && (r.Namespace != "" || r.Name != "") {
		p.errorf(n, "%s: with byName the source's name alone decides: leave out namespace and name", what)
	}
	if namer, err := shape.CompileName(r.Namespace); r.Namespace != "" && err == nil && namer.UsesKey() {
		p.errorf(lookup(n, "namespace"), "%s: namespace: all copies of one secret go to one namespace: there is no .Key", what)
	}
	if r.ByTags && (len(r.Groups) > 0 || len(r.Accounts) > 0) {
		p.errorf(n, "%s: with byTags the tags alone decide: give groups and accounts to a destination of their own", what)
	}
	return r, m
}

// typed gives the copies by a route a type. The shape may be that of other routes too.
func typed(r *plan.Route, typ string) {
	if typ == "" {
		return
	}
	var s plan.Shape
	if r.Shape != nil {
		s = *r.Shape
	}
	s.Type = typ
	r.Shape = &s
}
