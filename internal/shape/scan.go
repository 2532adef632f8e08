package shape

import (
	"bytes"
	"encoding/json"
	"strings"
)

const (
	maxDepth   = 64   // of JSON
	maxMembers = 4096 // of all objects and lists, in all inputs
)

// member is one of a JSON object, as it is written.
type member struct {
	key         string
	rawKey, raw []byte
}

type memberList []member

func (l memberList) find(key string) (member, bool) {
	for _, m := range l {
		if m.key == key {
			return m, true
		}
	}
	return member{}, false
}

func (l memberList) has(key string) bool { _, ok := l.find(key); return ok }

// isObject reports whether a text is a JSON object.
func isObject(text []byte) bool {
	text = trim(text)
	return len(text) > 0 && text[0] == '{' && json.Valid(text)
}

func trim(text []byte) []byte { return bytes.Trim(text, " \t\r\n") }

// count takes the members of a JSON object or list from a budget. A text that is neither costs nothing. It does not recurse: what is nested deeper than maxDepth is an error.
func count(text []byte, budget *int) error {
	text = trim(text)
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return nil
	}
	depth, found := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = afterString(text, i) - 1
		case '{', '[':
			depth++
			found++
		case '}', ']':
			depth--
		case ',':
			found++
		}
		if depth > maxDepth {
			return bad("its JSON is nested more than %d deep", maxDepth)
		}
	}
	if found <= *budget {
		*budget -= found
		return nil
	}
	if json.Valid(text) {
		return bad("its JSON has more than %d members", maxMembers)
	}
	return nil
}

// afterString returns the index after the string that begins at i.
func afterString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// members returns the top level of a JSON object.
func members(text []byte) (memberList, error) {
	text = trim(text)
	if !isObject(text) {
		return nil, bad("it is no JSON object")
	}
	var all memberList
	seen := map[string]bool{}
	for i := skip(text, 1); text[i] != '}'; {
		end := afterString(text, i)
		m := member{rawKey: text[i:end]}
		var err error
		if m.key, err = unquoted(m.rawKey); err != nil {
			return nil, err
		}
		if seen[m.key] {
			return nil, bad("a key of its JSON is there twice")
		}
		seen[m.key] = true
		start := skip(text, skip(text, end)+len(":"))
		end = afterValue(text, start)
		m.raw = text[start:end]
		all = append(all, m)
		if i = skip(text, end); text[i] == ',' {
			i = skip(text, i+1)
		}
	}
	return all, nil
}

// skip returns the index of the first byte from i on that is no white space.
func skip(text []byte, i int) int {
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
		i++
	}
	return i
}

// afterValue returns the index after the value that begins at i, in valid JSON.
func afterValue(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			i = afterString(text, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			for i++; i < len(text) && strings.IndexByte("\"{}[], \t\r\n:", text[i]) < 0; i++ {
				continue
			}
			if depth == 0 {
				return i
			}
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}
