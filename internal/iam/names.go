package iam

import (
	"maps"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// anything matches every name and every Region.
const anything = "*"

// pattern takes in names: those that begin with start, and go on as rest says in IAM's wildcards. Without a rest it is one name.
type pattern struct{ start, rest string }

// String returns the pattern as IAM reads it.
func (p pattern) String() string { return wildcards.Replace(p.start) + literal(p.rest) }

// all reports whether the pattern takes in every name.
func (p pattern) all() bool {
	return p.start == "" && strings.HasPrefix(p.rest, anything) && strings.Trim(p.rest, "*") == ""
}

// below narrows the pattern to names that begin with prefix; ok is false where it takes in none of them.
func (p pattern) below(prefix string) (narrow pattern, ok bool) {
	switch {
	case strings.HasPrefix(p.start, prefix):
		return p, true
	case p.rest != "" && strings.HasPrefix(prefix, p.start):
		return pattern{prefix, anything}, true
	}
	return p, false
}

// unrooted takes the slash off that names may begin with.
func (p pattern) unrooted() pattern {
	p.start = strings.TrimPrefix(p.start, "/")
	if after, ok := strings.CutPrefix(p.rest, "*/"); ok && p.start == "" {
		p.rest = anything + after // what the wildcard stands for may be nothing
	}
	return p
}

// patterns returns what a selection takes in by name: never less than it selects, and as little more as IAM's wildcards can say.
// An exclusion is not among it: another sync may take in what one leaves out.
func patterns(s plan.Selection) []pattern {
	var all []pattern
	add := func(p pattern, ok bool) {
		if ok && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	switch {
	case len(s.Names) > 0:
		for _, n := range s.Names {
			add(pattern{start: string(n)}, selected(s, n))
		}
	case len(s.Glob) > 0 && len(s.Prefix) > 0:
		for _, g := range s.Glob {
			for _, prefix := range s.Prefix {
				add(glob(g).below(prefix))
			}
		}
	case len(s.Glob) > 0:
		for _, g := range s.Glob {
			add(glob(g), true)
		}
	case len(s.Prefix) > 0:
		for _, prefix := range s.Prefix {
			add(pattern{prefix, anything}, true)
		}
	default:
		add(pattern{rest: anything}, true)
	}
	return all
}

// selected reports whether a name that the selection lists is taken in by its other kinds; tags, which a name does not tell, are taken as fitting.
func selected(s plan.Selection, n secret.Name) bool {
	ok, _ := s.Selects(&secret.Meta{Name: n, Tags: s.Tags})
	return ok
}

// glob turns a glob of the configuration into IAM's wildcards, which do not stop at "/". What "**/" stands for may be nothing.
func glob(g string) pattern {
	i := strings.IndexAny(g, "*?")
	if i < 0 {
		return pattern{start: g}
	}
	return pattern{g[:i], strings.NewReplacer("**/", "*", "**", "*").Replace(g[i:])}
}

// literal keeps IAM from taking a "${" for one of its variables.
func literal(s string) string { return strings.ReplaceAll(s, "${", "${$}{") }

// wildcards is literal for where IAM knows wildcards.
var wildcards = strings.NewReplacer("${", "${$}{", "*", "${*}", "?", "${?}")

// tagConditions returns the conditions that a source secret's tags must meet, one of them, so that a rule may read its value; one that is nil where tags don't count.
//
//	the rule …                      its secrets carry
//	selects tags                    one of these, with that value
//	goes by tags alone              a routing tag that says where to
func tagConditions(r *plan.Rule) []Condition {
	all := []Condition{nil}
	if len(r.Select.Tags) > 0 {
		all = nil
		for _, k := range slices.Sorted(maps.Keys(r.Select.Tags)) {
			all = append(all, Condition(nil).with("StringEquals", "aws:ResourceTag/"+k, literal(r.Select.Tags[k])))
		}
	}
	if len(r.To) == 0 || slices.ContainsFunc(r.To, func(to plan.Route) bool { return !to.ByTags }) {
		return all
	}
	var routed []Condition
	for _, c := range all {
		for _, tag := range []string{plan.TagSyncAccount, plan.TagSyncGroup} {
			routed = append(routed, c.with("Null", "aws:ResourceTag/"+tag, "false"))
		}
	}
	return routed
}
