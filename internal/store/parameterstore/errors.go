package parameterstore

import (
	"errors"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// fail turns what a call returned into a *store.Error: the one place where Parameter Store's codes become kinds.
func (c *client) fail(op string, name secret.Name, err error) error {
	if e := (*store.Error)(nil); errors.As(err, &e) {
		return e
	}
	e := awscfg.Error(op, c.place, err)
	e.Name = name
	if e.Kind == nil {
		e.Kind, e.Help = kindOf(e.Code)
	}
	if errors.Is(e.Kind, store.ErrNotPermitted) && e.Help == "" {
		e.Help = c.grant(op, awscfg.Message(err))
	}
	return e
}

// kindOf returns the kind, and what to do, of a code that is Parameter Store's own; nil for one that callers need not tell apart.
func kindOf(code string) (kind error, help string) {
	switch code {
	case "ParameterNotFound", "ParameterVersionNotFound":
		return store.ErrNotFound, ""
	case "ParameterAlreadyExists":
		return store.ErrConflict, "plan again"
	case "TooManyUpdates":
		return store.ErrThrottled, "run again later: others write it at the same moment"
	case "InvalidKeyId", "KMSInvalidStateException", "DisabledException", "KMS.DisabledException", "KMS.NotFoundException":
		return store.ErrKey, "the key must exist, be enabled, and allow kms:Encrypt and kms:Decrypt through Systems Manager"
	case "HierarchyLevelLimitExceededException":
		return store.ErrBadName, ""
	case "ParameterLimitExceeded":
		return store.ErrInvalid, "an account and Region holds 10,000 standard parameters, and 100,000 advanced ones"
	case "ParameterMaxVersionLimitExceeded":
		return store.ErrInvalid, "its oldest version carries a label, and AWS drops no labelled one: take the label off"
	case "ParameterPatternMismatchException":
		return store.ErrInvalid, "somebody gave it an allowed pattern, which the new value does not match"
	case "HierarchyTypeMismatchException", "UnsupportedParameterType", "InvalidAllowedPatternException", "IncompatiblePolicyException", "InvalidFilterKey",
		"InvalidFilterOption", "InvalidFilterValue", "ValidationException", "SerializationException":
		return store.ErrInvalid, ""
	}
	return nil, ""
}

// grant says which action to allow to whom: the one that AWS names, or else the one of the call.
func (c *client) grant(op, message string) string {
	action := awscfg.MissingAction(message)
	if action == "" {
		action = "ssm:" + op
	}
	return "grant " + action + " to " + c.who()
}

// withhold takes the cause out of an error that judges a request, should its text quote the value, or name the field that holds it.
func withhold(err error, value secret.Value) error {
	var e *store.Error
	if value.Size() == 0 || !errors.As(err, &e) || e.Err == nil || e.Code == "" || e.Kind != nil && !errors.Is(e.Kind, store.ErrInvalid) {
		return err
	}
	text := e.Err.Error()
	if !strings.Contains(text, string(value.Reveal())) && !strings.Contains(text, "at 'value'") {
		return err
	}
	quiet := *e
	quiet.Err = errors.New(e.Code + ", with a message that is withheld because it may quote the value")
	return &quiet
}
