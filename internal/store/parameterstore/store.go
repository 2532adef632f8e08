package parameterstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// parameters is one entry of `stores:`. It is safe for concurrent use: it never changes.
type parameters struct {
	factory    *awscfg.Factory
	name       secret.StoreName
	region     secret.Region    // empty: the environment's, or for a family the target's
	account    secret.AccountID // empty: the ambient credentials', or for a family the target's
	role       string
	externalID string
	allow      []secret.AccountID
	key        secret.Key
	keys       *awscfg.Keys
	prefix     string // empty, or "/…/"
	tier       types.ParameterTier
	requests   int // reads a second
}

// advancedPrice is what AWS charges for a stored parameter of the advanced tier, in US dollars a month. The others cost nothing.
const advancedPrice = 0.05

// family reports whether the store is opened once per account and Region.
func (s *parameters) family() bool { return s.role != "" && s.account == "" }

func (s *parameters) Fixed() (secret.Place, bool) {
	return secret.Place{Kind: secret.ParameterStore, Account: s.account, Region: s.region}, !s.family()
}

func (s *parameters) Traits() store.Traits {
	t := store.Traits{Kind: secret.ParameterStore, Keys: true, Forgets: true}
	if s.tier == types.ParameterTierAdvanced {
		t.PricePerMonth = advancedPrice
	}
	return t
}

// CopyName puts the prefix in front. Without one, a name with a "/" in it gets a leading one, which AWS asks for.
func (s *parameters) CopyName(source secret.Name) secret.Name {
	bare := strings.TrimPrefix(string(source), "/")
	switch {
	case s.prefix != "":
		return secret.Name(s.prefix + bare)
	case strings.Contains(string(source), "/"):
		return secret.Name("/" + bare)
	}
	return source
}

func (s *parameters) Allow() []secret.AccountID { return slices.Clone(s.allow) }

func (s *parameters) Key() secret.Key { return s.key }

func (s *parameters) Home(ctx context.Context) (secret.Place, error) {
	if s.family() {
		return secret.Place{}, s.invalid("it is opened once per account and Region: give it an account")
	}
	at, _ := s.Fixed()
	var err error
	if at.Region == "" {
		if at.Region, err = s.factory.Region(ctx); err != nil {
			return secret.Place{}, err
		}
	}
	if at.Account == "" {
		at.Account, err = s.factory.Account(ctx)
	}
	return at, err
}

// Source lists what is below the prefix, or below the one path that within names, where that is narrower.
func (s *parameters) Source(ctx context.Context, within []string) (store.Source, error) {
	if s.family() {
		return nil, s.invalid("it is opened once per account and Region, which no source is: give it an account")
	}
	region := s.region
	if region == "" {
		var err error
		if region, err = s.factory.Region(ctx); err != nil {
			return nil, err
		}
	}
	c, err := s.client(ctx, secret.Place{Kind: secret.ParameterStore, Account: s.account, Region: region})
	if err != nil {
		return nil, err
	}
	path := s.prefix
	if len(within) == 1 && isPath(within[0]) && strings.HasPrefix(within[0], s.prefix) {
		path = within[0]
	}
	return &source{client: c, home: s.Home, prefix: s.prefix, path: path}, nil
}

func (s *parameters) Destination(ctx context.Context, at secret.Place) (store.Destination, error) {
	switch {
	case !at.Account.Valid() || at.Region == "":
		return nil, s.invalid("a target needs an account of 12 digits and a Region")
	case s.allow != nil && !slices.Contains(s.allow, at.Account):
		return nil, s.invalid(fmt.Sprintf("account %s is not among allow.accounts", at.Account))
	case s.account != "" && at.Account != s.account:
		return nil, s.invalid(fmt.Sprintf("it is account %s, not %s", s.account, at.Account))
	}
	at.Kind = secret.ParameterStore
	c, err := s.client(ctx, at)
	if err != nil {
		return nil, err
	}
	return &destination{client: c, keys: s.keys, prefix: s.prefix, tier: s.tier, latest: map[secret.Name]int64{}}, nil
}

// client opens a place. The account of a store without a role goes along as what is expected of the ambient credentials.
func (s *parameters) client(ctx context.Context, at secret.Place) (*client, error) {
	t := awscfg.Target{Role: s.role, Account: at.Account, ExternalID: s.externalID, Region: at.Region}
	if s.role == "" {
		t.Account = s.account
	}
	cfg, err := s.factory.Config(ctx, t)
	if err != nil {
		return nil, err
	}
	if s.requests > defaultRequests {
		s.factory.Raise(t, "SSM", "GetParameters", s.requests)
	}
	return newClient(s.factory, cfg, t, at), nil
}

func (s *parameters) invalid(why string) error {
	return &store.Error{Op: fmt.Sprintf("open store %q", s.name), Kind: store.ErrInvalid, Err: errors.New(why)}
}
