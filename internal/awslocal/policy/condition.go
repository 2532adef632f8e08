package policy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

type quantifier int

const (
	one quantifier = iota
	forAnyValue
	forAllValues
)

// condition is one operator with one key: "StringLike": {"aws:RequestTag/team": ["a*", "b*"]}.
type condition struct {
	quantifier quantifier
	ifExists   bool
	null       bool // the Null operator
	negated    bool
	match      func(want, got string) bool
	key        string
	want       []string
}

type operator struct {
	negated bool
	match   func(want, got string) bool
	check   func(want string) bool // nil: any text
}

// operatorOf returns what the name of an operator means, without its prefix and suffix.
func operatorOf(name string) (operator, bool) {
	switch name {
	case "StringEquals", "StringNotEquals":
		return operator{negated: name == "StringNotEquals", match: func(want, got string) bool { return plain(want) == got }}, true
	case "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase":
		return operator{negated: name == "StringNotEqualsIgnoreCase", match: func(want, got string) bool { return strings.EqualFold(plain(want), got) }}, true
	case "StringLike", "StringNotLike":
		return operator{negated: name == "StringNotLike", match: Glob}, true
	case "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike":
		return operator{negated: strings.HasPrefix(name, "ArnNot"), match: arnLike}, true
	case "Bool":
		return operator{match: strings.EqualFold, check: isBool}, true
	case "BinaryEquals":
		return operator{match: func(want, got string) bool { return want == got }, check: isBase64}, true
	case "IpAddress", "NotIpAddress":
		return operator{negated: name == "NotIpAddress", match: inPrefix, check: isPrefix}, true
	}
	if order, ok := strings.CutPrefix(name, "Numeric"); ok {
		return ordered(order, strconvFloat)
	}
	if order, ok := strings.CutPrefix(name, "Date"); ok {
		return ordered(order, seconds)
	}
	return operator{}, false
}

func ordered(order string, read func(string) (float64, error)) (operator, bool) {
	var holds func(got, want float64) bool
	op := operator{check: func(want string) bool { _, err := read(want); return err == nil }}
	switch order {
	case "Equals":
		holds = func(got, want float64) bool { return got == want }
	case "NotEquals":
		op.negated = true
		holds = func(got, want float64) bool { return got == want }
	case "LessThan":
		holds = func(got, want float64) bool { return got < want }
	case "LessThanEquals":
		holds = func(got, want float64) bool { return got <= want }
	case "GreaterThan":
		holds = func(got, want float64) bool { return got > want }
	case "GreaterThanEquals":
		holds = func(got, want float64) bool { return got >= want }
	default:
		return operator{}, false
	}
	op.match = func(want, got string) bool {
		w, err1 := read(want)
		g, err2 := read(got)
		return err1 == nil && err2 == nil && holds(g, w)
	}
	return op, true
}

func parseConditions(v any) ([]condition, error) {
	obj, ok := v.(object)
	if !ok {
		return nil, errors.New("must be an object")
	}
	var out []condition
	for _, m := range obj {
		proto, op, err := parseOperator(m.key)
		if err != nil {
			return nil, err
		}
		keys, ok := m.value.(object)
		if !ok {
			return nil, fmt.Errorf("%s: must be an object", m.key)
		}
		for _, k := range keys {
			c := proto
			c.key = k.key
			if c.want, err = texts(k.value); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", m.key, k.key, err)
			}
			if op.check != nil && !slices.ContainsFunc(c.want, func(w string) bool { return strings.Contains(w, "${") }) {
				for _, w := range c.want {
					if !op.check(w) {
						return nil, fmt.Errorf("%s: %s: %q is no value for this operator", m.key, k.key, w)
					}
				}
			}
			out = append(out, c)
		}
	}
	return out, nil
}

func parseOperator(name string) (condition, operator, error) {
	var c condition
	base := name
	if rest, ok := strings.CutPrefix(base, "ForAnyValue:"); ok {
		c.quantifier, base = forAnyValue, rest
	} else if rest, ok := strings.CutPrefix(base, "ForAllValues:"); ok {
		c.quantifier, base = forAllValues, rest
	}
	if base == "Null" {
		c.null = true
		return c, operator{check: isBool}, nil
	}
	if rest, ok := strings.CutSuffix(base, "IfExists"); ok {
		c.ifExists, base = true, rest
	}
	op, ok := operatorOf(base)
	if !ok {
		return c, op, fmt.Errorf("unknown operator %q", name)
	}
	c.negated, c.match = op.negated, op.match
	return c, op, nil
}

func (c condition) holds(context map[string][]string, variables bool) bool {
	got, present := lookup(context, c.key)
	present = present && len(got) > 0
	if c.null {
		return slices.ContainsFunc(c.want, func(w string) bool { return strings.EqualFold(w, "true") == !present })
	}
	if !present {
		switch {
		case c.ifExists, c.quantifier == forAllValues:
			return true
		case c.quantifier == forAnyValue:
			return false
		}
		return c.negated
	}
	meets := func(value string) bool { return c.matchesAny(value, context, variables) != c.negated }
	switch {
	case c.quantifier == forAllValues, c.quantifier == one && c.negated:
		return !slices.ContainsFunc(got, func(v string) bool { return !meets(v) })
	default:
		return slices.ContainsFunc(got, meets)
	}
}

func (c condition) matchesAny(value string, context map[string][]string, variables bool) bool {
	for _, want := range c.want {
		if variables {
			var ok bool
			if want, ok = expand(want, context); !ok {
				continue
			}
		}
		if c.match(want, value) {
			return true
		}
	}
	return false
}

// lookup finds a condition key; the case of its letters does not count.
func lookup(context map[string][]string, key string) ([]string, bool) {
	if v, ok := context[key]; ok {
		return v, true
	}
	for k, v := range context {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return nil, false
}

// arnLike compares part by part, so that a wildcard does not reach beyond a colon in the first five.
func arnLike(want, got string) bool {
	w, g := strings.SplitN(want, ":", 6), strings.SplitN(got, ":", 6)
	if len(w) != len(g) {
		return want == "*"
	}
	for i := range w {
		if !Glob(w[i], g[i]) {
			return false
		}
	}
	return true
}

func isBool(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") }

func isBase64(s string) bool { _, err := base64.StdEncoding.DecodeString(s); return err == nil }

func strconvFloat(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

// seconds reads a time as ISO 8601 or as seconds since 1970.
func seconds(s string) (float64, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.Unix()), nil
		}
	}
	return 0, errors.New("not a time")
}

func isPrefix(s string) bool { _, err := prefix(s); return err == nil }

func prefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

func inPrefix(want, got string) bool {
	p, err := prefix(want)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(got)
	return err == nil && p.Contains(a)
}
