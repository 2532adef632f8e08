package awsstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Store is one entry of `stores:`: an account, or a family of accounts that a role opens. A driver's store.Store embeds it and adds what is the service's own.
// It is safe for concurrent use: it never changes.
type Store struct {
	service    Service
	factory    *awscfg.Factory
	name       secret.StoreName
	region     secret.Region    // empty: the environment's, or for a family the target's
	account    secret.AccountID // empty: the ambient credentials', or for a family the target's
	role       string
	externalID string
	allow      []secret.AccountID
	key        secret.Key
	keys       *awscfg.Keys
}

// New returns the store that settings describe, which calls AWS through f. It contacts nothing. The error joins everything that is wrong with the settings.
func New(f *awscfg.Factory, service Service, name secret.StoreName, set Settings) (*Store, error) {
	if err := set.check(); err != nil {
		return nil, err
	}
	s := &Store{
		service:    service,
		factory:    f,
		name:       name,
		region:     secret.Region(set.Region),
		account:    secret.AccountID(set.Account),
		role:       set.Role,
		externalID: set.ExternalID,
		key:        secret.Key(set.KMSKey),
		keys:       awscfg.NewKeys(),
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

// family reports whether the store is opened once per account and Region.
func (s *Store) family() bool { return s.role != "" && s.account == "" }

// Fixed is as store.Store has it.
func (s *Store) Fixed() (secret.Place, bool) {
	return secret.Place{Kind: s.service.Kind, Account: s.account, Region: s.region}, !s.family()
}

// Allow is as store.Store has it.
func (s *Store) Allow() []secret.AccountID { return slices.Clone(s.allow) }

// Key is as store.Store has it.
func (s *Store) Key() secret.Key { return s.key }

// Connect returns the permissions for store.UseConnect.
func (s *Store) Connect() []store.Access {
	if s.role == "" {
		return nil
	}
	return []store.Access{{Action: "sts:AssumeRole", Resource: store.ScopeRole}}
}

// Home is as store.Store has it: the Region and the account that the settings leave open are those of the environment, which is asked for its account once.
func (s *Store) Home(ctx context.Context) (secret.Place, error) {
	if s.family() {
		return secret.Place{}, s.invalid("it is opened once per account and Region: give it an account")
	}
	at, err := s.inRegion(ctx)
	if err == nil && at.Account == "" {
		at.Account, err = s.factory.Account(ctx)
	}
	return at, err
}

// OpenHome opens a store with one place, for reading. It makes no call. store.ErrInvalid for a family, and where no Region is known.
func (s *Store) OpenHome(ctx context.Context) (*Site, error) {
	if s.family() {
		return nil, s.invalid("it is opened once per account and Region, which no source is: give it an account")
	}
	at, err := s.inRegion(ctx)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, at)
}

// OpenAt opens the store at an account and a Region, for writing. It makes no call. store.ErrInvalid where at lacks one of the two, or is not an account that the
// settings allow.
func (s *Store) OpenAt(ctx context.Context, at secret.Place) (*Site, error) {
	switch {
	case !at.Account.Valid() || at.Region == "":
		return nil, s.invalid("a target needs an account of 12 digits and a Region")
	case s.allow != nil && !slices.Contains(s.allow, at.Account):
		return nil, s.invalid(fmt.Sprintf("account %s is not among allow.accounts", at.Account))
	case s.account != "" && at.Account != s.account:
		return nil, s.invalid(fmt.Sprintf("it is account %s, not %s", s.account, at.Account))
	}
	at.Kind = s.service.Kind
	return s.open(ctx, at)
}

// inRegion returns the place of the settings, with the Region of the environment where they name none.
func (s *Store) inRegion(ctx context.Context) (at secret.Place, err error) {
	at, _ = s.Fixed()
	if at.Region == "" {
		at.Region, err = s.factory.Region(ctx)
	}
	return at, err
}

// open opens a place. The account of a store without a role goes along as what is expected of the ambient credentials.
func (s *Store) open(ctx context.Context, at secret.Place) (*Site, error) {
	t := awscfg.Target{Role: s.role, Account: at.Account, ExternalID: s.externalID, Region: at.Region}
	if s.role == "" {
		t.Account = s.account
	}
	cfg, err := s.factory.Config(ctx, t)
	if err != nil {
		return nil, err
	}
	return &Site{Config: cfg, At: at, service: s.service, factory: s.factory, target: t, keys: s.keys}, nil
}

func (s *Store) invalid(why string) error {
	return &store.Error{Op: fmt.Sprintf("open store %q", s.name), Kind: store.ErrInvalid, Err: errors.New(why)}
}
