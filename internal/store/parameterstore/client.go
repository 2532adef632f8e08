package parameterstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	pageSize = 50 // the most that DescribeParameters and GetParameterHistory return at once
	restarts = 2  // how often a listing whose token has expired is begun again
)

// client calls Parameter Store at one place. It is safe for concurrent use.
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

// list returns every parameter below a path, "" and "/" being everything, sorted by name.
func (c *client) list(ctx context.Context, path string) ([]entry, error) {
	var filters []types.ParameterStringFilter
	if path != "" && path != "/" {
		filters = []types.ParameterStringFilter{{Key: aws.String("Path"), Option: aws.String("Recursive"), Values: []string{strings.TrimSuffix(path, "/")}}}
	}
	all, err := c.describeAll(ctx, filters)
	if err != nil {
		return nil, c.Fail("DescribeParameters", secret.Name(path), err)
	}
	all = slices.DeleteFunc(all, func(e entry) bool { return !strings.HasPrefix(string(e.name), path) || hidden(e.name) })
	if err := c.checkAccount(all); err != nil {
		return nil, err
	}
	return all, c.VerifyListing(ctx)
}

// named returns those of up to fifty names that DescribeParameters shows, sorted by name.
func (c *client) named(ctx context.Context, names ...secret.Name) ([]entry, error) {
	values := make([]string, len(names))
	for i, n := range names {
		values[i] = string(n)
	}
	all, err := c.describeAll(ctx, []types.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("Equals"), Values: values}})
	if err != nil {
		return nil, c.Fail("DescribeParameters", names[0], err)
	}
	all = slices.DeleteFunc(all, func(e entry) bool { return !slices.Contains(names, e.name) || hidden(e.name) })
	return all, c.checkAccount(all)
}

func (c *client) describeAll(ctx context.Context, filters []types.ParameterStringFilter) (all []entry, err error) {
	for range 1 + restarts {
		all, err = c.describeOnce(ctx, filters)
		if !errors.As(err, new(*types.InvalidNextToken)) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(string(a.name), string(b.name)) })
	// A parameter that moved from page to page meanwhile is there twice.
	return slices.CompactFunc(all, func(a, b entry) bool { return a.name == b.name }), nil
}

func (c *client) describeOnce(ctx context.Context, filters []types.ParameterStringFilter) ([]entry, error) {
	in := &api.DescribeParametersInput{MaxResults: aws.Int32(pageSize), ParameterFilters: filters}
	var all []entry
	for {
		out, err := c.api.DescribeParameters(ctx, in)
		if err != nil {
			return nil, err
		}
		seen := clock(out.ResultMetadata)
		for i := range out.Parameters {
			all = append(all, fromDescribe(&out.Parameters[i], seen))
		}
		if in.NextToken, err = nextPage(in.NextToken, out.NextToken); in.NextToken == nil || err != nil {
			return all, err
		}
	}
}

// nextPage returns the token of the page that follows; nil where there is none.
func nextPage(this, next *string) (*string, error) {
	switch {
	case aws.ToString(next) == "":
		return nil, nil //nolint:nilnil // no token and no error: it was the last page
	case aws.ToString(next) == aws.ToString(this):
		return nil, errors.New("the listing goes round in circles: the answer names its own page as the next")
	}
	return next, nil
}

// history returns every version that AWS still holds, the newest first. It never asks for a decrypted value.
func (c *client) history(ctx context.Context, name secret.Name) ([]entry, error) {
	in := &api.GetParameterHistoryInput{Name: aws.String(string(name)), MaxResults: aws.Int32(pageSize)}
	var all []entry
	for {
		out, err := c.api.GetParameterHistory(ctx, in)
		if err != nil {
			return nil, c.Fail("GetParameterHistory", name, err)
		}
		seen := clock(out.ResultMetadata)
		for i := range out.Parameters {
			all = append(all, fromHistory(&out.Parameters[i], seen))
		}
		if in.NextToken, err = nextPage(in.NextToken, out.NextToken); err != nil {
			return nil, c.Fail("GetParameterHistory", name, err)
		}
		if in.NextToken == nil {
			break
		}
	}
	if len(all) == 0 {
		return nil, &store.Error{Op: "GetParameterHistory", Name: name, Place: c.At, Kind: store.ErrNotFound}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(b.number, a.number) })
	return all, nil
}

// checkAccount makes sure that answers are of the account that was meant. Answers without an ARN prove nothing.
func (c *client) checkAccount(all []entry) error {
	i := slices.IndexFunc(all, func(e entry) bool { return e.arn != "" })
	if i < 0 {
		return nil
	}
	return c.Saw(all[i].arn)
}

// clock returns the time by AWS's clock; zero where an answer has no Date.
func clock(md middleware.Metadata) time.Time {
	t, _ := awsmiddleware.GetServerTime(md)
	return t
}
