package secretsmanager

import (
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type getInput struct {
	SecretID     *string `json:"SecretId"`
	VersionID    *string `json:"VersionId"`
	VersionStage *string
}

// secretValue is the answer of GetSecretValue, and an entry of that of BatchGetSecretValue.
type secretValue struct {
	named
	VersionID     string    `json:"VersionId"`
	SecretBinary  []byte    `json:",omitempty"`
	SecretString  *string   `json:",omitempty"`
	VersionStages []string  `json:",omitempty"`
	CreatedDate   timestamp `json:",omitzero"`
}

func getSecretValue(c *call) (any, *service.Error) {
	in, err := decode[getInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.id("versionId", in.VersionID, 32, 64)
	bad.length("versionStage", in.VersionStage, 1, 256)
	if err := bad.err(); err != nil {
		return nil, err
	}
	out, err := c.value(*in.SecretID, deref(in.VersionID), deref(in.VersionStage))
	if err != nil {
		return nil, err
	}
	return out, nil
}

// value reads one version of a secret: with neither an id nor a label, the one that has AWSCURRENT.
func (c *call) value(secretID, id, label string) (*secretValue, *service.Error) {
	cond := conditions{}
	if id != "" {
		cond.set("secretsmanager:VersionId", id)
	}
	if label != "" {
		cond.set("secretsmanager:VersionStage", label)
	}
	x, err := c.live(secretID, "GetSecretValue", cond)
	if err != nil {
		return nil, err
	}
	v, err := x.pick(id, label)
	if err != nil {
		return nil, err
	}
	out := &secretValue{
		named:         named{x.arn, x.name},
		VersionID:     v.id,
		SecretBinary:  v.binary,
		SecretString:  v.text,
		VersionStages: x.labels.on(v.id),
		CreatedDate:   timestamp(v.created),
	}
	if err := c.useKey(x, v.keyID, v.id, service.Decrypt); err != nil {
		return nil, err
	}
	if today := day(c.r.Now); !today.Equal(x.accessed) {
		x.accessed = today
		x.show(x.entry(), c.r.Now)
	}
	v.accessed = x.accessed
	return out, nil
}

// pick returns the version that has that id, or that label, or both.
func (x *record) pick(id, label string) (*version, *service.Error) {
	if id == "" {
		if label == "" {
			label = current
		}
		v := x.byID[x.labels[label]]
		if v == nil || v.empty() {
			return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", label)
		}
		return v, nil
	}
	v := x.byID[id]
	if v == nil || v.empty() {
		return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: %s", id)
	}
	if label != "" && !slices.Contains(x.labels.on(id), label) {
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return v, nil
}
