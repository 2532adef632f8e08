package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

const listSize = 100

type listInput struct {
	IncludePlannedDeletion *bool
	MaxResults             *int64
	NextToken              *string
	Filters                []filter
	SortBy                 *string
	SortOrder              *string
}

type listOutput struct {
	SecretList []*listEntry
	NextToken  string `json:",omitempty"`
}

func listSecrets(c *call) (any, *service.Error) {
	in, err := decode[listInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.number("maxResults", in.MaxResults, listSize)
	bad.length("nextToken", in.NextToken, 1, 4096)
	if in.SortBy != nil {
		bad.oneOf("sortBy", *in.SortBy, byCreated, byAccessed, byChanged, byName)
	}
	if in.SortOrder != nil {
		bad.oneOf("sortOrder", *in.SortOrder, "asc", "desc")
	}
	checkFilters(&bad, in.Filters)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if err := c.authorizeAny("ListSecrets"); err != nil {
		return nil, err
	}
	q := query{
		filters: in.Filters,
		doomed:  deref(in.IncludePlannedDeletion),
		by:      deref(in.SortBy),
		desc:    deref(in.SortOrder) == "desc",
		max:     listSize,
		token:   deref(in.NextToken),
	}
	if in.MaxResults != nil {
		q.max = int(*in.MaxResults)
	}
	page, err := c.page(q)
	if err != nil {
		return nil, err
	}
	return listOutput{SecretList: page.entries, NextToken: page.next}, nil
}
