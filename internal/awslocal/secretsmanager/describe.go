package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

// idInput is the parameters of the operations that take nothing but a secret.
type idInput struct {
	SecretID *string `json:"SecretId"`
}

func decodeID(r *service.Request) (string, *service.Error) {
	in, err := decode[idInput](r)
	if err != nil {
		return "", err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	if err := bad.err(); err != nil {
		return "", err
	}
	return *in.SecretID, nil
}

// describeSecret answers also for a secret that is marked for deletion.
func describeSecret(c *call) (any, *service.Error) {
	id, err := decodeID(c.r)
	if err != nil {
		return nil, err
	}
	x, err := c.secret(id, "DescribeSecret", nil)
	if err != nil {
		return nil, err
	}
	e := x.entry()
	stages := e.SecretVersionsToStages
	e.SecretVersionsToStages = nil
	return struct {
		*listEntry
		VersionIDsToStages map[string][]string `json:"VersionIdsToStages,omitempty"`
		ReplicationStatus  []replicaStatus     `json:",omitempty"`
	}{e, stages, x.replicationStatus()}, nil
}
