package config

import (
	"fmt"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// pattern is one entry of a selection as a glob: "app/db", "app/**", "app/*-eu".
type pattern string

// patterns returns what a selection surely takes in, by name alone. There is nothing sure where tags decide, where something is excluded, or where prefixes and globs are combined.
func patterns(s plan.Selection) (all []pattern) {
	if len(s.Tags) > 0 || len(s.Exclude) > 0 {
		return nil
	}
	switch {
	case len(s.Names) > 0:
		for _, name := range s.Names {
			if ok, _ := s.Selects(&secret.Meta{Name: name}); ok {
				all = append(all, pattern(name))
			}
		}
	case len(s.Prefix) > 0 && len(s.Glob) > 0:
	case len(s.Prefix) > 0:
		for _, p := range s.Prefix {
			all = append(all, pattern(p+"**"))
		}
	default:
		for _, g := range s.Glob {
			all = append(all, pattern(g))
		}
	}
	return all
}

// covers reports whether every name that q matches is surely matched by p: the two are the same, q is one name, or p is all that begins as q does.
func (p pattern) covers(q pattern) bool {
	if p == q {
		return true
	}
	fixed, wild := q.split()
	if wild == "" {
		return plan.Match(string(p), fixed)
	}
	start, rest := p.split()
	return rest == "**" && strings.HasPrefix(fixed, start)
}

// split cuts a pattern at its first wildcard.
func (p pattern) split() (fixed, wild string) {
	i := strings.IndexAny(string(p), "*?")
	if i < 0 {
		return string(p), ""
	}
	return string(p[:i]), string(p[i:])
}

// overlap returns a pattern that a and b surely have in common.
func overlap(a, b []pattern) (pattern, bool) {
	for _, p := range a {
		for _, q := range b {
			switch {
			case p.covers(q):
				return q, true
			case q.covers(p):
				return p, true
			}
		}
	}
	return "", false
}

// described says in a message what a pattern stands for; as it may hold the value of a variable, it is shown only where the file has no variable in a selection.
func (c *checker) described(p pattern) string {
	if c.marks.hidden {
		return "the same names"
	}
	return fmt.Sprintf("%q", shorten(string(p)))
}
