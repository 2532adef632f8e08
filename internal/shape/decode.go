package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/template"
)

// part is the copy that holds one key alone: the text of a JSON string, else the JSON itself.
func part(text []byte, key string) ([]byte, error) {
	all, err := members(text)
	if err != nil {
		return nil, err
	}
	m, ok := all.find(key)
	switch {
	case !ok:
		return nil, bad("split: it has no key %q", key)
	case m.raw[0] != '"':
		return bytes.Clone(m.raw), nil // what is made shares no bytes with what it is made of
	}
	s, err := unquoted(m.raw)
	return []byte(s), err
}

// nested is a value as a member of another JSON object: objects and lists as they are, everything else as text.
func nested(text []byte) []byte {
	if t := trim(text); len(t) > 0 && (t[0] == '{' || t[0] == '[') && json.Valid(t) {
		return t
	}
	return quoted(string(text))
}

// valueData is what templates know of a value.
func valueData(text []byte) template.Object {
	var value any = noObject
	switch {
	case !isObject(text):
	case halved(text):
		value = noText
	default:
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if v, err := decoded(d); err == nil {
			value = v
		}
	}
	return template.Object{{Key: "Value", Value: value}, {Key: "Text", Value: string(text)}}
}

// halved reports whether a string of valid JSON has half a character in it.
func halved(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		end := afterString(text, i)
		if _, err := unquoted(text[i:end]); err != nil {
			return true
		}
		i = end - 1
	}
	return false
}

var errTwice = errors.New("a key is there twice")

// decoded reads one value of valid JSON: objects in their order, numbers as they are.
func decoded(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o, seen := template.Object{}, map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, io.ErrUnexpectedEOF
			}
			if seen[name] {
				return nil, errTwice
			}
			seen[name] = true
			v, err := decoded(d)
			if err != nil {
				return nil, err
			}
			o = append(o, template.Member{Key: name, Value: v})
		}
		_, err := d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decoded(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

// quoted returns text as a JSON string, with nothing escaped for HTML.
func quoted(s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return nil // text always has a form in JSON
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// surrogatePair is how far it is from the u of a pair's first half to that of its second: four digits, a backslash and the u.
const surrogatePair = 6

// unquoted returns the text of a JSON string, exactly: half a surrogate pair stands for no text.
func unquoted(raw []byte) (string, error) {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if raw[i] != 'u' {
			continue
		}
		high, low := hex(raw[i+1:]), -1
		if i+6 < len(raw) && raw[i+5] == '\\' && raw[i+6] == 'u' {
			low = hex(raw[i+7:])
		}
		switch {
		case high < 0xd800 || high > 0xdfff:
		case high < 0xdc00 && low >= 0xdc00 && low <= 0xdfff:
			i += surrogatePair
		default:
			return "", bad("its JSON has half a character in it (a surrogate alone)")
		}
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", bad("its JSON is not valid")
	}
	return s, nil
}

// hex returns the number that the first four digits write.
func hex(digits []byte) int {
	n, err := strconv.ParseUint(string(digits[:min(4, len(digits))]), 16, 32)
	if err != nil {
		return -1
	}
	return int(n)
}
