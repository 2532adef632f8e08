package command

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxLines = 50
	maxLine  = 500 // characters
	fragment = 6   // bytes of a value that give a line away
)

// withheld stands for a line with a value, or a part of one.
const withheld = "[a line with a part of a value]"

// presentable returns the lines of what a program said that can be shown. known are the JSON objects with all the values that it can have said: its input and its answer. A line in which
// six bytes in a row are those of a value, as it is or as JSON, URLs, base64 and hex write it, is withheld; of shorter values the whole is looked for. Members of a value that say where and
// who, and not what (host, port, username and their like), give no line away. The last line of what was cut off is left out.
func presentable(said []byte, cut bool, known ...[]byte) []string {
	text := strings.ToValidUTF8(string(said), "?")
	if cut {
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	more := len(lines) > maxLines
	lines = lines[:min(len(lines), maxLines)]
	s := newSieve(lines)
	for _, data := range known {
		s.object(data)
	}
	for i, line := range lines {
		if s.gives[i] {
			lines[i] = withheld
			continue
		}
		lines[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, line[:min(len(line), maxLine)])
	}
	if more || cut {
		lines = append(lines, "[more]")
	}
	return lines
}

// sieve finds the lines that give a value away.
type sieve struct {
	lines []string
	at    map[string][]int // which lines have these six bytes
	gives []bool
}

func newSieve(lines []string) *sieve {
	s := &sieve{lines: lines, at: map[string][]int{}, gives: make([]bool, len(lines))}
	for n, line := range lines {
		for i := range len(line) - fragment + 1 {
			k := line[i : i+fragment]
			if in := s.at[k]; len(in) == 0 || in[len(in)-1] != n {
				s.at[k] = append(in, n)
			}
		}
	}
	return s
}

// open are the members of a request that hold no value, and those of AWS's own rotation functions that say where and who.
var open = []string{"engine", "host", "port", "username", "dbname", "masterarn"}

// object marks the lines that give away a value of a request or an answer.
func (s *sieve) object(data []byte) {
	var of struct{ Current, Pending, Previous, Master, Value map[string]string }
	_ = json.Unmarshal(data, &of) // what is no such object has no values that are known
	for _, v := range []map[string]string{of.Current, of.Pending, of.Previous, of.Master, of.Value} {
		if text, ok := v["text"]; ok {
			s.value([]byte(text))
		}
		if encoded, ok := v["base64"]; ok {
			s.literal(encoded)
			if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
				s.value(raw)
			}
		}
	}
}

// value marks the lines that give away a value or, where it is JSON, a text or number in it.
func (s *sieve) value(data []byte) {
	var tree any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if !json.Valid(data) || dec.Decode(&tree) != nil {
		s.leaf(string(data))
		return
	}
	s.tree(tree, true)
}

func (s *sieve) tree(of any, top bool) {
	switch v := of.(type) {
	case map[string]any:
		for name, of := range v {
			if !top || !slices.Contains(open, name) {
				s.tree(of, false)
			}
		}
	case []any:
		for _, of := range v {
			s.tree(of, false)
		}
	case string:
		s.leaf(v)
	case json.Number:
		s.leaf(v.String())
	}
}

// leaf marks the lines that give away a text, in any of the forms that programs print.
func (s *sieve) leaf(text string) {
	quoted, err := json.Marshal(text)
	if err == nil {
		s.literal(strings.Trim(string(quoted), `"`))
	}
	for _, form := range []string{
		text, strings.Trim(strconv.Quote(text), `"`), url.QueryEscape(text), url.PathEscape(text), hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text))),
	} {
		s.literal(form)
	}
	for start := range min(3, len(text)) { // base64 of a longer text that this one ends, at any place
		s.literal(base64.RawStdEncoding.EncodeToString([]byte(text[start:])))
		s.literal(base64.RawURLEncoding.EncodeToString([]byte(text[start:])))
	}
}

// literal marks the lines that have six bytes of a text or, where it is shorter, all of it. What stands in several lines is looked for line by line.
func (s *sieve) literal(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		for i := range len(line) - fragment + 1 {
			for _, n := range s.at[line[i:i+fragment]] {
				s.gives[n] = true
			}
		}
		if line == "" || len(line) >= fragment {
			continue
		}
		for n, l := range s.lines {
			s.gives[n] = s.gives[n] || strings.Contains(l, line)
		}
	}
}
