package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// maxValue is the most that a value may have, in bytes: what Vault's backends for storage hold at least.
const maxValue = 512 << 10

// material returns a value as Vault holds it: a JSON object as it is, any other text below the key for text. It judges the value before any call.
func (d *destination) material(w *store.Write) (json.RawMessage, error) {
	bad := func(kind error, format string, args ...any) (json.RawMessage, error) {
		return nil, d.client.invalid("write", w.Name, kind, format, args...)
	}
	data := w.Value.Reveal()
	switch {
	case w.Value.IsZero():
		return nil, nil
	case len(data) > maxValue:
		return bad(store.ErrTooLarge, "its value has %d bytes: at most %d are possible", len(data), maxValue)
	case w.Value.IsBinary():
		return bad(store.ErrBadValue, "Vault holds JSON objects and text; its value is binary")
	case !utf8.Valid(data):
		return bad(store.ErrBadValue, "Vault holds JSON objects and text; its value is text that is not valid UTF-8")
	}
	if isObject(data) {
		if err := keepable(data); err != nil {
			return bad(store.ErrBadValue, "%w", err)
		}
		return data, nil
	}
	return wrap(d.textKey, data), nil
}

// wrap returns {key: text}.
func wrap(key string, text []byte) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]string{key: string(text)}) // a map of text always can be
	return bytes.TrimSpace(b.Bytes())
}

func isObject(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) && json.Valid(data)
}

var (
	errTwice  = errors.New("its JSON has a key twice, of which Vault would keep one")
	errNumber = errors.New("its JSON has a number that Vault would change: it keeps numbers as 64-bit floating point; write it as text")
)

// keepable says why Vault would not keep a JSON object as it is. Its errors don't quote it.
func keepable(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	type level struct {
		keys  map[string]bool // nil in an array
		inKey bool
	}
	var levels []level
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.New("its JSON can't be read")
		}
		top := len(levels) - 1
		if s, ok := t.(string); ok && top >= 0 && levels[top].inKey {
			if levels[top].keys[s] {
				return errTwice
			}
			levels[top].keys[s], levels[top].inKey = true, false
			continue
		}
		if t != json.Delim('}') && t != json.Delim(']') && top >= 0 && levels[top].keys != nil {
			levels[top].inKey = true // a value begins, and a key follows it
		}
		switch t := t.(type) {
		case json.Delim:
			switch t {
			case '{':
				levels = append(levels, level{map[string]bool{}, true})
			case '[':
				levels = append(levels, level{})
			default:
				levels = levels[:top]
			}
		case json.Number:
			f, err := t.Float64()
			if err != nil || decimal(t.String()) != decimal(strconv.FormatFloat(f, 'g', -1, 64)) {
				return errNumber
			}
		}
	}
}

// decimal brings a number of JSON into the one form that all literals of that number share.
func decimal(literal string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(literal), "e")
	power, err := strconv.Atoi(strings.TrimPrefix("0"+exponent, "0"))
	if exponent != "" && err != nil {
		return literal // an exponent beyond all numbers
	}
	sign := ""
	if rest, ok := strings.CutPrefix(mantissa, "-"); ok {
		sign, mantissa = "-", rest
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	power -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	short := strings.TrimRight(digits, "0")
	power += len(digits) - len(short)
	return fmt.Sprintf("%s%se%d", sign, short, power)
}

// Same reports whether what was read is what was written: the same JSON, whatever the order of its keys and the way its numbers are written, or the text below
// the key for text.
func (d *destination) Same(written, read secret.Value) bool {
	if written.IsZero() || read.IsZero() || written.IsBinary() || read.IsBinary() {
		return written.Equal(read)
	}
	data := json.RawMessage(written.Reveal())
	if !isObject(data) {
		if !utf8.Valid(data) {
			return false
		}
		data = wrap(d.textKey, data)
	}
	a, okA := tree(data)
	b, okB := tree(read.Reveal())
	return okA && okB && reflect.DeepEqual(a, b)
}

// tree returns JSON as a value whose numbers are in one form.
func tree(data []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return nil, false
	}
	return plain(v), true
}

func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case json.Number:
		return json.Number(decimal(v.String()))
	}
	return v
}
