// Package awsstore is what the stores in AWS accounts and Regions have in common: their settings, how they are opened, whose credentials they have, and which key
// of KMS their copies are under. It names no driver.
package awsstore

import (
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Service is what sets one AWS service that secrets are stored in apart from another. All of its fields are needed.
type Service struct {
	Kind       secret.Kind // of its places
	Name       string      // as sentences have it: "Secrets Manager"
	Prefix     string      // of its actions, without the colon: "secretsmanager"
	DefaultKey string      // the alias of the AWS managed key: "alias/aws/secretsmanager"
	// KindOf returns the kind, and what to do, of a code of an error that is the service's own; nil for one that callers need not tell apart.
	KindOf func(code, message string) (kind error, help string)
}

// KeyOf returns a key as copies and sources show it: empty for the service's default key, an alias, however it is written.
func KeyOf(id, defaultKey string) secret.Key {
	if id == defaultKey || strings.HasPrefix(id, "arn:") && strings.HasSuffix(id, ":"+defaultKey) {
		return ""
	}
	return secret.Key(id)
}
