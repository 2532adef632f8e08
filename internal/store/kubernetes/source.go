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

// List lists the namespace. The API answers for one that does not exist as for an empty one, and one that is being deleted loses its Secrets one by one: a
// listing counts only where the namespace is there afterwards, to stay, or may not be looked at.
func (s *source) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.list(ctx, "")
	if err == nil {
		err = s.stays(ctx)
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

// Stat reads the metadata. That a Secret is gone counts only where its namespace stays, or may not be looked at.
func (s *source) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	e, err := s.stat(ctx, name)
	if isGone(err) {
		if absent := s.stays(ctx); absent != nil {
			return secret.Meta{}, absent
		}
	}
	if err != nil {
		return secret.Meta{}, err
	}
	return e.source(s.place), nil
}

// stays returns store.ErrInvalid where there is no such namespace, or where it is being deleted.
func (s *source) stays(ctx context.Context) error {
	n, err := s.metadata.Resource(resource("", "namespaces")).Get(ctx, s.place.Namespace, metav1.GetOptions{})
	switch {
	case err == nil && n.DeletionTimestamp != nil:
		return s.errorf("list secrets", "", store.ErrInvalid, "the namespace %q is being deleted", s.place.Namespace)
	case err == nil:
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
