package ssm

import (
	"encoding/json"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const describeSize = 50 // of a page

// describeParameters lists parameters by name, without their values. It is as late as the request says.
func describeParameters(c *call) (any, *service.Error) {
	in, err := decode[struct {
		Filters          []json.RawMessage
		ParameterFilters []filter
		MaxResults       *int64
		NextToken        *string
		Shared           bool
	}](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.number("maxResults", in.MaxResults, describeSize)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if len(in.Filters) > 0 {
		return nil, validation("The embedded AWS knows ParameterFilters, and not Filters, which AWS has deprecated.")
	}
	if err := checkFilters(in.ParameterFilters, "Path", "Name", "Type", "KeyId", "Tier", "DataType"); err != nil {
		return nil, err
	}
	if err := c.authorizeAny("DescribeParameters"); err != nil {
		return nil, err
	}
	after, err := parsePosition(in.NextToken, "DescribeParameters")
	if err != nil {
		return nil, err
	}
	listed := c.page(pageQuery{max: describeSize, asked: in.MaxResults, after: after.Name}, func(h *history) bool {
		m := h.seen(c.r.Now, c.r.Lag)
		return m != nil && !in.Shared && m.passes(in.ParameterFilters) // nothing is shared with anyone
	})
	out := struct {
		Parameters []*metadata
		NextToken  string `json:",omitempty"`
	}{Parameters: []*metadata{}}
	if listed.next != "" {
		out.NextToken = position{Of: "DescribeParameters", Name: listed.next}.token()
	}
	for _, h := range listed.entries {
		out.Parameters = append(out.Parameters, h.seen(c.r.Now, c.r.Lag))
	}
	return out, nil
}
