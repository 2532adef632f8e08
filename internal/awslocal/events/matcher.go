package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// matcher decides about one value of an event: a text, a json.Number, a bool or nil.
type matcher struct {
	absent bool // {"exists": false}: there must be no value
	match  func(value any) bool
}

func parseMatcher(e any) (matcher, error) {
	switch v := e.(type) {
	case map[string]any:
		if len(v) != 1 {
			return matcher{}, errors.New("a filter must have exactly one key")
		}
		for name, arg := range v {
			return parseFilter(name, arg)
		}
	case []any:
		return matcher{}, errors.New("an array in an array")
	}
	return matcher{match: func(value any) bool { return value == e }}, nil
}

// parseFilter reads a filter that is an object, and knows all that can stand in an array of a pattern.
func parseFilter(name string, arg any) (matcher, error) {
	switch name {
	case "exists":
		yes, ok := arg.(bool)
		if !ok {
			return matcher{}, errors.New(`"exists" must be true or false`)
		}
		return matcher{absent: !yes, match: func(any) bool { return true }}, nil
	case "numeric":
		return parseNumeric(arg)
	case "anything-but":
		return parseAnythingBut(arg)
	}
	return parseText(name, arg)
}

func onText(test func(text string) bool) matcher {
	return matcher{match: func(value any) bool { text, ok := value.(string); return ok && test(text) }}
}

// parseText reads a filter that looks at texts only.
func parseText(name string, arg any) (matcher, error) {
	if inner, ok := arg.(map[string]any); ok && (name == "prefix" || name == "suffix") && len(inner) == 1 {
		if part, ok := inner["equals-ignore-case"].(string); ok {
			return onText(func(text string) bool {
				if len(text) < len(part) {
					return false
				}
				if name == "prefix" {
					return strings.EqualFold(text[:len(part)], part)
				}
				return strings.EqualFold(text[len(text)-len(part):], part)
			}), nil
		}
	}
	want, ok := arg.(string)
	if !ok {
		return matcher{}, fmt.Errorf("%q must be a text", name)
	}
	switch name {
	case "prefix":
		return onText(func(text string) bool { return strings.HasPrefix(text, want) }), nil
	case "suffix":
		return onText(func(text string) bool { return strings.HasSuffix(text, want) }), nil
	case "equals-ignore-case":
		return onText(func(text string) bool { return strings.EqualFold(text, want) }), nil
	case "wildcard":
		parts, err := parseWildcard(want)
		return onText(func(text string) bool { return glob(parts, text) }), err
	}
	return matcher{}, fmt.Errorf("unrecognized match type %q", name)
}

// parseWildcard cuts a text at its stars; \* is the star itself, and \\ the backslash.
func parseWildcard(text string) ([]string, error) {
	parts := []string{""}
	star := false
	for i := 0; i < len(text); i++ {
		last := &parts[len(parts)-1]
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			*last += text[i : i+1]
			star = false
		case text[i] == '\\':
			return nil, errors.New(`a wildcard has a backslash that is before neither * nor \`)
		case text[i] == '*' && star:
			return nil, errors.New("consecutive wildcard characters")
		case text[i] == '*':
			parts = append(parts, "")
			star = true
		default:
			*last += text[i : i+1]
			star = false
		}
	}
	return parts, nil
}

// parseAnythingBut reads what a value must not be: texts, numbers, or a filter on texts with one argument or several. What is not there does not match.
func parseAnythingBut(arg any) (matcher, error) {
	var but []matcher
	list, ok := arg.([]any)
	if !ok {
		list = []any{arg}
	}
	if len(list) == 0 {
		return matcher{}, errors.New(`"anything-but" must not be empty`)
	}
	for _, e := range list {
		switch v := e.(type) {
		case string, json.Number:
			but = append(but, matcher{match: func(value any) bool { return value == e }})
		case map[string]any:
			if ok || len(v) != 1 {
				return matcher{}, errors.New(`"anything-but" takes texts, numbers or one filter`)
			}
			for name, inner := range v {
				args, many := inner.([]any)
				if !many {
					args = []any{inner}
				}
				for _, a := range args {
					m, err := parseText(name, a)
					if err != nil {
						return matcher{}, err
					}
					but = append(but, m)
				}
			}
		default:
			return matcher{}, errors.New(`"anything-but" takes texts, numbers or one filter`)
		}
	}
	if len(but) == 0 {
		return matcher{}, errors.New(`"anything-but" must not be empty`)
	}
	return matcher{match: func(value any) bool { return !slices.ContainsFunc(but, func(m matcher) bool { return m.match(value) }) }}, nil
}

// parseNumeric reads [">", 0, "<=", 5]. Numbers are of between -5e9 and 5e9.
func parseNumeric(arg any) (matcher, error) {
	bad := errors.New(`"numeric" must be one comparison, or two that make a range`)
	list, ok := arg.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return matcher{}, bad
	}
	var tests []func(float64) bool
	for i := 0; i < len(list); i += 2 {
		operator, ok1 := list[i].(string)
		text, ok2 := list[i+1].(json.Number)
		if !ok1 || !ok2 || len(list) == 4 && !strings.HasPrefix(operator, [...]string{">", "<"}[i/2]) {
			return matcher{}, bad
		}
		want, err := text.Float64()
		if err != nil || want < -5e9 || want > 5e9 {
			return matcher{}, errors.New(`"numeric" takes numbers between -5,000,000,000 and 5,000,000,000`)
		}
		test := map[string]func(float64) bool{
			"=": func(x float64) bool { return x == want }, "<": func(x float64) bool { return x < want }, "<=": func(x float64) bool { return x <= want },
			">": func(x float64) bool { return x > want }, ">=": func(x float64) bool { return x >= want },
		}[operator]
		if test == nil {
			return matcher{}, bad
		}
		tests = append(tests, test)
	}
	return matcher{match: func(value any) bool {
		number, ok := value.(json.Number)
		if !ok {
			return false
		}
		x, err := strconv.ParseFloat(number.String(), 64)
		return err == nil && !slices.ContainsFunc(tests, func(test func(float64) bool) bool { return !test(x) })
	}}, nil
}
