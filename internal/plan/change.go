package plan

import (
	"cmp"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Target is one concrete destination: a store and the place it is opened at.
type Target struct {
	Store secret.StoreName `json:"store"`
	secret.Place
}

// String returns "spokes 111111111111/us-east-1".
func (t Target) String() string { return string(t.Store) + " " + t.Place.String() }

// Compare orders targets by store, account and Region.
func (t Target) Compare(u Target) int {
	return cmp.Or(cmp.Compare(t.Store, u.Store), strings.Compare(t.Place.String(), u.Place.String()))
}

// Action is what a change does.
type Action string

// The actions.
const (
	Create   Action = "create"
	Update   Action = "update"   // write another value, or move AWSCURRENT to one that is there
	Metadata Action = "metadata" // tags, description, key
	Restore  Action = "restore"  // take our own deletion back
	Remove   Action = "delete"
	Keep     Action = "keep" // an orphan that is retained
	Refusal  Action = "refuse"
)

// Reason explains a change. Nothing is ever decided by it.
type Reason string

// The reasons.
const (
	Missing            Reason = "missing"
	NewVersion         Reason = "new-version"
	Drifted            Reason = "drifted"
	TagsChanged        Reason = "tags-changed"
	DescriptionChanged Reason = "description-changed"
	KeyChanged         Reason = "key-changed"
	Unwanted           Reason = "unwanted"
	SourceDeleted      Reason = "source-deleted"
	Scheduled          Reason = "scheduled-for-deletion"
	Adopted            Reason = "adopted"
	Foreign            Reason = "foreign"
	OtherSource        Reason = "other-source"
	KeyMismatch        Reason = "key-mismatch"
	TooLarge           Reason = "too-large"
	BadName            Reason = "bad-name"
	UnknownGroup       Reason = "unknown-group"
	NotAllowed         Reason = "not-allowed"
	NotPermitted       Reason = "not-permitted"
	Unreachable        Reason = "unreachable"
	Unwritable         Reason = "unwritable"
	Ambiguous          Reason = "ambiguous"
	TooManyTags        Reason = "too-many-tags"
	NoValue            Reason = "no-value"
	BadValue           Reason = "bad-value" // its form is not the one that the shape or the target needs
	SourceMissing      Reason = "source-missing"
)

// SourceRef names the version of a source secret that a change is about. Version is empty where there is none any more.
type SourceRef struct {
	Store   secret.StoreName `json:"store"`
	Name    secret.Name      `json:"name"`
	Version secret.Version   `json:"version"`
}

// Change is one line of a plan. It is data: no value, no closure, no clock.
type Change struct {
	Action    Action          `json:"action"`
	Reason    Reason          `json:"reason"`
	Sync      secret.SyncName `json:"sync"`
	Source    SourceRef       `json:"source"`
	Target    *Target         `json:"target"` // nil where routing itself is refused
	Name      secret.Name     `json:"name"`
	Expect    secret.Revision `json:"expect"`    // the copy's revision that the change leads away from; empty: it must not exist
	NewTarget bool            `json:"newTarget"` // this secret goes to this account for the first time
	Detail    string          `json:"detail"`
}

// Summary counts changes by action. Unchanged counts the copies that need none.
type Summary struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Metadata  int `json:"metadata"`
	Restore   int `json:"restore"`
	Delete    int `json:"delete"`
	Keep      int `json:"keep"`
	Refuse    int `json:"refuse"`
	Unchanged int `json:"unchanged"`
}

// Count adds one change.
func (s *Summary) Count(a Action) {
	switch a {
	case Create:
		s.Create++
	case Update:
		s.Update++
	case Metadata:
		s.Metadata++
	case Restore:
		s.Restore++
	case Remove:
		s.Delete++
	case Keep:
		s.Keep++
	case Refusal:
		s.Refuse++
	}
}

// Writes returns how many changes write something.
func (s Summary) Writes() int { return s.Create + s.Update + s.Metadata + s.Restore + s.Delete }

// Brake says that a target's deletions are held back.
type Brake struct {
	Target  Target `json:"target"`
	Deletes int    `json:"deletes"`
	Of      int    `json:"of"` // the copies there that are ours
	Limit   int    `json:"limit"`
}

// Problem is something that could not be looked at: a source, a target, a group file. A plan with problems covers the rest.
type Problem struct {
	Sync   secret.SyncName `json:"sync,omitempty"`
	Target *Target         `json:"target,omitempty"`
	Error  string          `json:"error"`
}

// Cost is what copies cost a month in US dollars, at the list prices of what is stored.
type Cost struct {
	Added float64 `json:"added"` // by the copies that the plan creates
	Total float64 `json:"total"` // of all wanted copies
	// Copies is how many wanted copies cost something.
	Copies int `json:"copies"`
}

// Plan is what a run would change, in order. It holds no value and no digest of one.
type Plan struct {
	Version      int          `json:"version"`
	Owner        secret.Owner `json:"owner"`
	MadeAt       time.Time    `json:"madeAt"`
	ConfigDigest string       `json:"configDigest"`
	Changes      []Change     `json:"changes"`
	Summary      Summary      `json:"summary"`
	Brakes       []Brake      `json:"brakes"`
	Problems     []Problem    `json:"problems,omitempty"`
	Warnings     []string     `json:"warnings,omitempty"`
	StaleList    []StaleList  `json:"staleList,omitempty"`
	CostPerMonth Cost         `json:"costPerMonth"`
	// AllowDeletes is how many deletions per target a person allowed when the plan was made; nil: the brakes are on.
	AllowDeletes *int `json:"allowDeletes,omitempty"`
}

// StaleList names a source secret that a listing left out although it exists: its copies are kept.
type StaleList struct {
	Sync secret.SyncName `json:"sync"`
	Name secret.Name     `json:"name"`
}

// CompareChanges is the order of a plan: by target, changes without one first, then deletions last, then by name.
func CompareChanges(a, b Change) int {
	last := func(c Change) int {
		if c.Action == Remove {
			return 1
		}
		return 0
	}
	switch {
	case a.Target == nil && b.Target == nil:
	case a.Target == nil:
		return -1
	case b.Target == nil:
		return 1
	default:
		if c := a.Target.Compare(*b.Target); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Sync, b.Sync))
}
