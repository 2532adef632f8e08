package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// secrets is one entry of `stores:`. It is safe for concurrent use.
type secrets struct {
	name    secret.StoreName
	set     settings
	cluster *kube.Cluster
	place   secret.Place // with the store's own namespace

	mu         sync.Mutex
	connection *connection // nil until the store is first used
}

func (s *secrets) Traits() store.Traits { return store.Traits{Kind: secret.Kubernetes} }

// Fixed returns the store's own namespace: the others are in its Namespaces.
func (s *secrets) Fixed() (secret.Place, bool) { return s.place, true }

func (s *secrets) Scope() string { return "" }

// CopyName puts a "." where a "/" is, which no name of a Secret has. Names that meet so are ambiguous, which a plan says.
func (s *secrets) CopyName(source secret.Name) secret.Name {
	return secret.Name(strings.ReplaceAll(strings.TrimPrefix(string(source), "/"), "/", "."))
}

func (s *secrets) Allow() []secret.AccountID { return nil }

func (s *secrets) Key() secret.Key { return "" }

func (s *secrets) Home(context.Context) (secret.Place, error) { return s.place, nil }

// Source reads the store's own namespace. A listing there costs one call for 500 Secrets, so that it is always whole.
func (s *secrets) Source(ctx context.Context, _ []string) (store.Source, error) {
	c, err := s.client(ctx, s.place)
	if err != nil {
		return nil, err
	}
	return &source{client: c, key: s.set.Key}, nil
}

// Destination opens the store's own namespace, or another that the settings allow: store.ErrInvalid for any other, and store.ErrBadName for what is no namespace.
func (s *secrets) Destination(ctx context.Context, at secret.Place) (store.Destination, error) {
	refuse := func(kind error, format string, args ...any) error {
		return &store.Error{Op: fmt.Sprintf("open store %q", s.name), Kind: kind, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case at.Kind != s.place.Kind || at.Cluster != s.place.Cluster:
		return nil, refuse(store.ErrInvalid, "it is in cluster %s, not %s", s.place.Cluster, at)
	case len(validation.IsDNS1123Label(at.Namespace)) > 0:
		return nil, refuse(store.ErrBadName, "%q is no namespace: want up to 63 lower-case letters, digits and -", at.Namespace)
	case at.Namespace != s.place.Namespace && !s.set.allows(at.Namespace):
		return nil, refuse(store.ErrInvalid, "namespace %q is not under its namespaces", at.Namespace)
	}
	c, err := s.client(ctx, at)
	if err != nil {
		return nil, err
	}
	return &destination{client: c, store: s.name, set: &s.set}, nil
}

func (s *secrets) client(ctx context.Context, at secret.Place) (*client, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &client{connection: c, place: at}, nil
}

// Namespaces is as store.Divided has it.
func (s *secrets) Namespaces() []string { return slices.Clone(s.set.Namespaces) }

// Present lists the cluster's namespaces, unless the settings write all of theirs out.
func (s *secrets) Present(ctx context.Context) (all []string, whole bool, err error) {
	globs := false
	for _, n := range s.set.Namespaces {
		if isGlob(n) {
			globs = true
			continue
		}
		all = append(all, n)
	}
	if !globs {
		if len(s.set.Namespaces) == 0 {
			all = []string{s.place.Namespace}
		}
		return sorted(all), true, nil
	}
	c, err := s.client(ctx, secret.Place{Kind: s.place.Kind, Cluster: s.place.Cluster})
	if err != nil {
		return nil, false, err
	}
	there, err := c.namespaces(ctx)
	switch {
	case isDenied(err):
		return sorted(all), false, nil
	case err != nil:
		return nil, false, err
	}
	for _, n := range there {
		if s.set.allows(n) {
			all = append(all, n)
		}
	}
	return sorted(all), true, nil
}

// Reached is as store.Divided has it.
func (s *secrets) Reached() string {
	switch e := s.set.EKS; {
	case s.set.Cluster != "":
		return ""
	case e != nil:
		return fmt.Sprintf("the EKS cluster in Region %q as role %q", e.Region, e.Role)
	}
	return fmt.Sprintf("the context %q", s.set.Context)
}

func sorted(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

var (
	_ store.Store   = (*secrets)(nil)
	_ store.Divided = (*secrets)(nil)
)
