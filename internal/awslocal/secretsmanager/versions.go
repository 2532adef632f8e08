package secretsmanager

import (
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type versionsInput struct {
	SecretID          *string `json:"SecretId"`
	MaxResults        *int64
	NextToken         *string
	IncludeDeprecated *bool
}

type versionEntry struct {
	VersionID        string    `json:"VersionId"`
	VersionStages    []string  `json:",omitempty"`
	LastAccessedDate timestamp `json:",omitzero"`
	CreatedDate      timestamp `json:",omitzero"`
	KmsKeyIDs        []string  `json:"KmsKeyIds"`
}

// listSecretVersionIDs lists versions by creation; those without a label only where they are asked for.
func listSecretVersionIDs(c *call) (any, *service.Error) {
	in, err := decode[versionsInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.number("maxResults", in.MaxResults, listSize)
	bad.length("nextToken", in.NextToken, 1, 4096)
	if err := bad.err(); err != nil {
		return nil, err
	}
	x, err := c.secret(*in.SecretID, "ListSecretVersionIds", nil)
	if err != nil {
		return nil, err
	}
	size, start := listSize, 0
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	if in.NextToken != nil {
		p, err := query{token: *in.NextToken, by: x.arn}.position()
		if err != nil {
			return nil, err
		}
		start = p.Seq
	}
	out := struct {
		Versions  []versionEntry
		NextToken string `json:",omitempty"`
		named
	}{Versions: []versionEntry{}, named: named{x.arn, x.name}}
	staged := x.labels.versions()
	for i, v := range x.versions {
		if i < start || staged[v.id] == nil && !deref(in.IncludeDeprecated) {
			continue
		}
		if len(out.Versions) == size {
			out.NextToken = position{By: x.arn, Key: strconv.Itoa(size), Seq: i}.token()
			break
		}
		out.Versions = append(out.Versions, versionEntry{
			VersionID:        v.id,
			VersionStages:    staged[v.id],
			LastAccessedDate: timestamp(v.accessed),
			CreatedDate:      timestamp(v.created),
			KmsKeyIDs:        []string{v.keyLabel()},
		})
	}
	return out, nil
}

// keyLabel names the key of a version the way ListSecretVersionIds does.
func (v *version) keyLabel() string {
	if v.keyID == "" {
		return "DefaultEncryptionKey"
	}
	return v.keyID
}
