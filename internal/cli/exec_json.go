package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// isJSONObject reports whether a value is one JSON object and nothing else.
func isJSONObject(value []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{")) && utf8.Valid(value) && json.Valid(value)
}

// jsonMember is a member of an object: its key, and its value as it stands there.
type jsonMember struct {
	key string
	raw json.RawMessage
}

// membersOf returns the members of an object in their order. A key that is there twice is an error: programs differ in which of them they take.
func membersOf(object []byte) ([]jsonMember, error) {
	unreadable := errors.New("its JSON can't be read") // the decoder's own text may quote it
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil {
		return nil, unreadable
	}
	var all []jsonMember
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		m := jsonMember{key: key}
		if err != nil || !ok || d.Decode(&m.raw) != nil {
			return nil, unreadable
		}
		if slices.ContainsFunc(all, func(o jsonMember) bool { return o.key == key }) {
			return nil, fmt.Errorf("its JSON has the member %q twice", shown(key))
		}
		all = append(all, m)
	}
	return all, nil
}

// text returns a member as a variable holds it: a string as what it says, everything else as the JSON that stands there, a number digit by digit.
// why is not empty where that can't be.
func (m jsonMember) text() (text, why string) {
	if m.raw[0] != '"' {
		return string(m.raw), ""
	}
	switch {
	case hasHalfCharacter(m.raw) || json.Unmarshal(m.raw, &text) != nil:
		return "", "has an escape that stands for no character"
	case strings.IndexByte(text, 0) >= 0:
		return "", "has a NUL byte in it, which no variable can hold"
	}
	return text, ""
}

// hasHalfCharacter reports whether a JSON string has an escape of half a surrogate pair, which the decoder replaces silently.
func hasHalfCharacter(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		unit, ok := utf16Escape(raw[i:])
		switch {
		case !ok:
			i++ // the escaped character
		case unit >= 0xdc00 && unit <= 0xdfff:
			return true
		case unit >= 0xd800 && unit < 0xdc00:
			if low, ok := utf16Escape(raw[i+6:]); !ok || low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 11
		}
	}
	return false
}

// utf16Escape reads a \u escape at the beginning of a text.
func utf16Escape(text []byte) (unit uint64, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return unit, err == nil
}

// shown is the name of a member as messages have it.
func shown(key string) string {
	const most = 60
	if utf8.RuneCountInString(key) <= most {
		return key
	}
	return string([]rune(key)[:most]) + "…"
}
