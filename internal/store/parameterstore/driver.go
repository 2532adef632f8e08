// Package parameterstore is the store that the Parameter Store of AWS Systems Manager is, in one account and Region, or in one of many that a role opens.
package parameterstore

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Type is what `type:` says in the configuration.
const Type = "aws-parameter-store"

// settings are an entry of `stores:`, as written.
type settings struct {
	Region            string `yaml:"region"`
	Account           string `yaml:"account"`
	Role              string `yaml:"role"`
	ExternalID        string `yaml:"externalId"`
	Allow             *allow `yaml:"allow"`
	KMSKey            string `yaml:"kmsKey"`
	Prefix            string `yaml:"prefix"`
	Tier              string `yaml:"tier"`
	RequestsPerSecond *int   `yaml:"requestsPerSecond"`
}

type allow struct {
	Accounts []string `yaml:"accounts"`
}

const (
	regionPattern     = `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
	accountPattern    = `^[0-9]{12}$`
	rolePattern       = `^(arn:aws[a-z-]*:iam::[0-9]{12}:role/)?([\x21-\x7e]*/)?[A-Za-z0-9_+=,.@-]{1,64}$`
	externalIDPattern = `^[A-Za-z0-9_+=,.@:/-]{2,}$`
	keyPattern        = `^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)|alias/[A-Za-z0-9/_-]+|mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`
	prefixPattern     = `^/([A-Za-z0-9_.-]+/)*$`
)

const (
	maxExternalID   = 1224
	defaultRequests = 40     // reads a second that AWS allows an account and Region
	maxRequests     = 10_000 // with the higher throughput that an account can turn on
)

// tiers are the settings of tier, and what they are for AWS.
func tiers() map[string]types.ParameterTier {
	return map[string]types.ParameterTier{
		"standard": types.ParameterTierStandard, "advanced": types.ParameterTierAdvanced, "intelligent-tiering": types.ParameterTierIntelligentTiering,
	}
}

// Driver returns the driver of Parameter Store. What it opens calls AWS through f.
func Driver(f *awscfg.Factory) store.Driver {
	return store.Driver{
		Type:   Type,
		Schema: schema(),
		Open:   func(d store.Definition) (store.Store, error) { return open(f, d) },
	}
}

func schema() map[string]any {
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
		"kmsKey":     text(keyPattern, "The key of every copy written there: an alias, an ARN or a key id. Without it: the AWS managed key of Systems Manager."),
		"prefix":     text(prefixPattern, `Where the secrets are, as in "/app/": only names below it are listed, and copies get it in front.`),
		"tier": map[string]any{
			"type": "string", "enum": []any{"standard", "advanced", "intelligent-tiering"},
			"description": "The tier of copies. standard (the default) holds 4 KiB and costs nothing; advanced holds 8 KiB; intelligent-tiering is advanced for values over 4 KiB.",
		},
		"requestsPerSecond": map[string]any{
			"type": "integer", "minimum": defaultRequests, "maximum": maxRequests,
			"description": "How many reads a second the account allows, where its higher throughput is turned on. Without it: 40.",
		},
		"allow": map[string]any{
			"type": "object", "additionalProperties": false, "required": []any{"accounts"},
			"description": "The accounts that the store may be opened for. Tags can never reach beyond.",
			"properties": map[string]any{
				"accounts": map[string]any{"type": "array", "items": account, "minItems": 1, "uniqueItems": true},
			},
		},
	}
}

func open(f *awscfg.Factory, d store.Definition) (store.Store, error) {
	var set settings
	if err := d.Decode(&set); err != nil {
		return nil, err
	}
	if err := set.check(); err != nil {
		return nil, err
	}
	s := &parameters{
		factory:    f,
		name:       d.Name,
		region:     secret.Region(set.Region),
		account:    secret.AccountID(set.Account),
		role:       set.Role,
		externalID: set.ExternalID,
		key:        secret.Key(set.KMSKey),
		keys:       awscfg.NewKeys(),
		prefix:     set.Prefix,
		tier:       types.ParameterTierStandard,
		requests:   defaultRequests,
	}
	if set.Tier != "" {
		s.tier = tiers()[set.Tier]
	}
	if set.RequestsPerSecond != nil {
		s.requests = *set.RequestsPerSecond
	}
	if account, _ := awscfg.ARNAccount(set.Role); account != "" {
		s.account = account
	}
	if set.Allow != nil {
		s.allow = []secret.AccountID{}
		for _, a := range set.Allow.Accounts {
			s.allow = append(s.allow, secret.AccountID(a))
		}
	}
	if s.account != "" && s.allow != nil && !slices.Contains(s.allow, s.account) {
		return nil, fmt.Errorf("account %s is not among allow.accounts", s.account)
	}
	return s, nil
}

func (set settings) check() error {
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
	match("prefix", set.Prefix, prefixPattern, `want a path that begins and ends with "/", as in "/app/", of letters, digits and _ . -`)
	if reserved(set.Prefix) {
		errs = append(errs, fmt.Errorf("prefix %q: names that begin with aws or ssm belong to AWS", set.Prefix))
	}
	if _, ok := tiers()[set.Tier]; !ok && set.Tier != "" {
		errs = append(errs, fmt.Errorf("tier %q: want standard, advanced or intelligent-tiering", set.Tier))
	}
	if n := set.RequestsPerSecond; n != nil && (*n < defaultRequests || *n > maxRequests) {
		errs = append(errs, fmt.Errorf("requestsPerSecond %d: want %d, which every account has, to %d", *n, defaultRequests, maxRequests))
	}
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
