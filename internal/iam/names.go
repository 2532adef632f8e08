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

// suffix stands for the six characters that AWS adds to a name to make an ARN.
const suffix = "-??????"

// patterns returns what a selection takes in by name, as the last part of an ARN: never less than it selects, and as little more as IAM's wildcards can say.
// An exclusion is not among it: another sync may take in what one leaves out.
func patterns(s plan.Selection) []string {
	var all []string
	add := func(p string) {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	switch {
	case len(s.Names) > 0:
		for _, n := range s.Names {
			if selected(s, n) {
				add(literal(string(n)) + suffix)
			}
		}
	case len(s.Glob) > 0 && len(s.Prefix) > 0:
		for _, g := range s.Glob {
			for _, prefix := range s.Prefix {
				switch start := fixed(g); {
				case strings.HasPrefix(start, prefix):
					add(glob(g))
				case strings.HasPrefix(prefix, start):
					add(literal(prefix) + anything)
				}
			}
		}
	case len(s.Glob) > 0:
		for _, g := range s.Glob {
			add(glob(g))
		}
	case len(s.Prefix) > 0:
		for _, prefix := range s.Prefix {
			add(literal(prefix) + anything)
		}
	default:
		add(anything)
	}
	return all
}

// selected reports whether a name that the selection lists is taken in by its other kinds; tags, which a name does not tell, are taken as fitting.
func selected(s plan.Selection, n secret.Name) bool {
	ok, _ := s.Selects(&secret.Meta{Name: n, Tags: s.Tags})
	return ok
}

// glob turns a glob of the configuration into IAM's wildcards, which do not stop at "/".
func glob(g string) string {
	g = literal(strings.ReplaceAll(g, "**", "*"))
	if strings.HasSuffix(g, anything) {
		return g
	}
	return g + suffix
}

// fixed returns the beginning of a glob that has no wildcard.
func fixed(g string) string {
	if i := strings.IndexAny(g, "*?"); i >= 0 {
		return g[:i]
	}
	return g
}

// literal keeps IAM from taking a "${" for one of its variables.
func literal(s string) string { return strings.ReplaceAll(s, "${", "${$}{") }

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
