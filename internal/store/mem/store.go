package mem

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Store is one entry of `stores:` in memory: one place, or one per account and Region. The zero Store with Family set is ready. Its fields are set before it is used.
type Store struct {
	At       secret.Place // the place of a store with one; the Region of a family that has a fixed one
	Family   bool
	Accounts []secret.AccountID // allowed; nil: all
	KMSKey   secret.Key
	// Opening is called before a place is opened; an error of it is what opening returns. Nil: nothing.
	Opening func(secret.Place) error

	mu     sync.Mutex
	places map[secret.Place]*Place
}

// Place returns a place of the store, empty at first.
func (s *Store) Place(at secret.Place) *Place {
	at.Kind = kind
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.places[at]
	if p == nil {
		if s.places == nil {
			s.places = map[secret.Place]*Place{}
		}
		p = New(at)
		s.places[at] = p
	}
	return p
}

// kind is the one that the store passes for: that whose semantics it has.
const kind = secret.SecretsManager

func (s *Store) at() secret.Place {
	at := s.At
	at.Kind = kind
	return at
}

// Fixed returns At, and whether the store has one place.
func (s *Store) Fixed() (secret.Place, bool) { return s.at(), !s.Family }

// Traits returns those of Secrets Manager.
func (s *Store) Traits() store.Traits {
	return store.Traits{Kind: kind, Tags: true, Description: true, Keys: true, ListsTags: true, PricePerMonth: 0.40}
}

// Scope returns nothing: every name is listed.
func (s *Store) Scope() string { return "" }

// CopyName returns the source's name.
func (s *Store) CopyName(source secret.Name) secret.Name { return source }

// Allow returns the accounts that the store may be opened at; nil: all.
func (s *Store) Allow() []secret.AccountID { return slices.Clone(s.Accounts) }

// Key returns KMSKey.
func (s *Store) Key() secret.Key { return s.KMSKey }

// Home returns At; store.ErrInvalid for a family.
func (s *Store) Home(context.Context) (secret.Place, error) {
	if s.Family {
		return secret.Place{}, s.invalid("a family has no home")
	}
	return s.at(), nil
}

// Source opens the store at At; store.ErrInvalid for a family.
func (s *Store) Source(context.Context, []string) (store.Source, error) {
	if s.Family {
		return nil, s.invalid("a family is no source")
	}
	if err := s.opening(s.at()); err != nil {
		return nil, err
	}
	return s.Place(s.at()).Source(), nil
}

// Destination opens the store at a place; store.ErrInvalid for a place that is not one of the store.
func (s *Store) Destination(_ context.Context, at secret.Place) (store.Destination, error) {
	if !s.Family && at != s.at() || s.Accounts != nil && !slices.Contains(s.Accounts, at.Account) {
		return nil, s.invalid("it can't be opened at " + at.String())
	}
	if err := s.opening(at); err != nil {
		return nil, err
	}
	return s.Place(at).Destination(), nil
}

// Access returns nothing: memory needs no permission.
func (s *Store) Access(store.Use) []store.Access { return nil }

func (s *Store) opening(at secret.Place) error {
	if s.Opening == nil {
		return nil
	}
	return s.Opening(at)
}

func (s *Store) invalid(why string) error {
	return &store.Error{Op: "open", Kind: store.ErrInvalid, Err: fmt.Errorf("%s", why)}
}

var _ store.Store = (*Store)(nil)
