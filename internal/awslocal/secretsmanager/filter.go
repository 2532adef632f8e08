package secretsmanager

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// filter is one filter of a listing. A secret has to pass all of them; within one, any of the values will do.
type filter struct {
	Key    string
	Values []string
}

func checkFilters(c *checks, filters []filter) {
	if len(filters) > 10 {
		c.size("filters", len(filters), 0, 10)
	}
	for i, f := range filters {
		at := fmt.Sprintf("filters.%d.member.", i+1)
		c.oneOf(at+"key", f.Key, "all", "name", "tag-key", "description", "tag-value", "primary-region", "owning-service")
		c.size(at+"values", len(f.Values), 1, 10)
		for _, v := range f.Values {
			c.length(at+"values", &v, 0, 512)
		}
	}
}

// compile returns what says whether a secret passes all the filters.
//
//	key              matches                                     case
//	name             the start of the name                       counts
//	tag-key          the start of the key of any tag             counts
//	tag-value        the start of the value of any tag           counts
//	primary-region   the start of the Region                     counts
//	owning-service   the start of the service                    counts
//	description      the start of each word, in any place        does not count
//	all              the same, over all the attributes           does not count
//
// A value that starts with ! lets pass what the rest of it does not match. Where a filter has such values, none of them may match.
func compile(filters []filter) func(*listEntry) bool {
	return func(e *listEntry) bool {
		for _, f := range filters {
			if !f.passes(e) {
				return false
			}
		}
		return true
	}
}

func (f filter) passes(e *listEntry) bool {
	wanted, found := false, false
	for _, v := range f.Values {
		if rest, negated := strings.CutPrefix(v, "!"); negated {
			if f.matches(e, rest) {
				return false
			}
			continue
		}
		wanted = true
		found = found || f.matches(e, v)
	}
	return found || !wanted
}

func (f filter) matches(e *listEntry, value string) bool {
	starts := func(s string) bool { return s != "" && strings.HasPrefix(s, value) }
	switch f.Key {
	case "name":
		return starts(e.Name)
	case "tag-key":
		return slices.ContainsFunc(e.Tags, func(t tag) bool { return strings.HasPrefix(t.Key, value) })
	case "tag-value":
		return slices.ContainsFunc(e.Tags, func(t tag) bool { return strings.HasPrefix(t.Value, value) })
	case "primary-region":
		return starts(e.PrimaryRegion)
	case "owning-service":
		return starts(e.OwningService)
	case "description":
		return e.Description != "" && matchWords(value, []string{e.Description})
	default:
		return matchWords(value, e.attributes())
	}
}

func (e *listEntry) attributes() []string {
	all := []string{e.Name, e.Description, e.PrimaryRegion, e.OwningService}
	for _, t := range e.Tags {
		all = append(all, t.Key, t.Value)
	}
	return all
}

// matchWords says whether every word of value starts some word of the attributes.
func matchWords(value string, attributes []string) bool {
	var have []string
	for _, a := range attributes {
		have = append(have, words(a)...)
	}
	wanted := words(value)
	for _, w := range wanted {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return len(wanted) > 0
}

// words breaks a text at everything that is neither letter nor digit, and where a small letter meets a capital.
// The result is in small letters; where that broke a part, the whole part is there too.
func words(s string) []string {
	var found []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		start, before := 0, rune(0)
		for i, r := range part {
			if unicode.IsUpper(r) && unicode.IsLower(before) {
				found = append(found, strings.ToLower(part[start:i]))
				start = i
			}
			before = r
		}
		found = append(found, strings.ToLower(part[start:]))
		if start > 0 {
			found = append(found, strings.ToLower(part))
		}
	}
	return found
}
