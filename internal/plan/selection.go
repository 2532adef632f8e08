package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Selects says whether the selection takes a secret in, and why or why not.
func (s Selection) Selects(m *secret.Meta) (ok bool, why string) {
	name := string(m.Name)
	for _, p := range s.Exclude {
		if Match(p, name) {
			return false, fmt.Sprintf("exclude %q keeps it out", p)
		}
	}
	var because []string
	if len(s.Names) > 0 {
		if !slices.Contains(s.Names, m.Name) {
			return false, "it is not among names"
		}
		because = append(because, "it is among names")
	}
	if len(s.Prefix) > 0 {
		i := slices.IndexFunc(s.Prefix, func(p string) bool { return strings.HasPrefix(name, p) })
		if i < 0 {
			return false, "it has none of the prefixes"
		}
		because = append(because, fmt.Sprintf("prefix %q", s.Prefix[i]))
	}
	if len(s.Glob) > 0 {
		i := slices.IndexFunc(s.Glob, func(g string) bool { return Match(g, name) })
		if i < 0 {
			return false, "no glob matches it"
		}
		because = append(because, fmt.Sprintf("glob %q", s.Glob[i]))
	}
	if len(s.Tags) > 0 {
		found := ""
		for k, v := range s.Tags {
			if have, ok := m.Tags[k]; ok && have == v {
				found = k
			}
		}
		if found == "" {
			return false, "it carries none of the tags"
		}
		because = append(because, fmt.Sprintf("tag %q", found))
	}
	if len(because) == 0 {
		return true, "every secret is selected"
	}
	return true, strings.Join(because, ", ")
}

// OnlyNames reports whether the selection lists names, so that its source needs no listing.
func (s Selection) OnlyNames() bool { return len(s.Names) > 0 }

// Within returns beginnings of names outside which nothing is selected; nil if there are none.
func (s Selection) Within() []string {
	if len(s.Prefix) > 0 {
		return slices.Clone(s.Prefix)
	}
	var all []string
	for _, g := range s.Glob {
		literal := g
		if i := strings.IndexAny(g, "*?"); i >= 0 {
			literal = g[:i]
		}
		if literal == "" {
			return nil
		}
		all = append(all, literal)
	}
	return all
}

// MayBe reports whether a secret of that name can be selected, as far as beginnings and names tell.
func (s Selection) MayBe(name secret.Name) bool {
	if s.OnlyNames() {
		return slices.Contains(s.Names, name)
	}
	within := s.Within()
	return within == nil || slices.ContainsFunc(within, func(p string) bool { return strings.HasPrefix(string(name), p) })
}
