package secretsmanager

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// sm is one entry of `stores:`. It is safe for concurrent use: it never changes.
type sm struct{ *awsstore.Store }

// pricePerMonth is what AWS charges for a stored secret, in US dollars.
const pricePerMonth = 0.40

func (s *sm) Traits() store.Traits {
	return store.Traits{Kind: secret.SecretsManager, Tags: true, Description: true, Keys: true, ListsTags: true, PricePerMonth: pricePerMonth}
}

func (s *sm) Scope() string { return "" }

func (s *sm) CopyName(source secret.Name) secret.Name { return source }

// Source lists the whole account: AWS charges by the page, and a page holds a hundred.
func (s *sm) Source(ctx context.Context, _ []string) (store.Source, error) {
	site, err := s.OpenHome(ctx)
	if err != nil {
		return nil, err
	}
	return &source{client: newClient(site)}, nil
}

func (s *sm) Destination(ctx context.Context, at secret.Place) (store.Destination, error) {
	site, err := s.OpenAt(ctx, at)
	if err != nil {
		return nil, err
	}
	return &destination{newClient(site)}, nil
}
