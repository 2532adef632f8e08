package policy

import "strings"

// Stand-ins for "${*}" and "${?}", which mean the characters themselves. They cannot occur in ARNs.
const (
	literalStar     = '\x01'
	literalQuestion = '\x02'
)

// Glob reports whether s matches pattern, in which * stands for any text and ? for any one byte. Case counts.
func Glob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		if p < len(pattern) {
			switch c := pattern[p]; {
			case c == '*':
				star, mark = p, i
				p++
				continue
			case c == '?', c == s[i], c == literalStar && s[i] == '*', c == literalQuestion && s[i] == '?':
				p++
				i++
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, i = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func globAny(patterns []string, s string) bool {
	for _, p := range patterns {
		if p == "*" || Glob(p, s) {
			return true
		}
	}
	return false
}

// expand replaces ${key} by the value that the request has for key; false where it has none, or several.
func expand(pattern string, context map[string][]string) (string, bool) {
	if !strings.Contains(pattern, "${") {
		return pattern, true
	}
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(pattern, "${")
		out.WriteString(before)
		if !ok {
			return out.String(), true
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return "", false
		}
		switch name {
		case "*":
			out.WriteByte(literalStar)
		case "?":
			out.WriteByte(literalQuestion)
		case "$":
			out.WriteByte('$')
		default:
			key, standIn, hasDefault := strings.Cut(name, ",")
			values, _ := lookup(context, strings.TrimSpace(key))
			switch {
			case len(values) == 1:
				out.WriteString(literal(values[0]))
			case hasDefault:
				out.WriteString(literal(strings.Trim(strings.TrimSpace(standIn), "'")))
			default:
				return "", false
			}
		}
		pattern = after
	}
}

func literal(s string) string {
	if !strings.ContainsAny(s, "*?") {
		return s
	}
	return strings.NewReplacer("*", string(literalStar), "?", string(literalQuestion)).Replace(s)
}

// plain undoes literal for comparisons that know no wildcards.
func plain(s string) string {
	if !strings.ContainsAny(s, "\x01\x02") {
		return s
	}
	return strings.NewReplacer(string(literalStar), "*", string(literalQuestion), "?").Replace(s)
}
