package parameterstore

import (
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// kindOf is the one place where Parameter Store's codes become kinds, and what to do; nil for one that callers need not tell apart.
func kindOf(code, _ string) (kind error, help string) {
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
	case "ParameterVersionLabelLimitExceeded":
		return store.ErrInvalid, "a version carries 10 labels: take one off"
	case "ParameterPatternMismatchException":
		return store.ErrInvalid, "somebody gave it an allowed pattern, which the new value does not match"
	case "HierarchyTypeMismatchException", "UnsupportedParameterType", "InvalidAllowedPatternException", "IncompatiblePolicyException", "InvalidFilterKey",
		"InvalidFilterOption", "InvalidFilterValue", "ValidationException", "SerializationException":
		return store.ErrInvalid, ""
	}
	return nil, ""
}

// withhold takes the cause out of an error that judges a request, should its text quote the value, or name the field that holds it.
func withhold(err error, value secret.Value) error {
	return awsstore.Withhold(err, func(text string) bool {
		return value.Size() > 0 && (strings.Contains(text, string(value.Reveal())) || strings.Contains(text, "at 'value'"))
	})
}
