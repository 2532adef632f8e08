package awscfg

import (
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Target says as whom and where calls are made.
type Target struct {
	// Role is a role's name, with its path if it has one, or its full ARN. Empty: the ambient credentials are used as they are.
	Role string
	// Account is the account of Role, or the one that the ambient credentials are expected to belong to. It may be empty without a role, and with a full ARN.
	Account secret.AccountID
	// ExternalID goes with the AssumeRole; empty: none.
	ExternalID string
	// Region is where calls go. Empty: the ambient Region.
	Region secret.Region
}

// RoleARN returns the ARN of the target's role; empty where it has none.
func (t Target) RoleARN() string {
	if t.Role == "" || strings.HasPrefix(t.Role, "arn:") {
		return t.Role
	}
	return "arn:" + Partition(t.Region) + ":iam::" + string(t.Account) + ":role/" + strings.TrimPrefix(t.Role, "/")
}

// Partition returns the partition that a Region belongs to: "aws" for most.
func Partition(r secret.Region) string {
	for _, p := range []struct{ prefix, partition string }{
		{"cn-", "aws-cn"},
		{"us-gov-", "aws-us-gov"},
		{"us-isob-", "aws-iso-b"},
		{"us-isof-", "aws-iso-f"},
		{"us-iso-", "aws-iso"},
		{"eu-isoe-", "aws-iso-e"},
		{"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(string(r), p.prefix) {
			return p.partition
		}
	}
	return "aws"
}

// ARNAccount returns the account and the Region of an ARN; empty where it is none or names none.
func ARNAccount(arn string) (secret.AccountID, secret.Region) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", ""
	}
	account := secret.AccountID(parts[4])
	if !account.Valid() {
		account = ""
	}
	return account, secret.Region(parts[3])
}

// roleSessionName returns the name of the sessions of a run: 2 to 64 characters of those that STS allows.
func roleSessionName(runID string) string {
	name := "secretsync"
	if runID != "" {
		name += "-" + runID
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_+=,.@-", r):
			return r
		}
		return '-'
	}, name)
	return name[:min(len(name), 64)]
}
