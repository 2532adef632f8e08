package kubernetes

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// source reads one namespace: Secrets of every type.
type source struct {
	*client
	key string
}

func (s *source) Place(context.Context) (secret.Place, error) { return s.place, nil }

// List lists the namespace. The API answers for one that does not exist as for an empty one: an empty listing counts only where the namespace is there, or
// may not be looked at.
func (s *source) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.list(ctx, "")
	if err == nil && len(all) == 0 {
		err = s.exists(ctx)
	}
	if err != nil {
		return nil, err
	}
	metas := make([]secret.Meta, len(all))
	for i := range all {
		metas[i] = all[i].source(s.place)
	}
	return metas, nil
}

// Stat reads the metadata. That a Secret is gone counts only where its namespace is there, or may not be looked at.
func (s *source) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	e, err := s.stat(ctx, name)
	if isGone(err) {
		if absent := s.exists(ctx); absent != nil {
			return secret.Meta{}, absent
		}
	}
	if err != nil {
		return secret.Meta{}, err
	}
	return e.source(s.place), nil
}

// exists returns store.ErrInvalid where there is no such namespace.
func (s *source) exists(ctx context.Context) error {
	_, err := s.metadata.Resource(resource("", "namespaces")).Get(ctx, s.place.Namespace, metav1.GetOptions{})
	if err == nil {
		return nil
	}
	switch err = s.fail("get", "namespaces", "", err); {
	case isDenied(err):
		return nil
	case isGone(err):
		return s.errorf("list secrets", "", store.ErrInvalid, "there is no namespace %q", s.place.Namespace)
	}
	return err
}

func (s *source) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return s.readAll(ctx, names, func(e *entry, data map[string][]byte) (secret.Version, secret.Value, error) {
		v, err := valueOf(data, s.key)
		return secret.Version(e.meta.ResourceVersion), v, err
	})
}

func (s *source) BatchSize() int { return batchSize }

var _ store.Source = (*source)(nil)
