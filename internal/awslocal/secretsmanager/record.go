package secretsmanager

import (
	"bytes"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// record is one secret in one Region. It is guarded by the lock of its store.
type record struct {
	place
	seq         int // the order of creation in the store
	name        string
	arn         string
	description string
	kind        string // the Type of a secret that another provider rotates
	keyID       string // "" is the AWS-managed key
	tags        []tag  // nil if it never had any
	versions    []*version
	byID        map[string]*version
	labels      labels
	owner       string // the service that manages it
	rotation    rotation

	created  time.Time
	changed  time.Time
	accessed time.Time // the day of it
	deleted  time.Time // when it was marked for deletion
	purge    time.Time // when it goes for good

	primary    string // the Region of the primary, for a primary with replicas and for a replica
	replicas   []replica
	generation int64 // grows with every change of a primary; in a replica, which one it shows

	views []view
	gone  bool
}

// version is one value of a secret. Its id and value never change, but for one that a rotation has begun, which gets its value later.
type version struct {
	id       string
	text     *string
	binary   []byte
	keyID    string // the key that it is encrypted with
	created  time.Time
	accessed time.Time
}

// tag is a tag on the wire as well.
type tag struct {
	Key   string
	Value string
}

type rotation struct {
	enabled *bool // nil if it never was configured
	lambda  string
	days    int64
	rules   rotationRules // the others
	last    time.Time
	next    time.Time
}

func newVersion(id string, p payload, keyID string, now time.Time) *version {
	v := &version{id: id, keyID: keyID, created: now}
	v.fill(p)
	return v
}

func (v *version) fill(p payload) {
	if p.SecretString != nil {
		text := *p.SecretString
		v.text = &text
	} else {
		v.binary = bytes.Clone(*p.SecretBinary)
	}
}

// empty reports whether a rotation has begun the version, and given it no value yet. To read it is as if it were not there.
func (v *version) empty() bool { return v.text == nil && v.binary == nil }

// holds says whether the version has that value, of that kind.
func (v *version) holds(p payload) bool {
	if v.text != nil {
		return p.SecretString != nil && *p.SecretString == *v.text
	}
	return p.SecretBinary != nil && bytes.Equal(*p.SecretBinary, v.binary)
}

func (x *record) add(v *version) {
	if x.byID == nil {
		x.byID = make(map[string]*version, 4)
	}
	x.versions = append(x.versions, v)
	x.byID[v.id] = v
}

// keptFor is how long AWS keeps a version whatever happens.
const keptFor = 24 * time.Hour

// makeRoom makes room for one more version: the oldest ones go that have no label and are older than a day.
func (x *record) makeRoom(now time.Time) *service.Error {
	surplus := len(x.versions) + 1 - maxVersions
	if surplus <= 0 {
		return nil
	}
	staged := x.labels.versions()
	var kept []*version
	for _, v := range x.versions {
		if surplus > 0 && staged[v.id] == nil && now.Sub(v.created) > keptFor {
			delete(x.byID, v.id)
			surplus--
			continue
		}
		kept = append(kept, v)
	}
	x.versions = kept
	if surplus > 0 {
		return refuse("LimitExceededException", "You have exceeded the limit of %d versions of a secret.", maxVersions)
	}
	return nil
}

// isReplica says whether the secret is a read-only copy of one in another Region.
func (x *record) isReplica() bool { return x.primary != "" && x.primary != x.region }

// day returns the day of a time: the dates of access have no finer resolution.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
