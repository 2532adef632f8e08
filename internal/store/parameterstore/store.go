package parameterstore

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// parameters is one entry of `stores:`. It is safe for concurrent use: it never changes.
type parameters struct {
	*awsstore.Store

	prefix   string // empty, or "/…/"
	label    string // of the versions that a source reads; empty: the latest
	tier     types.ParameterTier
	requests int // reads a second
}

// advancedPrice is what AWS charges for a stored parameter of the advanced tier, in US dollars a month. The others cost nothing.
const advancedPrice = 0.05

func (s *parameters) Traits() store.Traits {
	t := store.Traits{Kind: secret.ParameterStore, Keys: true, Forgets: true}
	if s.tier == types.ParameterTierAdvanced {
		t.PricePerMonth = advancedPrice
	}
	return t
}

func (s *parameters) Scope() string { return s.prefix }

// CopyName puts the prefix in front. Without one, a name with a "/" in it gets a leading one, which AWS asks for.
func (s *parameters) CopyName(source secret.Name) secret.Name {
	bare := strings.TrimPrefix(string(source), "/")
	switch {
	case s.prefix != "":
		return secret.Name(s.prefix + bare)
	case strings.Contains(string(source), "/"):
		return secret.Name("/" + bare)
	}
	return source
}

// Source lists what is below the prefix, or below the one path that within names, where that is narrower.
func (s *parameters) Source(ctx context.Context, within []string) (store.Source, error) {
	site, err := s.OpenHome(ctx)
	if err != nil {
		return nil, err
	}
	path := s.prefix
	if len(within) == 1 && isPath(within[0]) && strings.HasPrefix(within[0], s.prefix) {
		path = within[0]
	}
	src := &source{client: s.client(site), prefix: s.prefix, path: path, label: s.label}
	src.reader = &src.client.reader
	if s.label != "" {
		src.reader = &reader{client: src.client, selector: ":" + s.label}
	}
	return src, nil
}

func (s *parameters) Destination(ctx context.Context, at secret.Place) (store.Destination, error) {
	site, err := s.OpenAt(ctx, at)
	if err != nil {
		return nil, err
	}
	return &destination{client: s.client(site), prefix: s.prefix, tier: s.tier, latest: map[secret.Name]int64{}}, nil
}

// client returns a client of a place, at the pace that the account allows there.
func (s *parameters) client(at *awsstore.Site) *client {
	if s.requests > defaultRequests {
		at.Raise("SSM", "GetParameters", s.requests)
	}
	return newClient(at)
}
