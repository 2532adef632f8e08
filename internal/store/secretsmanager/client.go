package secretsmanager

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	pageSize = 100 // the most that ListSecrets returns at once
	restarts = 2   // how often a listing whose token has expired is begun again
)

// client calls Secrets Manager at one place. It is safe for concurrent use.
type client struct {
	*awsstore.Site
	api    *api.Client
	reader reader
}

func newClient(at *awsstore.Site) *client {
	c := &client{Site: at, api: api.NewFromConfig(at.Config)}
	c.reader.client = c
	return c
}

// list returns every secret, those scheduled for deletion included, sorted by name; those whose name begins with prefix if it is not empty.
func (c *client) list(ctx context.Context, prefix string) ([]entry, error) {
	var all []entry
	var err error
	for range 1 + restarts {
		all, err = c.listOnce(ctx, prefix)
		if !errors.As(err, new(*types.InvalidNextTokenException)) {
			break
		}
	}
	if err != nil {
		return nil, c.Fail("ListSecrets", secret.Name(prefix), err)
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(string(a.name), string(b.name)) })
	// A secret that moved from page to page meanwhile is there twice.
	all = slices.CompactFunc(all, func(a, b entry) bool { return a.name == b.name })
	switch {
	case len(all) > 0:
		err = c.Saw(all[0].arn)
	case prefix == "":
		err = c.VerifyListing(ctx)
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (c *client) listOnce(ctx context.Context, prefix string) ([]entry, error) {
	in := &api.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true), MaxResults: aws.Int32(pageSize)}
	if prefix != "" {
		in.Filters = []types.Filter{{Key: types.FilterNameStringTypeName, Values: []string{prefix}}}
	}
	var all []entry
	for {
		out, err := c.api.ListSecrets(ctx, in)
		if err != nil {
			return nil, err
		}
		for i := range out.SecretList {
			all = append(all, fromList(&out.SecretList[i]))
		}
		next := aws.ToString(out.NextToken)
		switch {
		case next == "":
			return all, nil
		case next == aws.ToString(in.NextToken):
			return nil, errors.New("the listing goes round in circles: the answer names its own page as the next")
		}
		in.NextToken = &next
	}
}

// describe returns one secret, read strongly.
func (c *client) describe(ctx context.Context, name secret.Name) (entry, error) {
	out, err := c.api.DescribeSecret(ctx, &api.DescribeSecretInput{SecretId: aws.String(string(name))})
	if err != nil {
		return entry{}, c.Fail("DescribeSecret", name, err)
	}
	e := fromDescribe(out)
	return e, c.Saw(e.arn)
}

// stat is describe, or where that is denied a listing limited to the name.
func (c *client) stat(ctx context.Context, name secret.Name) (entry, error) {
	e, err := c.describe(ctx, name)
	if !errors.Is(err, store.ErrNotPermitted) {
		return e, err
	}
	all, listErr := c.list(ctx, string(name))
	if listErr != nil {
		if !errors.Is(listErr, store.ErrNotPermitted) {
			return entry{}, listErr
		}
		return entry{}, &store.Error{
			Op: "DescribeSecret", Name: name, Place: c.At, Kind: store.ErrNotPermitted, Code: "AccessDeniedException",
			Err:  errors.New("neither secretsmanager:DescribeSecret nor secretsmanager:ListSecrets is allowed"),
			Help: c.Grant("DescribeSecret", ""),
		}
	}
	i, ok := slices.BinarySearchFunc(all, name, func(e entry, n secret.Name) int { return strings.Compare(string(e.name), string(n)) })
	if !ok {
		return entry{}, &store.Error{Op: "ListSecrets", Name: name, Place: c.At, Kind: store.ErrNotFound}
	}
	return all[i], nil
}
