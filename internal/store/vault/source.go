package vault

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// source reads one mount, or what is below some folders of it.
type source struct {
	client     *client
	beginnings []string
}

func (s *source) Place(context.Context) (secret.Place, error) { return s.client.place, nil }

func (s *source) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.client.list(ctx, s.beginnings)
	if err != nil {
		return nil, err
	}
	metas := make([]secret.Meta, len(all))
	for i := range all {
		metas[i] = all[i].meta(s.client.place)
	}
	return metas, nil
}

// Stat reads the metadata. Only where that is gone, in a mount that is there, it is store.ErrNotFound; a deleted or destroyed version is not.
func (s *source) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	e, err := s.client.stat(ctx, name)
	if err != nil {
		return secret.Meta{}, err
	}
	return e.meta(s.client.place), nil
}

func (s *source) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return s.client.readAll(ctx, names, func(r *reading) secret.Version { return version(r.number, r.created) })
}

func (s *source) BatchSize() int { return batchSize }

var _ store.Source = (*source)(nil)
