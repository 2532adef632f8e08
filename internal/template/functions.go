package template

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// function is one that templates may call. What it makes of its arguments depends on them alone.
type function struct {
	least, most int // arguments
	// call gets as many arguments as it takes; no text that it returns is longer than limit. An error must quote no argument.
	call func(args []any, limit int) (any, error)
}

const anyNumber = 1 << 20

func (f function) takes() string {
	count := func(n int) string {
		if n == 1 {
			return "1 argument"
		}
		return strconv.Itoa(n) + " arguments"
	}
	switch {
	case f.least == f.most:
		return count(f.least)
	case f.most == anyNumber:
		return count(f.least) + " or more"
	}
	return strconv.Itoa(f.least) + " to " + count(f.most)
}

// functions returns all there are. The text that a function is about is its last argument, so that it can stand before a |.
func functions() map[string]function {
	return map[string]function{
		"and": {1, anyNumber, nil}, // and, or: call looks at one argument after the other
		"base64": {1, 1, texts(func(s []string, limit int) (any, error) {
			if base64.StdEncoding.EncodedLen(len(s[0])) > limit {
				return nil, cause(tooLong(limit))
			}
			return base64.StdEncoding.EncodeToString([]byte(s[0])), nil
		})},
		"eq":    {2, anyNumber, equalToAny},
		"ge":    {2, 2, ordered(func(c int) bool { return c >= 0 })},
		"gt":    {2, 2, ordered(func(c int) bool { return c > 0 })},
		"has":   {2, 2, has},
		"index": {2, anyNumber, index},
		"join":  {2, 2, join},
		"json":  {1, 1, func(args []any, limit int) (any, error) { return encoded(args[0], limit) }},
		"le":    {2, 2, ordered(func(c int) bool { return c <= 0 })},
		"len":   {1, 1, length},
		"lower": {1, 1, texts(func(s []string, limit int) (any, error) { return bounded(strings.ToLower(s[0]), limit) })},
		"lt":    {2, 2, ordered(func(c int) bool { return c < 0 })},
		"ne": {2, 2, func(args []any, _ int) (any, error) {
			same, err := equal(args[0], args[1])
			return !same, err
		}},
		"not":        {1, 1, func(args []any, _ int) (any, error) { return !truth(args[0]), nil }},
		"or":         {1, anyNumber, nil},
		"replace":    {3, 3, texts(replace)},
		"slice":      {1, 3, slice},
		"split":      {2, 2, texts(split)},
		"trim":       {1, 1, texts(func(s []string, _ int) (any, error) { return strings.TrimSpace(s[0]), nil })},
		"trimPrefix": {2, 2, texts(func(s []string, _ int) (any, error) { return strings.TrimPrefix(s[1], s[0]), nil })},
		"trimSuffix": {2, 2, texts(func(s []string, _ int) (any, error) { return strings.TrimSuffix(s[1], s[0]), nil })},
		"unbase64":   {1, 1, texts(unbase64)},
		"upper":      {1, 1, texts(func(s []string, limit int) (any, error) { return bounded(strings.ToUpper(s[0]), limit) })},
		"urlquery":   {1, 1, texts(func(s []string, limit int) (any, error) { return bounded(url.QueryEscape(s[0]), limit) })},
	}
}

func (t *Template) functionNames() string {
	return strings.Join(slices.Sorted(maps.Keys(t.functions)), ", ")
}

// texts is a function of texts alone. Numbers and booleans are texts here, as they have one.
func texts(call func(s []string, limit int) (any, error)) func([]any, int) (any, error) {
	return func(args []any, limit int) (any, error) {
		s := make([]string, len(args))
		for i, arg := range args {
			var err error
			if s[i], err = printed(arg); err != nil {
				return nil, cause("an argument is no text")
			}
		}
		return call(s, limit)
	}
}

func bounded(s string, limit int) (any, error) {
	if len(s) > limit {
		return nil, cause(tooLong(limit))
	}
	return s, nil
}

func unbase64(s []string, limit int) (any, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(s[0])
	switch {
	case err != nil:
		return nil, cause("this is not base64")
	case !utf8.Valid(data):
		return nil, cause("what is encoded there is not text")
	}
	return bounded(string(data), limit)
}

func replace(s []string, limit int) (any, error) {
	if s[0] == "" {
		return nil, cause("there is nothing to replace: the first text is empty")
	}
	n := strings.Count(s[2], s[0])
	if len(s[2])+n*(len(s[1])-len(s[0])) > limit {
		return nil, cause(tooLong(limit))
	}
	return strings.ReplaceAll(s[2], s[0], s[1]), nil
}

func split(s []string, _ int) (any, error) {
	if s[0] == "" {
		return nil, cause("there is nothing to split at: the first text is empty")
	}
	var all []any
	for part := range strings.SplitSeq(s[1], s[0]) {
		all = append(all, part)
	}
	return all, nil
}

func join(args []any, limit int) (any, error) {
	separator, ok := args[0].(string)
	list, isList := args[1].([]any)
	if !ok || !isList {
		return nil, cause("join takes a text and a list")
	}
	var out strings.Builder
	for i, v := range list {
		part, err := printed(v)
		if err != nil {
			return nil, cause("the list holds what has no text")
		}
		if i > 0 {
			part = separator + part
		}
		if out.Len()+len(part) > limit {
			return nil, cause(tooLong(limit))
		}
		out.WriteString(part)
	}
	return out.String(), nil
}

func has(args []any, _ int) (any, error) {
	o, isMap := args[0].(*object)
	key, isText := args[1].(string)
	if !isMap || !isText {
		return nil, cause("has takes a map and a key")
	}
	v, there := o.values[key]
	_, absent := v.(Absent)
	return there && !absent, nil
}

// index goes down maps by keys and lists by numbers.
func index(args []any, _ int) (any, error) {
	v := args[0]
	for _, at := range args[1:] {
		switch at := at.(type) {
		case string:
			var err error
			if v, err = entry(v, at); err != nil {
				return nil, err
			}
		case int:
			list, ok := v.([]any)
			switch {
			case !ok:
				return nil, cause("not a list, so it has no numbered entries")
			case at < 0 || at >= len(list):
				return nil, cause("the list has no such entry")
			}
			v = list[at]
		default:
			return nil, cause("an index is the key of a map or the number of an entry")
		}
	}
	return v, nil
}

func length(args []any, _ int) (any, error) {
	switch v := args[0].(type) {
	case string:
		return len(v), nil
	case []any:
		return len(v), nil
	case *object:
		return len(v.keys), nil
	}
	return nil, cause("only texts, lists and maps have a length")
}

// slice is v[low:high] of a text, in bytes, or of a list.
func slice(args []any, _ int) (any, error) {
	var size int
	switch v := args[0].(type) {
	case string:
		size = len(v)
	case []any:
		size = len(v)
	default:
		return nil, cause("only texts and lists can be sliced")
	}
	bounds := [2]int{0, size}
	for i, arg := range args[1:] {
		n, ok := arg.(int)
		if !ok {
			return nil, cause("the bounds of a slice are whole numbers")
		}
		bounds[i] = n
	}
	if bounds[0] < 0 || bounds[0] > bounds[1] || bounds[1] > size {
		return nil, cause("the bounds are outside of what is sliced")
	}
	switch v := args[0].(type) {
	case []any:
		return v[bounds[0]:bounds[1]], nil
	case string:
		if s := v[bounds[0]:bounds[1]]; utf8.ValidString(s) {
			return s, nil
		}
	}
	return nil, cause("the slice cuts a character in two: bounds are bytes")
}
