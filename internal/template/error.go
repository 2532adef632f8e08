package template

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode/utf8"
)

// Error is what is wrong with a template, or why it could not be filled. No part of it is from data.
type Error struct {
	Name         string // of the template
	Line, Column int    // where the action begins in its text, from 1, in characters; 0: it is about the whole
	Source       string // the text of the template that it is about, or what the parser says of it; may be empty
	Cause        string // what is wrong, in words that quote neither data nor the template
}

func (e *Error) Error() string {
	s := "template " + strconv.Quote(e.Name)
	if e.Line > 0 {
		s += fmt.Sprintf(": line %d, column %d", e.Line, e.Column)
	}
	if e.Source != "" {
		s += ": " + e.Source
	}
	return s + ": " + e.Cause
}

// errorAt returns an error about a place. Source is text of the template; where it is empty, the error is about the whole.
func (t *Template) errorAt(pos parse.Pos, source, cause string) *Error {
	e := &Error{Name: t.name, Source: shorten(source), Cause: cause}
	if source != "" {
		e.Line, e.Column = place(t.text, int(pos))
	}
	return e
}

// errorOf returns an error about a node. The parser's positions are somewhere in an action: what is said is where that begins.
func (t *Template) errorOf(n parse.Node, cause string) *Error {
	return t.errorIn(n, n.String(), cause)
}

func (t *Template) errorIn(n parse.Node, source, cause string) *Error {
	at := min(int(n.Position()), len(t.text))
	if start := strings.LastIndex(t.text[:at], "{{"); start >= 0 && n.Type() != parse.NodeText {
		at = start
	}
	return t.errorAt(parse.Pos(at), source, cause)
}

func place(text string, at int) (line, column int) {
	before := text[:min(max(at, 0), len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

func shorten(s string) string {
	const most = 80
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// syntax says where the parser stopped. It tells the line only: the action is the first one after which it stops for the same reason.
func (t *Template) syntax(err error) *Error {
	said := message(err)
	source := said[strings.Index(said, ":")+1:]
	cause := "this is not the syntax of Go's text/template: look at the brackets, quotes and spaces here"
	switch {
	case strings.Contains(said, "unexpected EOF"):
		cause = "something is not closed: an {{ end }} is missing"
	case strings.Contains(said, "unclosed action"), strings.Contains(said, "unterminated"):
		cause = "an action, a text or a comment is not closed"
	case strings.Contains(said, "unexpected {{end}}"):
		cause = "this {{ end }} closes nothing"
	case strings.Contains(said, "undefined variable"):
		cause = "a variable is set before it is used, as in {{ $x := .Name }}"
	case strings.Contains(said, "multiple definition"):
		cause = noTemplates
	}
	var ends []int
	for i := range len(t.text) {
		if strings.HasPrefix(t.text[i:], "}}") {
			ends = append(ends, i+len("}}"))
		}
	}
	last := strings.LastIndex(t.text, "{{")
	i := sort.Search(len(ends), func(i int) bool {
		_, _, err := read(t.text[:ends[i]])
		return err != nil && message(err) == said
	})
	if i < len(ends) {
		last = strings.LastIndex(t.text[:ends[i]-len("}}")], "{{")
	}
	return t.errorAt(parse.Pos(max(last, 0)), strings.TrimSpace(source), cause)
}

// message returns the line and the reason of an error of the parser: "3: unexpected …".
func message(err error) string { return strings.TrimPrefix(err.Error(), "template: "+treeName+":") }
