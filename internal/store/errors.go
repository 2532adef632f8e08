package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The kinds of errors that callers decide by. Every driver maps its service's errors to them in one file.
var (
	ErrNotFound     = errors.New("not found")
	ErrConflict     = errors.New("changed meanwhile")
	ErrNotPermitted = errors.New("not permitted")
	ErrScheduled    = errors.New("scheduled for deletion")
	ErrCollision    = errors.New("version id in use with another value")
	ErrTooLarge     = errors.New("too large")
	ErrInvalid      = errors.New("invalid")
	ErrKey          = errors.New("key not usable")
	ErrThrottled    = errors.New("throttled")
	ErrUnavailable  = errors.New("unavailable")
	ErrWrongAccount = errors.New("wrong account")
	ErrCredentials  = errors.New("no usable credentials")
	ErrBadName      = errors.New("name not possible there")
	ErrTooManyTags  = errors.New("too many tags")
	// ErrUnwritable is a refusal of the target that no retry mends: what is there can't be changed, or its place takes nothing.
	ErrUnwritable = errors.New("can't be written there")
	// ErrBadValue is a value of a form that the store can't hold. It is ErrInvalid too.
	ErrBadValue error = badValueError{}
)

type badValueError struct{}

func (badValueError) Error() string { return "value not possible there" }
func (badValueError) Unwrap() error { return ErrInvalid }

// Error is a failed call to a store. It reads `PutSecretValue "app/db" in 111111111111/us-east-1: not permitted: cause (what to do)`.
// Neither it nor its cause holds a value.
type Error struct {
	Op    string // the call, by the service's own name for it: "PutSecretValue"
	Name  secret.Name
	Place secret.Place
	Kind  error  // one of the kinds above; nil if none fits
	Code  string // the service's own code for it: "AccessDeniedException"
	Err   error  // the cause
	Help  string // what to do about it; may be empty
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Name != "" {
		fmt.Fprintf(&b, " %q", string(e.Name))
	}
	if p := e.Place.String(); p != "" {
		b.WriteString(" in " + p)
	}
	if e.Kind != nil {
		b.WriteString(": " + e.Kind.Error())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Help != "" {
		b.WriteString(" (" + e.Help + ")")
	}
	return b.String()
}

// Unwrap returns the kind and the cause, so that errors.Is and errors.As find both.
func (e *Error) Unwrap() []error {
	var all []error
	if e.Kind != nil {
		all = append(all, e.Kind)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}
