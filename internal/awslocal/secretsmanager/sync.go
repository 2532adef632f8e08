package secretsmanager

import (
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// replicaJob is work in another Region. It runs once the call has let go of its own store, so that no two stores are ever locked together;
// the generation of a primary keeps a late job from undoing a newer one.
type replicaJob struct {
	do     jobKind
	region string
	of     *snapshot
	as     replica
}

type jobKind int

const (
	copyOver jobKind = iota // make or renew the copy in region
	dropCopy                // remove the copy in region
	detach                  // tell the primary in region that one of its copies is on its own
)

// snapshot is a secret at one moment, free of its store's lock.
type snapshot struct {
	record
	policy string
}

// snapshot copies what replicas have of a secret. The policy is read when the job runs.
func (x *record) snapshot() *snapshot {
	s := &snapshot{record: *x}
	s.versions, s.byID, s.views, s.replicas = nil, nil, nil, nil
	for _, v := range x.versions {
		s.versions = append(s.versions, &version{id: v.id, text: v.text, binary: v.binary, created: v.created})
	}
	return s
}

// replicate has every replica of a secret follow. Call it after the change was made.
func (c *call) replicate(x *record) {
	if len(x.replicas) == 0 {
		return
	}
	of := x.snapshot()
	of.policy, _ = c.ResourcePolicy(x.arn)
	for _, r := range x.replicas {
		if r.status != failed {
			c.jobs = append(c.jobs, replicaJob{do: copyOver, region: r.region, of: of, as: r})
		}
	}
}

// finishReplication does the jobs that a call has left. It holds no lock when it starts and none when it ends.
func (c *call) finishReplication() {
	defer c.release()
	for _, j := range c.jobs {
		st := c.lock(place{account: j.of.account, region: j.region})
		switch j.do {
		case copyOver:
			status, message := c.copyTo(st, j)
			if !c.report(j, status, message) {
				c.drop(c.lock(st.place), j.of)
			}
		case dropCopy:
			c.drop(st, j.of)
		case detach:
			if x := st.byName[j.of.name]; x != nil && x.arn == st.arn(suffixed(j.of.arn)) {
				x.dropReplica(j.of.region)
				x.touched(c.r.Now)
			}
		}
	}
	c.jobs = nil
}

// suffixed returns the name with its suffix of a complete ARN: replicas share it.
func suffixed(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// copyTo makes the replica in st show the primary, and returns the status that it then has.
func (c *call) copyTo(st *store, j replicaJob) (status, message string) {
	arn, old := st.arn(suffixed(j.of.arn)), st.byName[j.of.name]
	switch {
	case old == nil && j.as.status != inProgress:
		return j.as.status, j.as.message // someone removed it meanwhile
	case old != nil && (old.arn != arn || old.primary != j.of.region):
		if !j.as.overwrite || old.isReplica() || len(old.replicas) > 0 {
			return failed, "Replication failed: Secret name simple already exists in region " + st.region + "."
		}
	case old != nil && old.generation >= j.of.generation:
		return inSync, ""
	}
	var shown int64
	if old != nil {
		shown = old.generation
	}
	fresh := c.replicaOf(j, arn, old)
	for _, v := range fresh.versions {
		if v.keyID == unencrypted {
			v.keyID = j.as.keyID
			if v.empty() {
				continue
			}
			at := *c.r
			at.Region = st.region
			if err := c.useKeyAs(&at, st.place, arn, v.keyID, v.id, service.GenerateDataKey); err != nil {
				return failed, "Replication failed: " + err.Message
			}
		}
	}
	if now := st.byName[j.of.name]; now != old || now != nil && now.generation != shown {
		return c.copyTo(st, j) // another call changed it meanwhile
	}
	if old != nil && old.arn == arn {
		seq, views, accessed := old.seq, old.views, old.accessed
		*old = *fresh
		old.seq, old.views, old.accessed, old.place = seq, views, accessed, st.place
		fresh = old
	} else {
		if old != nil {
			c.remove(st, old, c.r.Now)
		}
		st.insert(fresh)
	}
	if j.of.policy == "" {
		c.policies.Delete(arn)
	} else {
		c.policies.Store(arn, newResourcePolicy(j.of.policy))
	}
	fresh.show(fresh.entry(), c.r.Now)
	return inSync, ""
}

// unencrypted marks a version that the replica does not have yet.
const unencrypted = "\x00"

// replicaOf returns the record of a replica that shows the primary of the job; the versions that it has already keep their keys.
func (c *call) replicaOf(j replicaJob, arn string, old *record) *record {
	fresh := j.of.record
	fresh.arn, fresh.keyID, fresh.primary = arn, j.as.keyID, j.of.region
	fresh.accessed, fresh.versions, fresh.byID = time.Time{}, nil, nil
	for _, v := range j.of.versions {
		copied := *v
		copied.keyID = unencrypted
		if old != nil && old.arn == arn && old.byID[v.id] != nil {
			copied.keyID, copied.accessed = old.byID[v.id].keyID, old.byID[v.id].accessed
		}
		fresh.add(&copied)
	}
	return &fresh
}

// report tells the primary how its replica is. It returns false where the primary has no such replica any more.
func (c *call) report(j replicaJob, status, message string) bool {
	x := c.lock(j.of.place).byName[j.of.name]
	if x == nil || x.arn != j.of.arn {
		return false
	}
	for i := range x.replicas {
		if r := &x.replicas[i]; r.region == j.region {
			r.status, r.message, r.overwrite = status, message, false
			return true
		}
	}
	return false
}

// drop removes the replica of a primary, where there is one.
func (c *call) drop(st *store, of *snapshot) {
	x := st.byName[of.name]
	if x != nil && x.isReplica() && x.primary == of.region && x.arn == st.arn(suffixed(of.arn)) {
		c.remove(st, x, c.r.Now)
	}
}
