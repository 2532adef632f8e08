// Package parameterstore is the store that the Parameter Store of AWS Systems Manager is, in one account and Region, or in one of many that a role opens.
package parameterstore

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Type is what `type:` says in the configuration.
const Type = "aws-parameter-store"

// settings are an entry of `stores:`, as written.
type settings struct {
	awsstore.Settings `yaml:",inline"`

	Prefix            string `yaml:"prefix"`
	Label             string `yaml:"label"`
	Tier              string `yaml:"tier"`
	RequestsPerSecond *int   `yaml:"requestsPerSecond"`
}

const prefixPattern = `^/([A-Za-z0-9_.-]+/)*$`

const (
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

func service() awsstore.Service {
	return awsstore.Service{Kind: secret.ParameterStore, Name: "Systems Manager", Prefix: "ssm", DefaultKey: defaultKey, KindOf: kindOf}
}

func schema() map[string]any {
	all := service().Schema()
	all["prefix"] = map[string]any{
		"type": "string", "pattern": prefixPattern,
		"description": `Where the secrets are, as in "/app/": only names below it are listed, and copies get it in front.`,
	}
	all["label"] = map[string]any{
		"type": "string", "pattern": labelPattern,
		"description": "As a source: the version of each SecureString that carries this label is the one that is read. Without it: the latest.",
	}
	all["tier"] = map[string]any{
		"type": "string", "enum": []any{"standard", "advanced", "intelligent-tiering"},
		"description": "The tier of copies. standard (the default) holds 4 KiB and costs nothing; advanced holds 8 KiB; intelligent-tiering is advanced for values over 4 KiB.",
	}
	all["requestsPerSecond"] = map[string]any{
		"type": "integer", "minimum": defaultRequests, "maximum": maxRequests,
		"description": "How many reads a second the account allows, where its higher throughput is turned on. Without it: 40.",
	}
	return all
}

func open(f *awscfg.Factory, d store.Definition) (store.Store, error) {
	var set settings
	if err := d.Decode(&set); err != nil {
		return nil, err
	}
	common, err := awsstore.New(f, service(), d.Name, set.Settings)
	if err := errors.Join(err, set.check()); err != nil {
		return nil, err
	}
	s := &parameters{Store: common, prefix: set.Prefix, label: set.Label, tier: types.ParameterTierStandard, requests: defaultRequests}
	if set.Tier != "" {
		s.tier = tiers()[set.Tier]
	}
	if set.RequestsPerSecond != nil {
		s.requests = *set.RequestsPerSecond
	}
	return s, nil
}

// check returns everything that is wrong with the settings that are Parameter Store's own, joined.
func (set settings) check() error {
	var errs []error
	if set.Prefix != "" && !regexp.MustCompile(prefixPattern).MatchString(set.Prefix) {
		errs = append(errs, fmt.Errorf(`prefix %q: want a path that begins and ends with "/", as in "/app/", of letters, digits and _ . -`, set.Prefix))
	}
	if set.Label != "" && !regexp.MustCompile(labelPattern).MatchString(set.Label) {
		errs = append(errs, fmt.Errorf("label %q: want up to 100 letters, digits and _ . -, the first no digit", set.Label))
	}
	if reserved(set.Prefix) {
		errs = append(errs, fmt.Errorf("prefix %q: names that begin with aws or ssm belong to AWS", set.Prefix))
	}
	if _, ok := tiers()[set.Tier]; !ok && set.Tier != "" {
		errs = append(errs, fmt.Errorf("tier %q: want standard, advanced or intelligent-tiering", set.Tier))
	}
	if n := set.RequestsPerSecond; n != nil && (*n < defaultRequests || *n > maxRequests) {
		errs = append(errs, fmt.Errorf("requestsPerSecond %d: want %d, which every account has, to %d", *n, defaultRequests, maxRequests))
	}
	return errors.Join(errs...)
}
