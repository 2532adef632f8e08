package awsstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

// Settings are what every entry of `stores:` for a store in AWS may say, as written. A driver embeds them inline in its own.
type Settings struct {
	Region     string `yaml:"region"`
	Account    string `yaml:"account"`
	Role       string `yaml:"role"`
	ExternalID string `yaml:"externalId"`
	Allow      *Allow `yaml:"allow"`
	KMSKey     string `yaml:"kmsKey"`
}

// Allow is the setting allow: the accounts that a store may be opened for.
type Allow struct {
	Accounts []string `yaml:"accounts"`
}

const (
	regionPattern     = `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
	accountPattern    = `^[0-9]{12}$`
	rolePattern       = `^(arn:aws[a-z-]*:iam::[0-9]{12}:role/)?([\x21-\x7e]*/)?[A-Za-z0-9_+=,.@-]{1,64}$`
	externalIDPattern = `^[A-Za-z0-9_+=,.@:/-]{2,}$`
	keyPattern        = `^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)|alias/[A-Za-z0-9/_-]+|mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`
)

// maxExternalID is how long an ExternalId may be.
const maxExternalID = 1224

// Schema returns the JSON Schema (draft-07) of Settings for a service: the properties by name. The map is the caller's.
func (s Service) Schema() map[string]any {
	text := func(pattern, description string) map[string]any {
		return map[string]any{"type": "string", "pattern": pattern, "description": description}
	}
	account := text(accountPattern, "An AWS account: 12 digits, in quotes.")
	externalID := text(externalIDPattern, "The ExternalId that the role's trust policy asks for.")
	externalID["maxLength"] = maxExternalID
	return map[string]any{
		"region":     text(regionPattern, "The Region. Without it: the one of the environment, or of the source where the store is opened once per account."),
		"account":    text(accountPattern, "The account, in quotes. The credentials must belong to it."),
		"role":       text(rolePattern, "The role to assume: its name, or its full ARN. With a name and no account, the store is opened once per account."),
		"externalId": externalID,
		"kmsKey":     text(keyPattern, "The key of every copy written there: an alias, an ARN or a key id. Without it: the AWS managed key of "+s.Name+"."),
		"allow": map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"accounts"},
			"description": "The accounts that the store may be opened for. Tags can never reach beyond.",
			"properties": map[string]any{
				"accounts": map[string]any{"type": "array", "items": account, "minItems": 1, "uniqueItems": true},
			},
		},
	}
}

// check returns everything that is wrong with the settings, joined.
func (set Settings) check() error {
	var errs []error
	match := func(key, value, pattern, want string) {
		if value != "" && !regexp.MustCompile(pattern).MatchString(value) {
			errs = append(errs, fmt.Errorf("%s %q: %s", key, value, want))
		}
	}
	match("region", set.Region, regionPattern, `want a Region, as in "us-east-1"`)
	match("account", set.Account, accountPattern, "want 12 digits, in quotes")
	match("role", set.Role, rolePattern, "want a role's name or its ARN")
	match("externalId", set.ExternalID, externalIDPattern, "want 2 to 1224 of letters, digits and _ + = , . @ : / -")
	match("kmsKey", set.KMSKey, keyPattern, "want alias/NAME, a key id, or the ARN of one of these")
	if set.Allow != nil {
		if len(set.Allow.Accounts) == 0 {
			errs = append(errs, errors.New("allow.accounts is empty: name the accounts, or leave allow out"))
		}
		for _, a := range set.Allow.Accounts {
			match("allow.accounts", a, accountPattern, "want 12 digits, in quotes")
		}
	}
	if len(set.ExternalID) > maxExternalID {
		errs = append(errs, fmt.Errorf("externalId has %d characters, and %d is the most", len(set.ExternalID), maxExternalID))
	}
	if set.ExternalID != "" && set.Role == "" {
		errs = append(errs, errors.New("externalId without role: it goes with the assumption of a role"))
	}
	if account, _ := awscfg.ARNAccount(set.Role); strings.HasPrefix(set.Role, "arn:") && set.Account != "" && string(account) != set.Account {
		errs = append(errs, fmt.Errorf("account %s, and a role of account %s", set.Account, account))
	}
	return errors.Join(errs...)
}
