package ssm

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

const historySize = 50 // of a page

// historyEntry is a version as GetParameterHistory shows it.
type historyEntry struct {
	Name             string
	Type             string
	KeyID            string `json:"KeyId,omitempty"`
	LastModifiedDate timestamp
	LastModifiedUser string
	Description      string `json:",omitempty"`
	Value            string
	AllowedPattern   string `json:",omitempty"`
	Version          int64
	Labels           []string
	Tier             string
	Policies         []policy
	DataType         string
}

// getParameterHistory lists the versions that are kept, the oldest first.
func getParameterHistory(c *call) (any, *service.Error) {
	in, err := decode[struct {
		Name           *string
		WithDecryption bool
		MaxResults     *int64
		NextToken      *string
	}](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.name(in.Name)
	bad.number("maxResults", in.MaxResults, historySize)
	if err := bad.err(); err != nil {
		return nil, err
	}
	x, err := c.parameter(*in.Name, "GetParameterHistory")
	if err != nil {
		return nil, err
	}
	of := "GetParameterHistory " + x.name
	after, err := parsePosition(in.NextToken, of)
	if err != nil {
		return nil, err
	}
	size := historySize
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	out := struct {
		Parameters []historyEntry
		NextToken  string `json:",omitempty"`
	}{Parameters: []historyEntry{}}
	for _, v := range x.versions {
		if v.number <= after.Version {
			continue
		}
		if n := len(out.Parameters); n == size {
			out.NextToken = position{Of: of, Version: out.Parameters[n-1].Version}.token()
			break
		}
		e := x.historyEntry(v)
		if e.Value, err = c.reveal(x, v, in.WithDecryption); err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, e)
	}
	return out, nil
}

// historyEntry returns a version without its value.
func (x *record) historyEntry(v *version) historyEntry {
	labels := x.labelsOn(v.number)
	if labels == nil {
		labels = []string{}
	}
	return historyEntry{
		Name: x.name, Type: v.kind, KeyID: v.keyID, LastModifiedDate: timestamp(v.modified), LastModifiedUser: v.user, Description: v.description,
		AllowedPattern: v.pattern, Version: v.number, Labels: labels, Tier: v.tier, Policies: v.listedPolicies(), DataType: v.dataType,
	}
}
