package parameterstore

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// source reads one account and Region: parameters of every type.
type source struct {
	client *client
	prefix string // of the names that are in the store
	path   string // what is listed: prefix, or something below it
	label  string // of the versions that count; empty: the latest
	reader *reader
}

func (s *source) Place(ctx context.Context) (secret.Place, error) { return s.client.Place(ctx) }

func (s *source) List(ctx context.Context) ([]secret.Meta, error) {
	all, err := s.client.list(ctx, s.path)
	if err != nil {
		return nil, err
	}
	at, err := s.Place(ctx)
	if err != nil {
		return nil, err
	}
	metas := make([]secret.Meta, len(all))
	for i := range all {
		metas[i] = all[i].meta(at)
	}
	if s.label != "" {
		if err := s.client.pin(ctx, metas, all, s.label); err != nil {
			return nil, err
		}
	}
	return metas, nil
}

// Stat describes by name. What DescribeParameters does not show is asked of GetParameter too, without decryption: only its "not found" proves an absence.
func (s *source) Stat(ctx context.Context, name secret.Name) (secret.Meta, error) {
	if !strings.HasPrefix(string(name), s.prefix) {
		return secret.Meta{}, s.client.Errorf("DescribeParameters", name, store.ErrNotFound, "it is not below the store's prefix %s", s.prefix)
	}
	if hidden(name) {
		return secret.Meta{}, s.client.Errorf("DescribeParameters", name, store.ErrNotFound, "%s", hiddenWhy)
	}
	found, err := s.client.named(ctx, name)
	if err != nil {
		return secret.Meta{}, err
	}
	if len(found) == 0 {
		return secret.Meta{}, s.client.absent(ctx, name)
	}
	at, err := s.Place(ctx)
	if err != nil {
		return secret.Meta{}, err
	}
	metas := []secret.Meta{found[0].meta(at)}
	if s.label != "" {
		if err := s.client.pin(ctx, metas, found[:1], s.label); err != nil {
			return secret.Meta{}, err
		}
	}
	return metas[0], nil
}

// absent returns store.ErrNotFound where GetParameter says that there is no such parameter, and another error where that is not so, or can't be known.
func (c *client) absent(ctx context.Context, name secret.Name) error {
	_, err := c.api.GetParameter(ctx, &api.GetParameterInput{Name: aws.String(string(name))}) // what it returns is dropped: it may be a value
	if err == nil {
		return c.Errorf("DescribeParameters", name, store.ErrUnavailable, "it does not show the parameter, and GetParameter does")
	}
	return c.Fail("GetParameter", name, err)
}

func (s *source) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return s.reader.read(ctx, names)
}

func (s *source) BatchSize() int { return batchSize }

var _ store.Source = (*source)(nil)
