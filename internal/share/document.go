// Package share lets others read a secret where it is: by a statement in its resource policy, and one in the policy of its key. What stands in these policies
// beside our statements is never removed, moved or rewritten.
package share

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Document is a policy as it was given, byte for byte in everything but the white space between its members. The zero Document is no policy at all.
// It is never changed, so it is safe for concurrent use.
type Document struct {
	members    []member
	at         int // which member is Statement; -1: none
	statements []json.RawMessage
	single     bool // the statement stands alone, not in a list
}

type member struct {
	key   string // as written, with its quotes
	value json.RawMessage
}

// ParseDocument reads a policy. Empty text is the zero Document. The error quotes nothing.
func ParseDocument(text string) (Document, error) {
	if strings.TrimSpace(text) == "" {
		return Document{}, nil
	}
	d := Document{at: -1}
	seen := map[string]bool{}
	err := eachMember([]byte(text), func(name, key string, value json.RawMessage) error {
		if seen[name] {
			return errors.New("a member stands twice")
		}
		seen[name] = true
		if name == "Statement" {
			d.at = len(d.members)
			d.single = value[0] == '{'
			if d.single {
				d.statements = []json.RawMessage{value}
			} else if err := json.Unmarshal(value, &d.statements); err != nil {
				return errors.New("its statements are no list")
			}
		}
		d.members = append(d.members, member{key, value})
		return nil
	})
	if err != nil {
		return Document{}, fmt.Errorf("not a policy: %w", err)
	}
	for _, st := range d.statements {
		if st = bytes.TrimSpace(st); len(st) == 0 || st[0] != '{' {
			return Document{}, errors.New("not a policy: a statement is no object")
		}
	}
	return d, nil
}

// eachMember calls do with every member of an object, in order: its name, its key as it is written, and its value.
func eachMember(data []byte, do func(name, key string, value json.RawMessage) error) error {
	if !json.Valid(data) {
		return errors.New("no valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("no JSON object")
	}
	for dec.More() {
		start := dec.InputOffset()
		t, err := dec.Token()
		if err != nil {
			return errors.New("no valid JSON")
		}
		name, ok := t.(string)
		if !ok {
			return errors.New("no valid JSON")
		}
		key := strings.TrimLeft(string(data[start:dec.InputOffset()]), ", \t\r\n")
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return errors.New("no valid JSON")
		}
		if err := do(name, key, value); err != nil {
			return err
		}
	}
	return nil
}

// Empty reports whether the document has no statement: as a resource policy, it is to be deleted.
func (d Document) Empty() bool { return len(d.statements) == 0 }

// Find returns the statement with that Sid; nil: there is none.
func (d Document) Find(sid string) json.RawMessage {
	if i := slices.IndexFunc(d.statements, func(st json.RawMessage) bool { return sidOf(st) == sid }); i >= 0 {
		return d.statements[i]
	}
	return nil
}

// With returns the document with a statement of ours: in the place of the one with its Sid, or at the end. Where the same stands there already, d is returned.
func (d Document) With(st Statement) Document {
	raw := st.raw()
	i := slices.IndexFunc(d.statements, func(have json.RawMessage) bool { return sidOf(have) == st.Sid })
	switch {
	case i >= 0 && same(d.statements[i], raw):
		return d
	case i >= 0:
		return d.having(append(append(slices.Clone(d.statements[:i]), raw), d.statements[i+1:]...))
	}
	return d.having(append(slices.Clone(d.statements), raw))
}

// Without returns the document without the statements of that Sid.
func (d Document) Without(sid string) Document {
	rest := slices.DeleteFunc(slices.Clone(d.statements), func(st json.RawMessage) bool { return sidOf(st) == sid })
	if len(rest) == len(d.statements) {
		return d
	}
	return d.having(rest)
}

func (d Document) having(statements []json.RawMessage) Document {
	out := Document{members: d.members, at: d.at, statements: statements}
	switch {
	case len(d.members) == 0:
		out.members, out.at = []member{{`"Version"`, json.RawMessage(`"2012-10-17"`)}, {key: `"Statement"`}}, 1
	case d.at < 0:
		out.members, out.at = append(slices.Clone(d.members), member{key: `"Statement"`}), len(d.members)
	}
	return out
}

// String returns the document as JSON; empty for the zero Document.
func (d Document) String() string {
	if len(d.members) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range d.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(m.key + ":")
		if i != d.at || d.single {
			b.Write(m.value)
			continue
		}
		b.WriteByte('[')
		for j, st := range d.statements {
			if j > 0 {
				b.WriteByte(',')
			}
			b.Write(st)
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return b.String()
}

// pretty returns a policy's text indented, as diffs show it.
func pretty(text string) string {
	if text == "" {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	_, _ = io.WriteString(&b, "\n")
	return b.String()
}
