package secretsmanager

import (
	"errors"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// fail turns what a call returned into a *store.Error: the one place where Secrets Manager's codes become kinds.
func (c *client) fail(op string, name secret.Name, err error) error {
	if e := (*store.Error)(nil); errors.As(err, &e) {
		return e
	}
	e := awscfg.Error(op, c.place, err)
	e.Name = name
	if e.Kind == nil {
		e.Kind, e.Help = kindOf(e.Code, awscfg.Message(err))
	}
	if errors.Is(e.Kind, store.ErrNotPermitted) && e.Help == "" {
		e.Help = c.grant(op, awscfg.Message(err))
	}
	return e
}

// failID is fail for one secret of a batch, whose error is a code and a message.
func (c *client) failID(op string, name secret.Name, code, message string) error {
	e := &store.Error{Op: op, Name: name, Place: c.place, Code: code, Err: errors.New(strings.TrimPrefix(code+": "+message, ": "))}
	switch code {
	case "AccessDeniedException":
		e.Kind, e.Help = store.ErrNotPermitted, c.grant(op, message)
	case "InternalServiceError", "InternalServiceErrorException":
		e.Kind = store.ErrUnavailable
	case "ThrottlingException":
		e.Kind = store.ErrThrottled
	default:
		e.Kind, e.Help = kindOf(code, message)
	}
	return e
}

// kindOf returns the kind, and what to do, of a code that is Secrets Manager's own; nil for one that callers need not tell apart.
func kindOf(code, message string) (kind error, help string) {
	switch code {
	case "ResourceNotFoundException":
		return store.ErrNotFound, ""
	case "ResourceExistsException", "PreconditionNotMetException":
		return store.ErrConflict, "plan again"
	case "DecryptionFailure", "DecryptionFailureException", "EncryptionFailure", "EncryptionFailureException", "KMSAccessDeniedException":
		return store.ErrKey, "the key must be enabled, and its policy must allow kms:Decrypt and kms:GenerateDataKey through Secrets Manager"
	case "LimitExceededException":
		return store.ErrInvalid, "a secret holds 100 versions of a day and 20 labels, an account and Region 500,000 secrets"
	case "InvalidRequestException":
		if scheduled(message) {
			return store.ErrScheduled, ""
		}
		if strings.Contains(message, "KMS") || strings.Contains(message, "kms") {
			return store.ErrKey, "the key must exist, be enabled, and be usable through Secrets Manager"
		}
		return store.ErrInvalid, ""
	case "InvalidParameterException", "ValidationException", "MalformedPolicyDocumentException", "SerializationException":
		return store.ErrInvalid, ""
	}
	return nil, ""
}

func scheduled(message string) bool {
	for _, text := range []string{"scheduled for deletion", "marked for deletion", "marked deleted"} {
		if strings.Contains(message, text) {
			return true
		}
	}
	return false
}

// grant says which action to allow to whom: the one that AWS names, or else the one of the call.
func (c *client) grant(op, message string) string {
	action := awscfg.MissingAction(message)
	if action == "" {
		action = "secretsmanager:" + op
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
	lower := strings.ToLower(text)
	if !strings.Contains(text, string(value.Reveal())) && !strings.Contains(lower, "secretstring") && !strings.Contains(lower, "secretbinary") {
		return err
	}
	quiet := *e
	quiet.Err = errors.New(e.Code + ", with a message that is withheld because it may quote the value")
	return &quiet
}
