package secretsmanager

import (
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// What is known of a replica.
const (
	inSync     = "InSync"
	inProgress = "InProgress"
	failed     = "Failed"
)

// replica is a copy in another Region, as the primary knows it.
type replica struct {
	region    string
	keyID     string
	status    string
	message   string
	overwrite bool // a secret of the same name there may go
}

type replicaRegion struct {
	Region   string
	KmsKeyID *string `json:"KmsKeyId"`
}

type replicaStatus struct {
	Region        string
	KmsKeyID      string `json:"KmsKeyId,omitempty"`
	Status        string
	StatusMessage string `json:",omitempty"`
}

func (x *record) replicationStatus() []replicaStatus {
	var all []replicaStatus
	for _, r := range x.replicas {
		all = append(all, replicaStatus{Region: r.region, KmsKeyID: r.keyID, Status: r.status, StatusMessage: r.message})
	}
	return all
}

func checkReplicaRegions(c *checks, regions []replicaRegion) {
	for _, r := range regions {
		c.length("addReplicaRegions", &r.Region, 1, 128)
		c.length("addReplicaRegions", r.KmsKeyID, 0, 2048)
	}
}

func (c conditions) replicaRegions(regions []replicaRegion, force *bool) {
	var names []string
	for _, r := range regions {
		names = append(names, r.Region)
	}
	c.set("secretsmanager:AddReplicaRegions", names...)
	c.bool("secretsmanager:ForceOverwriteReplicaSecret", force)
}

// replicasAllowed says whether the secret may have replicas there. One that failed may be tried again.
func replicasAllowed(x *record, regions []replicaRegion) *service.Error {
	seen := map[string]bool{x.region: true}
	for _, r := range x.replicas {
		seen[r.region] = r.status != failed
	}
	for _, r := range regions {
		if seen[r.Region] {
			return invalidParameter("Invalid replica region.")
		}
		seen[r.Region] = true
	}
	return nil
}

// addReplicas notes new replicas; replicate makes them.
func (c *call) addReplicas(x *record, regions []replicaRegion, overwrite bool) {
	for _, r := range regions {
		at := place{account: x.account, region: r.Region}
		x.replicas = slices.DeleteFunc(x.replicas, func(old replica) bool { return old.region == r.Region })
		x.replicas = append(x.replicas, replica{region: r.Region, keyID: at.keyID(deref(r.KmsKeyID)), status: inProgress, overwrite: overwrite})
		x.primary = x.region
	}
}

type replicateInput struct {
	SecretID                    *string `json:"SecretId"`
	AddReplicaRegions           []replicaRegion
	ForceOverwriteReplicaSecret *bool
}

type replicationOutput struct {
	ARN               string
	ReplicationStatus []replicaStatus `json:",omitempty"`
}

func replicateSecretToRegions(c *call) (any, *service.Error) {
	in, err := decode[replicateInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.required("addReplicaRegions", len(in.AddReplicaRegions) > 0)
	checkReplicaRegions(&bad, in.AddReplicaRegions)
	if err := bad.err(); err != nil {
		return nil, err
	}
	cond := conditions{}
	cond.replicaRegions(in.AddReplicaRegions, in.ForceOverwriteReplicaSecret)
	x, err := c.writable(*in.SecretID, "ReplicateSecretToRegions", cond)
	if err != nil {
		return nil, err
	}
	if err := replicasAllowed(x, in.AddReplicaRegions); err != nil {
		return nil, err
	}
	for _, v := range x.versions { // what is copied has to be read first
		if x.labels.on(v.id) == nil {
			continue
		}
		if err := c.useKey(x, v.keyID, v.id, service.Decrypt); err != nil {
			return nil, err
		}
	}
	if err := x.still(); err != nil {
		return nil, err
	}
	if err := replicasAllowed(x, in.AddReplicaRegions); err != nil {
		return nil, err
	}
	c.addReplicas(x, in.AddReplicaRegions, deref(in.ForceOverwriteReplicaSecret))
	x.touched(c.r.Now)
	c.replicate(x)
	return replicationOutput{ARN: x.arn, ReplicationStatus: x.replicationStatus()}, nil
}

type removeRegionsInput struct {
	SecretID             *string `json:"SecretId"`
	RemoveReplicaRegions []string
}

func removeRegionsFromReplication(c *call) (any, *service.Error) {
	in, err := decode[removeRegionsInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.required("removeReplicaRegions", len(in.RemoveReplicaRegions) > 0)
	if err := bad.err(); err != nil {
		return nil, err
	}
	x, err := c.writable(*in.SecretID, "RemoveRegionsFromReplication", nil)
	if err != nil {
		return nil, err
	}
	for _, region := range in.RemoveReplicaRegions {
		if !slices.ContainsFunc(x.replicas, func(r replica) bool { return r.region == region }) {
			return nil, invalidParameter("Invalid replica region.")
		}
	}
	for _, region := range in.RemoveReplicaRegions {
		x.dropReplica(region)
		c.jobs = append(c.jobs, replicaJob{do: dropCopy, region: region, of: x.snapshot()})
	}
	x.touched(c.r.Now)
	c.replicate(x)
	return replicationOutput{ARN: x.arn, ReplicationStatus: x.replicationStatus()}, nil
}

// dropReplica makes the primary forget a replica.
func (x *record) dropReplica(region string) {
	x.replicas = slices.DeleteFunc(x.replicas, func(r replica) bool { return r.region == region })
	if len(x.replicas) == 0 {
		x.primary = ""
	}
}

// stopReplicationToReplica makes a secret of its own of a replica. It is called in the replica's Region.
func stopReplicationToReplica(c *call) (any, *service.Error) {
	id, err := decodeID(c.r)
	if err != nil {
		return nil, err
	}
	x, err := c.live(id, "StopReplicationToReplica", nil)
	if err != nil {
		return nil, err
	}
	if !x.isReplica() {
		return nil, invalidParameter("The secret is not a replica secret.")
	}
	c.jobs = append(c.jobs, replicaJob{do: detach, region: x.primary, of: x.snapshot()})
	x.primary = ""
	x.touched(c.r.Now)
	return replicationOutput{ARN: x.arn}, nil
}
