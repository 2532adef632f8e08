package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// kv is one entry of `stores:`. It is safe for concurrent use.
type kv struct {
	opts    Options
	factory *awscfg.Factory
	name    secret.StoreName
	lookup  func(context.Context, store.Ref) (secret.Value, error)
	set     settings

	mu     sync.Mutex
	client *client // nil until the store is first used
}

func (s *kv) Traits() store.Traits {
	return store.Traits{Kind: secret.Vault, Tags: true, ListsTags: true}
}

func (s *kv) Fixed() (secret.Place, bool) { return s.set.place(s.set.address()), true }

func (s *kv) Scope() string { return s.set.Prefix }

func (s *kv) CopyName(source secret.Name) secret.Name {
	return secret.Name(s.set.Prefix + strings.TrimPrefix(string(source), "/"))
}

func (s *kv) Allow() []secret.AccountID { return nil }

func (s *kv) Key() secret.Key { return "" }

// Access returns nothing: Vault's permissions are not AWS's, and GetCallerIdentity, which an AWS login makes, needs none.
func (s *kv) Access(store.Use) []store.Access { return nil }

// Reads returns the secret that the connection is made with, if there is one.
func (s *kv) Reads() []store.Ref { return s.set.refs() }

func (s *kv) Home(ctx context.Context) (secret.Place, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return secret.Place{}, err
	}
	return c.place, nil
}

// Source lists below the folders that prefix and within lead to, and never above them.
func (s *kv) Source(ctx context.Context, within []string) (store.Source, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &source{client: c, beginnings: beginnings(s.set.Prefix, within)}, nil
}

func (s *kv) Destination(ctx context.Context, at secret.Place) (store.Destination, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	if at.Host != c.place.Host || at.Namespace != c.place.Namespace || at.Mount != c.place.Mount {
		return nil, s.invalid(store.ErrInvalid, fmt.Sprintf("it is %s, not %s", c.place, at), "")
	}
	return &destination{client: c, prefix: s.set.Prefix, textKey: s.set.TextKey}, nil
}

func (s *kv) invalid(kind error, why, help string) error {
	return &store.Error{Op: fmt.Sprintf("open store %q", s.name), Kind: kind, Err: errors.New(why), Help: help}
}

var (
	_ store.Store     = (*kv)(nil)
	_ store.Dependent = (*kv)(nil)
)
