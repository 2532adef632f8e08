package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// open reads the token that begins an object or a list.
func (g *groupsReader) open(delim json.Delim, path string) error {
	t, err := g.token(path)
	if err != nil {
		return err
	}
	if t != delim {
		want := "a JSON object"
		if delim == '[' {
			want = "a list"
		}
		return g.errorf("%s must be %s", path, want)
	}
	return nil
}

// members reads the rest of an object: each is called after each key, to read its value. It returns the keys that are there.
func (g *groupsReader) members(path string, each func(key string) error) (seen map[string]bool, err error) {
	seen = map[string]bool{}
	for g.dec.More() {
		key, err := g.key(path, seen)
		if err != nil {
			return nil, err
		}
		if err := each(key); err != nil {
			return nil, err
		}
	}
	_, err = g.token(path) // the closing brace
	return seen, err
}

// key reads a key that its object does not have yet.
func (g *groupsReader) key(path string, seen map[string]bool) (string, error) {
	t, err := g.token(path)
	if err != nil {
		return "", err
	}
	key, ok := t.(string)
	if !ok {
		return "", g.errorf("%s: not valid JSON", path)
	}
	if seen[key] {
		return "", g.errorf("%s: a key is here twice", path)
	}
	seen[key] = true
	return key, nil
}

// skip reads a value and forgets it.
func (g *groupsReader) skip(path string) error {
	var ignored json.RawMessage
	if g.dec.Decode(&ignored) != nil {
		return g.errorf("%s: not valid JSON", path)
	}
	return nil
}

// token reads one token.
func (g *groupsReader) token(path string) (json.Token, error) {
	t, err := g.dec.Token()
	if err != nil {
		return nil, g.errorf("%s: not valid JSON", path)
	}
	return t, nil
}

// errorf returns an error about the token that was read last.
func (g *groupsReader) errorf(format string, args ...any) error {
	line, column := position(g.data, g.dec.InputOffset())
	return fmt.Errorf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...))
}

func (g *groupsReader) warn(format string, args ...any) {
	line, column := position(g.data, g.dec.InputOffset())
	g.warnings = append(g.warnings, fmt.Sprintf("line %d, column %d: %s", line, column, fmt.Sprintf(format, args...)))
}

// position returns the line and the column, in characters from 1, of the last byte before offset.
func position(data []byte, offset int64) (line, column int) {
	before := data[:min(int(offset), len(data))]
	line = 1 + bytes.Count(before, []byte("\n"))
	last := before[bytes.LastIndexByte(before, '\n')+1:]
	return line, max(1, utf8.RuneCount(last))
}
