package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

const batchSize = 20

type batchInput struct {
	SecretIDList []string `json:"SecretIdList"`
	Filters      []filter
	MaxResults   *int64
	NextToken    *string
}

// batchError says why one secret of a batch could not be read.
type batchError struct {
	SecretID  string `json:"SecretId"`
	ErrorCode string
	Message   string
}

type batchOutput struct {
	SecretValues []*secretValue
	Errors       []batchError
	NextToken    string `json:",omitempty"`
}

func batchGetSecretValue(c *call) (any, *service.Error) {
	in, err := decode[batchInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	if in.SecretIDList != nil {
		bad.size("secretIdList", len(in.SecretIDList), 1, batchSize)
	}
	for _, id := range in.SecretIDList {
		bad.length("secretIdList", &id, 1, 2048)
	}
	bad.number("maxResults", in.MaxResults, batchSize)
	bad.length("nextToken", in.NextToken, 1, 4096)
	checkFilters(&bad, in.Filters)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if (len(in.SecretIDList) > 0) == (len(in.Filters) > 0) {
		return nil, invalidParameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	}
	if in.MaxResults != nil && len(in.Filters) == 0 {
		return nil, invalidParameter("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	}
	if err := c.authorizeAny("BatchGetSecretValue"); err != nil {
		return nil, err
	}

	out := batchOutput{SecretValues: []*secretValue{}, Errors: []batchError{}}
	ids := in.SecretIDList
	if len(in.Filters) > 0 {
		if err := c.authorizeAny("ListSecrets"); err != nil {
			return nil, err
		}
		q := query{filters: in.Filters, max: batchSize, token: deref(in.NextToken)}
		if in.MaxResults != nil {
			q.max = int(*in.MaxResults)
		}
		page, err := c.page(q)
		if err != nil {
			return nil, err
		}
		out.NextToken = page.next
		for _, e := range page.entries {
			ids = append(ids, e.ARN)
		}
	}
	for _, id := range ids {
		v, err := c.value(id, "", "")
		if err != nil {
			out.Errors = append(out.Errors, batchError{SecretID: id, ErrorCode: err.Code, Message: err.Message})
			continue
		}
		out.SecretValues = append(out.SecretValues, v)
	}
	return out, nil
}
