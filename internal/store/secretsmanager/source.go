package secretsmanager

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// source reads one account and Region.
type source struct {
	client *client
}

func (s *source) Place(ctx context.Context) (secret.Place, error) { return s.client.Place(ctx) }

func (s *source) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.client.list(ctx, "")
	if err != nil {
		return nil, err
	}
	metas := make([]secret.Meta, len(all))
	for i := range all {
		metas[i] = all[i].meta(s.client.At.Region)
	}
	return metas, nil
}

// Stat describes, and nothing else: it is what proves that a source is gone, which a listing can't.
func (s *source) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	e, err := s.client.describe(ctx, name)
	if err != nil {
		return secret.Meta{}, err
	}
	return e.meta(s.client.At.Region), nil
}

func (s *source) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return s.client.reader.read(ctx, names)
}

func (s *source) BatchSize() int { return batchSize }

var _ store.Source = (*source)(nil)
