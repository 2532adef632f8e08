package ssm

import "time"

// historyKept is how far a listing can be behind.
const historyKept = time.Hour

// metadata is a parameter as DescribeParameters shows it. It never changes: a change of the parameter makes a new one.
type metadata struct {
	ARN              string
	Name             string
	Type             string
	KeyID            string `json:"KeyId,omitempty"`
	LastModifiedDate timestamp
	LastModifiedUser string
	Description      string `json:",omitempty"`
	AllowedPattern   string `json:",omitempty"`
	Version          int64
	Tier             string
	Policies         []policy
	DataType         string

	tags []tag
}

// metadata returns the parameter as it is now.
func (x *record) metadata() *metadata {
	v := x.latest()
	return &metadata{
		ARN:              x.arn,
		Name:             x.name,
		Type:             v.kind,
		KeyID:            v.keyID,
		LastModifiedDate: timestamp(v.modified),
		LastModifiedUser: v.user,
		Description:      v.description,
		AllowedPattern:   v.pattern,
		Version:          v.number,
		Tier:             v.tier,
		Policies:         v.listedPolicies(),
		DataType:         v.dataType,
		tags:             x.tags,
	}
}

// listedPolicies is an empty list, not none, where there are none.
func (v *version) listedPolicies() []policy {
	if v.policies == nil {
		return []policy{}
	}
	return v.policies
}

// history is what listings show of one name.
type history struct {
	name  string
	views []view // never empty
}

// view is how a parameter looked from a moment on; metadata nil means that there was none.
type view struct {
	at       time.Time
	metadata *metadata
}

// show adds a view, and forgets those that no listing can need.
func (h *history) show(m *metadata, at time.Time) {
	if n := len(h.views); n > 0 && at.Before(h.views[n-1].at) {
		at = h.views[n-1].at
	}
	h.views = append(h.views, view{at: at, metadata: m})
	for len(h.views) > 1 && at.Sub(h.views[1].at) >= historyKept {
		h.views = h.views[1:]
	}
}

// seen returns what a listing shows that is behind by lag; nil is nothing.
func (h *history) seen(now time.Time, lag time.Duration) *metadata {
	if lag <= 0 {
		return h.views[len(h.views)-1].metadata
	}
	at := now.Add(-min(lag, historyKept))
	for i := len(h.views) - 1; i >= 0; i-- {
		if !h.views[i].at.After(at) {
			return h.views[i].metadata
		}
	}
	return nil
}
