// Package template fills small texts with plain data: names of copies, values, the words of a notification.
//
// The language is the one of text/template, whose parser reads it, cut down to what can do no harm: there is no I/O, no time, no randomness, no environment, no method,
// no template in a template. It is executed here and not by text/template: whose messages quote data, whose work has no bound, which prints "<no value>" for what is
// not there, and which knows no number but those of Go. What differs: a key that is not there is an error, also for index; lists, maps and null have no text but
// through json; numbers of JSON are compared as numbers; a map that has an order keeps it.
package template

import (
	"errors"
	"text/template/parse"
	"unicode/utf8"
)

const (
	// MaxText is the longest text of a template, in bytes.
	MaxText = 16 << 10
	// MaxOutput is the longest result, in bytes, where Options don't say.
	MaxOutput = 64 << 10

	maxRanges  = 2       // nested in each other
	maxSteps   = 200_000 // of one execution: nodes, and 64 bytes that a function reads or makes
	stepBytes  = 64
	entryBytes = 16  // what an entry of a list that a function makes counts for
	maxDepth   = 100 // of data
)

// Options are the settings of a template.
type Options struct {
	// Output is the longest result in bytes; 0: MaxOutput.
	Output int
}

// Template is a template that was found to be sound. It is never changed: safe for concurrent use.
type Template struct {
	name, text string
	root       *parse.ListNode
	output     int
	functions  map[string]function
}

// Parse reads a template. name says in errors which one it is. The error is an *Error: what the syntax or this package's limits forbid, and where.
func Parse(name, text string, o Options) (*Template, error) {
	t := &Template{name: name, text: text, output: o.Output, functions: functions()}
	if t.output <= 0 {
		t.output = MaxOutput
	}
	switch {
	case len(text) > MaxText:
		return nil, t.errorAt(0, "", "the template is longer than 16 KiB")
	case !utf8.ValidString(text):
		return nil, t.errorAt(0, "", "the template is not UTF-8")
	}
	tree, others, err := read(text)
	if err != nil {
		return nil, t.syntax(err)
	}
	t.root = tree.Root
	c := &checker{Template: t}
	if len(others) > 0 {
		return nil, c.defined(others)
	}
	if err := c.list(tree.Root); err != nil {
		return nil, err
	}
	return t, nil
}

// Execute returns the text that the template makes of data: maps with keys of text, lists, structs of exported fields, text, numbers, json.Number, booleans and nil,
// Object and Absent, and pointers to them. The error is an *Error that quotes nothing of data, and a result that came with one is never returned.
func (t *Template) Execute(data any) ([]byte, error) {
	dot, err := plain(data, 0)
	if err != nil {
		return nil, t.errorAt(0, "", err.Error())
	}
	r := &run{Template: t, vars: []variable{{"$", dot}}}
	if _, err := r.list(t.root, dot); err != nil {
		return nil, err
	}
	return r.out, nil
}

// Uses reports whether the template mentions a field of that name, wherever in the data.
func (t *Template) Uses(field string) bool {
	found := false
	walk(t.root, func(n parse.Node) {
		switch n := n.(type) {
		case *parse.FieldNode:
			found = found || n.Ident[0] == field
		case *parse.VariableNode:
			found = found || len(n.Ident) > 1 && n.Ident[0] == "$" && n.Ident[1] == field
		}
	})
	return found
}

// treeName is what the parser is told that templates are called.
const treeName = "t"

// read returns the tree of a text, and those that it defines besides.
func read(text string) (tree *parse.Tree, others []*parse.Tree, err error) {
	tree = parse.New(treeName)
	tree.Mode = parse.SkipFuncCheck
	all := map[string]*parse.Tree{}
	if tree, err = tree.Parse(text, "{{", "}}", all); err != nil {
		return nil, nil, err
	}
	if tree == nil || tree.Root == nil {
		return nil, nil, errors.New("there is no template")
	}
	for _, other := range all {
		if other != tree {
			others = append(others, other)
		}
	}
	return tree, others, nil
}
