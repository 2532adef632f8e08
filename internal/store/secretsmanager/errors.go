package secretsmanager

import (
	"errors"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// failID is Fail for one secret of a batch, whose error is a code and a message.
func (c *client) failID(op string, name secret.Name, code, message string) error {
	e := &store.Error{Op: op, Name: name, Place: c.At, Code: code, Err: errors.New(strings.TrimPrefix(code+": "+message, ": "))}
	switch code {
	case "AccessDeniedException":
		e.Kind, e.Help = store.ErrNotPermitted, c.Grant(op, message)
	case "InternalServiceError", "InternalServiceErrorException":
		e.Kind = store.ErrUnavailable
	case "ThrottlingException":
		e.Kind = store.ErrThrottled
	default:
		e.Kind, e.Help = kindOf(code, message)
	}
	return e
}

// kindOf is the one place where Secrets Manager's codes become kinds, and what to do; nil for one that callers need not tell apart.
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

// withhold takes the cause out of an error that judges a request, should its text quote the value, or name the field that holds it.
func withhold(err error, value secret.Value) error {
	return awsstore.Withhold(err, func(text string) bool {
		lower := strings.ToLower(text)
		return value.Size() > 0 && (strings.Contains(text, string(value.Reveal())) || strings.Contains(lower, "secretstring") || strings.Contains(lower, "secretbinary"))
	})
}
