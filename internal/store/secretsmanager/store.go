package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// sm is one entry of `stores:`. It is safe for concurrent use: it never changes.
type sm struct {
	factory    *awscfg.Factory
	name       secret.StoreName
	region     secret.Region    // empty: the environment's, or for a family the target's
	account    secret.AccountID // empty: the ambient credentials', or for a family the target's
	role       string
	externalID string
	allow      []secret.AccountID
	key        secret.Key
	keys       *aliases
}

// pricePerMonth is what AWS charges for a stored secret, in US dollars.
const pricePerMonth = 0.40

// family reports whether the store is opened once per account and Region.
func (s *sm) family() bool { return s.role != "" && s.account == "" }

func (s *sm) Fixed() (secret.Place, bool) {
	return secret.Place{Kind: secret.SecretsManager, Account: s.account, Region: s.region}, !s.family()
}

func (s *sm) Traits() store.Traits {
	return store.Traits{Kind: secret.SecretsManager, Tags: true, Description: true, Keys: true, ListsTags: true, PricePerMonth: pricePerMonth}
}

func (s *sm) CopyName(source secret.Name) secret.Name { return source }

func (s *sm) Allow() []secret.AccountID { return slices.Clone(s.allow) }

func (s *sm) Key() secret.Key { return s.key }

func (s *sm) Home(ctx context.Context) (secret.Place, error) {
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

// Source lists the whole account: AWS charges by the page, and a page holds a hundred.
func (s *sm) Source(ctx context.Context, _ []string) (store.Source, error) {
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
	c, err := s.client(ctx, secret.Place{Kind: secret.SecretsManager, Account: s.account, Region: region})
	if err != nil {
		return nil, err
	}
	return &source{client: c, home: s.Home}, nil
}

func (s *sm) Destination(ctx context.Context, at secret.Place) (store.Destination, error) {
	switch {
	case !at.Account.Valid() || at.Region == "":
		return nil, s.invalid("a target needs an account of 12 digits and a Region")
	case s.allow != nil && !slices.Contains(s.allow, at.Account):
		return nil, s.invalid(fmt.Sprintf("account %s is not among allow.accounts", at.Account))
	case s.account != "" && at.Account != s.account:
		return nil, s.invalid(fmt.Sprintf("it is account %s, not %s", s.account, at.Account))
	}
	c, err := s.client(ctx, at)
	if err != nil {
		return nil, err
	}
	return &destination{client: c, keys: s.keys}, nil
}

// client opens a place. The account of a store without a role goes along as what is expected of the ambient credentials.
func (s *sm) client(ctx context.Context, at secret.Place) (*client, error) {
	t := awscfg.Target{Role: s.role, Account: at.Account, ExternalID: s.externalID, Region: at.Region}
	if s.role == "" {
		t.Account = s.account
	}
	cfg, err := s.factory.Config(ctx, t)
	if err != nil {
		return nil, err
	}
	return newClient(s.factory, cfg, t, at), nil
}

func (s *sm) invalid(why string) error {
	return &store.Error{Op: fmt.Sprintf("open store %q", s.name), Kind: store.ErrInvalid, Err: errors.New(why)}
}
