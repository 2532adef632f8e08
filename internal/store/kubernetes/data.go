package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// maxData is the most that a Secret's values may have together, in bytes.
const maxData = 1 << 20

// material returns a write with its value as a Secret holds it. It judges the value before any call: store.ErrBadValue, store.ErrTooLarge, store.ErrUnwritable.
func (d *destination) material(w store.Write) (application, error) {
	typ, made := w.Type, making{Store: d.store}
	if typ == "" {
		typ, made.Type = d.set.SecretType, d.set.SecretType
	}
	bad := func(kind error, format string, args ...any) (application, error) {
		return application{}, d.errorf("write", w.Name, kind, format, args...)
	}
	if why := refusedType(typ); why != "" {
		return bad(store.ErrUnwritable, "type %s: %s", typ, why)
	}
	if w.Value.IsZero() {
		return application{Write: w}, nil
	}
	if isPlain(w.Value) {
		made.Key = d.set.Key
	}
	data, err := dataOf(w.Value, d.set.Key)
	if err != nil {
		return bad(store.ErrBadValue, "%w", err)
	}
	if typ == dockerConfig && data[dockerConfigKey] == nil && !w.Value.IsBinary() && isRegistryConfig(w.Value.Reveal()) {
		data = map[string][]byte{dockerConfigKey: w.Value.Reveal()}
	}
	for _, k := range slices.Sorted(maps.Keys(data)) {
		if why := badKey(k); why != "" {
			return bad(store.ErrBadValue, "the key %q is not possible: %s", shortened(k), why)
		}
	}
	size := 0
	for _, v := range data {
		size += len(v)
	}
	if size > maxData {
		return bad(store.ErrTooLarge, "its values have %d bytes together: a Secret holds %d at most", size, maxData)
	}
	if why := unfit(typ, data); why != "" {
		return bad(store.ErrBadValue, "type %s: %s", typ, why)
	}
	return application{Write: w, data: data, typ: typ, made: made.note()}, nil
}

func shortened(key string) string {
	if utf8.RuneCountInString(key) <= 60 {
		return key
	}
	return string([]rune(key)[:60]) + "…"
}

// dataOf returns a value by key:
//
//	text that is a JSON object     its members: strings as what they say, everything else as the JSON text that stands there
//	any other text, and binary     all of it, to the byte, under key
//
// It fails where a member would be lost or changed. Its errors name keys and quote nothing else.
func dataOf(v secret.Value, key string) (map[string][]byte, error) {
	text := v.Reveal()
	if isPlain(v) {
		return map[string][]byte{key: text}, nil
	}
	data := map[string][]byte{}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, errObject
	}
	for d.More() {
		t, err := d.Token()
		k, ok := t.(string)
		if err != nil || !ok {
			return nil, errObject
		}
		if _, twice := data[k]; twice {
			return nil, fmt.Errorf("its JSON has the key %q twice", shortened(k))
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return nil, errObject
		}
		if raw[0] != '"' {
			data[k] = raw
			continue
		}
		var s string
		if halfCharacter(raw) || json.Unmarshal(raw, &s) != nil {
			return nil, fmt.Errorf("the string of the key %q has an escape that stands for no character", shortened(k))
		}
		data[k] = []byte(s)
	}
	return data, nil
}

// isPlain reports whether a value goes under one key as a whole.
func isPlain(v secret.Value) bool { return v.IsBinary() || !isObject(v.Reveal()) }

var errObject = errors.New("its JSON can't be read")

func isObject(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) && utf8.Valid(text) && json.Valid(text)
}

// halfCharacter reports whether a JSON string has a \u escape of half a surrogate pair, which a decoder replaces silently.
func halfCharacter(raw []byte) bool {
	unit := func(i int) (rune, bool) {
		if i+6 > len(raw) || raw[i] != '\\' || raw[i+1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16)
		return rune(n), err == nil
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		high, ok := unit(i)
		switch {
		case !ok:
			i++
		case high >= 0xd800 && high < 0xdc00:
			low, ok := unit(i + 6)
			if !ok || low < 0xdc00 || low > 0xdfff {
				return true
			}
			i += 11
		case high >= 0xdc00 && high <= 0xdfff:
			return true
		default:
			i += 5
		}
	}
	return false
}

// valueOf is the way back: the one key's bytes, as text where they are, or a JSON object of strings with its keys sorted.
func valueOf(data map[string][]byte, key string) (secret.Value, error) {
	if alone, ok := data[key]; ok && len(data) == 1 {
		if utf8.Valid(alone) {
			return secret.Text(alone), nil
		}
		return secret.Binary(alone), nil
	}
	texts := make(map[string]string, len(data))
	for _, k := range slices.Sorted(maps.Keys(data)) {
		if !utf8.Valid(data[k]) {
			return secret.Value{}, fmt.Errorf("the key %q holds bytes that are no text, and is not the only one", k)
		}
		texts[k] = string(data[k])
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(texts); err != nil {
		return secret.Value{}, errObject
	}
	return secret.Text(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// Same reports whether what Read returned is what was written: the same keys with the same bytes.
func (d *destination) Same(written, read secret.Value) bool {
	if written.IsZero() || read.IsZero() {
		return written.Equal(read)
	}
	a, errA := dataOf(written, d.set.Key)
	b, errB := dataOf(read, d.set.Key)
	if errA != nil || errB != nil {
		return false
	}
	if maps.EqualFunc(a, b, bytes.Equal) {
		return true
	}
	config, ok := b[dockerConfigKey]
	return ok && len(b) == 1 && !written.IsBinary() && isRegistryConfig(config) && bytes.Equal(config, written.Reveal())
}
