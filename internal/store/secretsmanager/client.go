package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	pageSize = 100 // the most that ListSecrets returns at once
	restarts = 2   // how often a listing whose token has expired is begun again
)

// client calls Secrets Manager at one place. It is safe for concurrent use.
type client struct {
	api     *api.Client
	factory *awscfg.Factory
	cfg     aws.Config
	target  awscfg.Target
	place   secret.Place // as far as it is known; the Region always is
	reader  reader
	proved  atomic.Bool // an answer showed that the credentials are those of the place's account
}

func newClient(f *awscfg.Factory, cfg aws.Config, t awscfg.Target, at secret.Place) *client {
	c := &client{api: api.NewFromConfig(cfg), factory: f, cfg: cfg, target: t, place: at}
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
		return nil, c.fail("ListSecrets", secret.Name(prefix), err)
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(string(a.name), string(b.name)) })
	// A secret that moved from page to page meanwhile is there twice.
	all = slices.CompactFunc(all, func(a, b entry) bool { return a.name == b.name })
	if len(all) > 0 {
		if err := c.checkAccount(all[0]); err != nil {
			return nil, err
		}
	} else if c.target.Account != "" && prefix == "" && c.target.Role == "" {
		// An empty listing does not say whose it is.
		if err := c.factory.Verify(ctx, c.target, c.target.Account); err != nil {
			return nil, err
		}
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
		return entry{}, c.fail("DescribeSecret", name, err)
	}
	e := fromDescribe(out)
	return e, c.checkAccount(e)
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
			Op: "DescribeSecret", Name: name, Place: c.place, Kind: store.ErrNotPermitted, Code: "AccessDeniedException",
			Err:  errors.New("neither secretsmanager:DescribeSecret nor secretsmanager:ListSecrets is allowed"),
			Help: "grant secretsmanager:DescribeSecret to " + c.who(),
		}
	}
	i, ok := slices.BinarySearchFunc(all, name, func(e entry, n secret.Name) int { return strings.Compare(string(e.name), string(n)) })
	if !ok {
		return entry{}, &store.Error{Op: "ListSecrets", Name: name, Place: c.place, Kind: store.ErrNotFound}
	}
	return all[i], nil
}

// checkAccount makes sure that an answer is of the account that was meant, and takes note of the account of the ambient credentials.
func (c *client) checkAccount(e entry) error {
	account, _ := awscfg.ARNAccount(e.arn)
	if account == "" {
		return nil
	}
	if c.target.Role == "" {
		c.factory.Learn(e.arn)
	}
	if c.place.Account != "" && account != c.place.Account {
		return awscfg.WrongAccount(c.target, account, c.place.Account)
	}
	c.proved.Store(c.place.Account != "")
	return nil
}

// who names the caller, for what an error says is to be granted.
func (c *client) who() string {
	if role := c.target.RoleARN(); role != "" {
		return role
	}
	return "the credentials in use"
}

func (c *client) invalid(op string, name secret.Name, kind error, format string, args ...any) error {
	return &store.Error{Op: op, Name: name, Place: c.place, Kind: kind, Err: fmt.Errorf(format, args...)}
}
