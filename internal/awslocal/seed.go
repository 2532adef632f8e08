package awslocal

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/identity"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/secretsmanager"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sns"
	"github.com/secretsync-dev/secretsync/internal/awslocal/ssm"
)

// Seed is what an embedded AWS holds when it starts.
type Seed struct {
	Accounts map[string]SeedAccount // by account id
}

// SeedAccount is one account.
type SeedAccount struct {
	Users   map[string]SeedUser   // by name
	Roles   map[string]SeedRole   // by name
	Regions map[string]SeedRegion // by name
	NoTrail bool                  // nothing comes through CloudTrail here, as in an account of AWS that has no trail
}

// SeedUser is a user with one access key. An access key that is the account's own id is the account's root, whom everything is allowed.
type SeedUser struct {
	AccessKeyID string // no secret: signatures are not verified
	Policies    []policy.Document
}

// SeedRole is a role. An access key is a session of it that never ends, as a function has one; it may be empty.
type SeedRole struct {
	AccessKeyID string
	Trust       policy.Document
	Policies    []policy.Document
}

// SeedRegion is what an account holds in a Region.
type SeedRegion struct {
	Keys       map[string]SeedKey       // by alias: "alias/app"
	Secrets    map[string]SeedSecret    // by name
	Parameters map[string]SeedParameter // by name
	Topics     map[string]SeedTopic     // by name
	Queues     map[string]SeedQueue     // by name
	Rules      map[string]SeedRule      // by name, on the default bus
	Clusters   map[string]SeedCluster   // by name
	Services   map[string]SeedService   // by the cluster's name, a slash and their own
}

// SeedKey is a customer's KMS key.
type SeedKey struct {
	ID       string // a UUID; empty: any
	Disabled bool
	Policy   string // the key's policy, as JSON; empty: the default one, which leaves the key to the policies of its account
}

// SeedSecret is a secret with one version. It prints without its value.
type SeedSecret struct {
	Value       string `json:"-"`
	Binary      []byte `json:"-"` // instead of Value
	Description string
	KMSKey      string // an alias, id or ARN; empty: AWS's own key
	Tags        map[string]string
}

// Format prints a secret without its value, whatever the verb.
func (s SeedSecret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "{secret}") }

// SeedParameter is a parameter of Parameter Store, at version 1. It prints without its value.
type SeedParameter struct {
	Value       string `json:"-"`
	Type        string // String, StringList or SecureString; empty: SecureString
	Tier        string // empty: Standard
	Description string
	KMSKey      string // of a SecureString: an alias, id or ARN; empty: AWS's own key
	Tags        map[string]string
}

// Format prints a parameter without its value, whatever the verb.
func (s SeedParameter) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "{parameter}") }

// parameter returns it as the service wants it.
func (s SeedParameter) parameter(name string) ssm.Parameter {
	return ssm.Parameter{Name: name, Value: s.Value, Type: s.Type, Tier: s.Tier, Description: s.Description, KeyID: s.KMSKey, Tags: s.Tags}
}

// SeedTopic is an SNS topic.
type SeedTopic struct {
	DisplayName string
}

// plant puts a seed into an empty server. It makes no events.
func (s *Server) plant(seed *Seed) error {
	if seed == nil {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(seed.Accounts)) {
		account := seed.Accounts[id]
		if !policy.IsAccount(id) {
			return fmt.Errorf("seed: account %q: not 12 digits", id)
		}
		s.noTrailIn[id] = account.NoTrail
		for name, u := range account.Users {
			s.identities.AddUser(id, name, u.AccessKeyID, u.Policies)
		}
		for name, r := range account.Roles {
			arn := "arn:aws:iam::" + id + ":role/" + name
			s.identities.AddRole(identity.Role{Account: id, Name: name, ARN: arn, Trust: r.Trust, Policies: r.Policies}, r.AccessKeyID)
		}
		for _, name := range slices.Sorted(maps.Keys(account.Regions)) {
			if err := s.plantRegion(id, name, account.Regions[name]); err != nil {
				return fmt.Errorf("seed: account %s: %s: %w", id, name, err)
			}
		}
	}
	return nil
}

func (s *Server) plantRegion(account, region string, r SeedRegion) error {
	now := s.clock()
	for _, alias := range slices.Sorted(maps.Keys(r.Keys)) {
		k := r.Keys[alias]
		if err := s.keys.Seed(account, region, alias, k.ID, k.Policy, !k.Disabled, now); err != nil {
			return fmt.Errorf("key %q: %w", alias, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Secrets)) {
		v := r.Secrets[name]
		err := s.secrets.Seed(account, region, now, secretsmanager.Secret{
			Name: name, Description: v.Description, KmsKeyID: v.KMSKey, Value: v.Value, Binary: v.Binary, Tags: v.Tags,
		})
		if err != nil {
			return fmt.Errorf("secret %q: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		if err := s.parameters.Seed(account, region, now, r.Parameters[name].parameter(name)); err != nil {
			return fmt.Errorf("parameter %q: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Topics)) {
		if err := s.topics.Seed(account, region, sns.Topic{Name: name, DisplayName: r.Topics[name].DisplayName}); err != nil {
			return fmt.Errorf("topic %q: %w", name, err)
		}
	}
	if err := s.plantEvents(account, region, now, r); err != nil {
		return err
	}
	return s.plantServices(account, region, now, r)
}
