package awsstore

import (
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Fail turns what a call returned into a *store.Error, with the kind that the service's KindOf says where the code is its own. A *store.Error stays as it is.
func (s *Site) Fail(op string, name secret.Name, err error) error {
	if e := (*store.Error)(nil); errors.As(err, &e) {
		return e
	}
	e := awscfg.Error(op, s.At, err)
	e.Name = name
	if e.Kind == nil {
		e.Kind, e.Help = s.service.KindOf(e.Code, awscfg.Message(err))
	}
	if errors.Is(e.Kind, store.ErrNotPermitted) && e.Help == "" {
		e.Help = s.Grant(op, awscfg.Message(err))
	}
	return e
}

// Errorf returns a *store.Error of a kind that no call to AWS returned.
func (s *Site) Errorf(op string, name secret.Name, kind error, format string, args ...any) error {
	return &store.Error{Op: op, Name: name, Place: s.At, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// Grant says which action to allow to whom: the one that AWS's message names, or else the one of the call.
func (s *Site) Grant(op, message string) string {
	action := awscfg.MissingAction(message)
	if action == "" {
		action = s.service.Prefix + ":" + op
	}
	return "grant " + action + " to " + s.caller()
}

// Withhold takes the cause out of an error that judges a request, should quotes say of its text that it may quote the value that was sent. Every other error,
// nil too, stays as it is.
func Withhold(err error, quotes func(text string) bool) error {
	var e *store.Error
	if !errors.As(err, &e) || e.Err == nil || e.Code == "" || e.Kind != nil && !errors.Is(e.Kind, store.ErrInvalid) || !quotes(e.Err.Error()) {
		return err
	}
	quiet := *e
	quiet.Err = errors.New(e.Code + ", with a message that is withheld because it may quote the value")
	return &quiet
}
