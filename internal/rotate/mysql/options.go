package mysql

import (
	"slices"
	"strings"
)

// options are what belongs to an account beside how it logs in, as it stands in a statement, in the order that a statement has it in.
type options struct {
	require string   // "REQUIRE …"; empty: nothing is required
	limits  []string // "MAX_USER_CONNECTIONS 9"; one that is not there does not limit
	rest    string   // locks, how passwords expire, and whatever else
}

// parseOptions reads "[REQUIRE …] [WITH limits] [rest]".
func parseOptions(text string) (o options) {
	all := scan(text)
	from := func(i int) int {
		if i < len(all) {
			return all[i].start
		}
		return len(text)
	}
	i := 0
	for i < len(all) && !all[i].is("WITH") && !slices.ContainsFunc(afterLimits, all[i].is) {
		i++
	}
	o.require = strings.TrimSpace(text[:from(i)])
	if i < len(all) && all[i].is("WITH") {
		i++
		for start := i; i < len(all) && !slices.ContainsFunc(afterLimits, all[start].is); start = i {
			for i++; i < len(all) && !isLimit(all[i]) && !slices.ContainsFunc(afterLimits, all[i].is); i++ {
			}
			o.limits = append(o.limits, strings.TrimSpace(text[from(start):from(i)]))
		}
	}
	o.rest = strings.TrimSpace(text[from(i):])
	return o
}

// afterLimits are the words that what comes after the limits begins with.
var afterLimits = []string{"ACCOUNT", "PASSWORD", "FAILED_LOGIN_ATTEMPTS", "PASSWORD_LOCK_TIME", "COMMENT", "ATTRIBUTE"}

func isLimit(t token) bool { return !t.quoted && strings.HasPrefix(strings.ToUpper(t.text), "MAX_") }

// inLine returns the options that make an account that has own one that has want: what servers leave out, as it is the usual, is said where own has something else.
func inLine(want, own string) string {
	w, o := parseOptions(want), parseOptions(own)
	if w.require == "" {
		w.require = "REQUIRE NONE"
	}
	for _, limit := range o.limits {
		name, _, _ := strings.Cut(limit, " ")
		if !slices.ContainsFunc(w.limits, func(l string) bool { return strings.HasPrefix(l, name+" ") }) {
			w.limits = append(w.limits, name+" 0")
		}
	}
	out := []string{w.require}
	if len(w.limits) > 0 {
		out = append(append(out, "WITH"), w.limits...)
	}
	if w.rest != "" {
		out = append(out, w.rest)
	}
	for _, usual := range []struct{ words, reset string }{
		{"ACCOUNT", "ACCOUNT UNLOCK"}, {"PASSWORD EXPIRE", "PASSWORD EXPIRE DEFAULT"}, {"FAILED_LOGIN_ATTEMPTS", "FAILED_LOGIN_ATTEMPTS 0"}, {"PASSWORD_LOCK_TIME", "PASSWORD_LOCK_TIME 0"},
	} {
		if has(o.rest, usual.words) && !has(w.rest, usual.words) {
			out = append(out, usual.reset)
		}
	}
	return strings.Join(out, " ")
}

// has tells whether words stand in a text, one after the other, and not within quotes.
func has(text, words string) bool {
	all, want := scan(text), strings.Fields(words)
	for i := range all {
		if i+len(want) > len(all) {
			return false
		}
		if slices.EqualFunc(all[i:i+len(want)], want, token.is) {
			return true
		}
	}
	return false
}
