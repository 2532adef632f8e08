package secretsmanager

import "time"

// historyKept is how long a listing may be behind. AWS says five minutes; a fault may ask for more.
const historyKept = time.Hour

// listEntry is a secret as ListSecrets shows it. It never changes: a change of the secret makes a new one.
type listEntry struct {
	ARN                    string
	Name                   string
	Type                   string              `json:",omitempty"`
	Description            string              `json:",omitempty"`
	KmsKeyID               string              `json:"KmsKeyId,omitempty"`
	RotationEnabled        *bool               `json:",omitempty"`
	RotationLambdaARN      string              `json:",omitempty"`
	RotationRules          *rotationRules      `json:",omitempty"`
	LastRotatedDate        timestamp           `json:",omitzero"`
	LastChangedDate        timestamp           `json:",omitzero"`
	LastAccessedDate       timestamp           `json:",omitzero"`
	DeletedDate            timestamp           `json:",omitzero"`
	NextRotationDate       timestamp           `json:",omitzero"`
	Tags                   []tag               `json:",omitzero"` // empty, not left out, once it had some
	SecretVersionsToStages map[string][]string `json:",omitempty"`
	OwningService          string              `json:",omitempty"`
	CreatedDate            timestamp           `json:",omitzero"`
	PrimaryRegion          string              `json:",omitempty"`
}

type rotationRules struct {
	AutomaticallyAfterDays int64  `json:",omitempty"`
	Duration               string `json:",omitempty"`
	ScheduleExpression     string `json:",omitempty"`
}

// view is how a secret looked from a moment on; entry nil means that it was gone.
type view struct {
	at    time.Time
	entry *listEntry
}

// entry returns the secret as it is now.
func (x *record) entry() *listEntry {
	e := &listEntry{
		ARN:                    x.arn,
		Name:                   x.name,
		Type:                   x.kind,
		Description:            x.description,
		KmsKeyID:               x.keyID,
		RotationEnabled:        x.rotation.enabled,
		RotationLambdaARN:      x.rotation.lambda,
		LastRotatedDate:        timestamp(x.rotation.last),
		LastChangedDate:        timestamp(x.changed),
		LastAccessedDate:       timestamp(x.accessed),
		DeletedDate:            timestamp(x.deleted),
		NextRotationDate:       timestamp(x.rotation.next),
		Tags:                   x.tags,
		SecretVersionsToStages: x.labels.versions(),
		OwningService:          x.owner,
		CreatedDate:            timestamp(x.created),
		PrimaryRegion:          x.primary,
	}
	if rules := x.rotation.rules; x.rotation.days > 0 || rules != (rotationRules{}) {
		rules.AutomaticallyAfterDays = x.rotation.days
		e.RotationRules = &rules
	}
	return e
}

// show makes listings show the entry from then on, and forgets views that no listing can need.
func (x *record) show(e *listEntry, at time.Time) {
	if x.gone && e != nil {
		return // it went away while the call was with KMS
	}
	if n := len(x.views); n > 0 && at.Before(x.views[n-1].at) {
		at = x.views[n-1].at
	}
	x.views = append(x.views, view{at: at, entry: e})
	for len(x.views) > 1 && at.Sub(x.views[1].at) >= historyKept {
		x.views = x.views[1:]
	}
}

// touched notes a change of any kind: listings show it, and replicas follow.
func (x *record) touched(now time.Time) {
	x.changed = now
	x.generation++
	x.show(x.entry(), now)
}

// seen returns what a listing shows that is behind by lag; nil is nothing.
func (x *record) seen(now time.Time, lag time.Duration) *listEntry {
	if lag <= 0 {
		return x.views[len(x.views)-1].entry
	}
	at := now.Add(-min(lag, historyKept))
	for i := len(x.views) - 1; i >= 0; i-- {
		if !x.views[i].at.After(at) {
			return x.views[i].entry
		}
	}
	return nil
}
