package template

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// encoded returns a value as JSON: numbers as they are, maps in their order, nothing escaped for HTML.
func encoded(v any, limit int) (any, error) {
	e := &encoder{limit: limit}
	e.enc = json.NewEncoder(&e.out)
	e.enc.SetEscapeHTML(false)
	if err := e.value(v); err != nil {
		return nil, err
	}
	return e.out.String(), nil
}

type encoder struct {
	out   bytes.Buffer
	enc   *json.Encoder
	limit int
}

func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.out.WriteString("null")
	case bool:
		e.out.WriteString(strconv.FormatBool(v))
	case int:
		e.out.WriteString(strconv.Itoa(v))
	case json.Number:
		e.out.WriteString(string(v))
	case string:
		if err := e.text(v); err != nil {
			return err
		}
	case []any:
		e.out.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				e.out.WriteByte(',')
			}
			if err := e.value(item); err != nil {
				return err
			}
		}
		e.out.WriteByte(']')
	case *object:
		e.out.WriteByte('{')
		for i, key := range v.keys {
			if i > 0 {
				e.out.WriteByte(',')
			}
			if err := e.text(key); err != nil {
				return err
			}
			e.out.WriteByte(':')
			if err := e.value(v.values[key]); err != nil {
				return err
			}
		}
		e.out.WriteByte('}')
	case Absent:
		return cause(v)
	}
	if e.out.Len() > e.limit {
		return cause(tooLong(e.limit))
	}
	return nil
}

func (e *encoder) text(s string) error {
	if e.enc.Encode(s) != nil {
		return cause("a text has no form in JSON")
	}
	e.out.Truncate(e.out.Len() - 1) // the encoder ends a line
	return nil
}
