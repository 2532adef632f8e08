package template

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

func equalToAny(args []any, _ int) (any, error) {
	for _, other := range args[1:] {
		if same, err := equal(args[0], other); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// equal compares null, booleans, texts and numbers. Null equals nothing else; other kinds can't be compared with each other.
func equal(a, b any) (bool, error) {
	if a == nil || b == nil {
		return a == b, nil
	}
	if x, ok := a.(bool); ok {
		if y, ok := b.(bool); ok {
			return x == y, nil
		}
	}
	c, err := compare(a, b)
	return c == 0, err
}

func ordered(is func(c int) bool) func([]any, int) (any, error) {
	return func(args []any, _ int) (any, error) {
		c, err := compare(args[0], args[1])
		return err == nil && is(c), err
	}
}

// compare orders two texts or two numbers.
func compare(a, b any) (int, error) {
	x, isText := a.(string)
	y, both := b.(string)
	if isText && both {
		return strings.Compare(x, y), nil
	}
	m, err := rational(a)
	if err != nil {
		return 0, err
	}
	n, err := rational(b)
	if err != nil {
		return 0, err
	}
	return m.Cmp(n), nil
}

// rational returns a number exactly. Those that would take long to compare are refused.
func rational(v any) (*big.Rat, error) {
	const longest = 400 // digits, and the exponent
	switch v := v.(type) {
	case int:
		return new(big.Rat).SetInt64(int64(v)), nil
	case json.Number:
		_, exponent, ok := strings.Cut(strings.ToLower(string(v)), "e")
		n := 0
		if ok {
			var err error
			if n, err = strconv.Atoi(exponent); err != nil {
				n = longest + 1
			}
		}
		if len(v) > longest || max(n, -n) > longest {
			return nil, cause("the number is too large to compare")
		}
		if r, ok := new(big.Rat).SetString(string(v)); ok {
			return r, nil
		}
	}
	return nil, cause("these can't be compared: only text with text, numbers with numbers, true and false with each other")
}

// isZero reports whether a number is zero.
func isZero(n json.Number) bool {
	digits, _, _ := strings.Cut(strings.ToLower(string(n)), "e")
	return strings.Trim(digits, "-0.") == ""
}
