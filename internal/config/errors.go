package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Error is one thing that is wrong with a configuration, and where. It reads "secretsync.yaml:12:5: what is wrong and what to do".
type Error struct {
	Path         string
	Line, Column int // from 1; 0 where no place in the file is to blame
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Path + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// mark is a place in the file and the text there as the user wrote it, with ${VAR} unreplaced: what messages may show.
type mark struct {
	line, column int
	text         string
}

// marks are the places that Check points at. They run parallel to the File's fields.
type marks struct {
	stores     map[secret.StoreName]mark
	groups     map[plan.GroupName][]mark // of each group's accounts
	groupsFrom mark
	rules      []ruleMarks
	quiet      bool // the file is a secret's value: no message quotes it
	hidden     bool // some selection holds a variable: no message may show names from selections
}

type ruleMarks struct {
	name, from mark
	to         []routeMarks
}

type routeMarks struct {
	at               mark
	groups, accounts []mark
	typ              string // the destination's type, which becomes part of its shape
}

// StoreError says that err is about a store of the file, and where that store is. It returns nil for nil.
func (f *File) StoreError(name secret.StoreName, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return &storeError{place: f.errorAt(f.marks.stores[name], "store %q", name), err: err}
}

type storeError struct {
	place *Error
	err   error
}

func (e *storeError) Error() string { return e.place.Error() + ": " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func (f *File) errorAt(m mark, format string, args ...any) *Error {
	if f.marks.quiet {
		args = unquoted(args)
	}
	e := &Error{Path: f.Path, Line: m.line, Column: m.column, Message: fmt.Sprintf(format, args...)}
	if f.BuiltIn {
		e.Line, e.Column = 0, 0
	}
	return e
}

func (p *parser) errorf(n *yaml.Node, format string, args ...any) {
	p.errorAt(n.Line, n.Column, format, args...)
}

func (p *parser) errorAt(line, column int, format string, args ...any) {
	if p.quiet {
		args = unquoted(args)
	}
	p.errs = append(p.errs, &Error{Path: p.path, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

// maxErrors is how many errors are worth reading at once.
const maxErrors = 50

func (p *parser) err() error { return join(p.errs) }

// join sorts errors by their place, drops repetitions and joins them; nil for none.
func join(errs []*Error) error {
	slices.SortStableFunc(errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	errs = slices.CompactFunc(errs, func(a, b *Error) bool { return *a == *b })
	var all []error
	for i, e := range errs {
		if i == maxErrors {
			all = append(all, &Error{Path: e.Path, Message: fmt.Sprintf("… and %d more errors", len(errs)-i)})
			break
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}
