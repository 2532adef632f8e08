package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// object is a JSON object in the order it was written; a policy that names a key twice is refused, as IAM does.
type object []member

type member struct {
	key   string
	value any // object, []any, string, json.Number, bool or nil
}

func parseTree(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the end of the document")
	}
	return v, nil
}

func parseValue(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, notJSON(err)
	}
	switch tok {
	case json.Delim('{'):
		return parseObject(dec)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, notJSON(err)
	}
	return tok, nil
}

func parseObject(dec *json.Decoder) (object, error) {
	obj := object{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, notJSON(err)
		}
		key, ok := tok.(string)
		if !ok {
			return nil, errors.New("not valid JSON: a key must be a string")
		}
		for _, m := range obj {
			if m.key == key {
				return nil, fmt.Errorf("%q stands twice", key)
			}
		}
		v, err := parseValue(dec)
		if err != nil {
			return nil, err
		}
		obj = append(obj, member{key, v})
	}
	_, err := dec.Token()
	return obj, notJSON(err)
}

func notJSON(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("not valid JSON: %w", err)
}

// texts reads a string or a list of strings; numbers and booleans count as the text they were written as.
func texts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		switch e := e.(type) {
		case string:
			out = append(out, e)
		case json.Number:
			out = append(out, e.String())
		case bool:
			out = append(out, fmt.Sprint(e))
		default:
			return nil, errors.New("must be a string or a list of strings")
		}
	}
	return out, nil
}
