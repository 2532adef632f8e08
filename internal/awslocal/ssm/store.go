package ssm

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const maxVersions = 100 // of a parameter

// The types and tiers of parameters.
const (
	typeString     = "String"
	typeStringList = "StringList"
	typeSecure     = "SecureString"

	tierStandard    = "Standard"
	tierAdvanced    = "Advanced"
	tierIntelligent = "Intelligent-Tiering" // asked for, never held
)

// store holds the parameters of one account in one Region.
type store struct {
	place
	mu     sync.Mutex
	byName map[string]*record
	shown  map[string]*history // by name, with those that went away for as long as a late listing may show them
	sorted []*history          // shown by name; nil when it must be made again
	ghosts int                 // how many of shown may have gone away
}

// record is one parameter. It is guarded by the lock of its store.
type record struct {
	name     string
	arn      string
	tags     []tag
	versions []*version // the oldest first; never empty
	labels   map[string]int64
}

// version is one version of a parameter. It never changes.
type version struct {
	number      int64
	kind        string
	tier        string
	dataType    string
	description string
	keyID       string // of a SecureString
	pattern     string
	policies    []policy
	value       string
	sealed      string // what a SecureString reads as without decryption
	modified    time.Time
	user        string
}

// tag is a tag on the wire as well.
type tag struct {
	Key   string
	Value string
}

func (x *record) latest() *version { return x.versions[len(x.versions)-1] }

// at returns the version with that number, or nil.
func (x *record) at(number int64) *version {
	for _, v := range x.versions {
		if v.number == number {
			return v
		}
	}
	return nil
}

// labelsOn returns the labels of a version, sorted.
func (x *record) labelsOn(number int64) []string {
	var on []string
	for label, n := range x.labels {
		if n == number {
			on = append(on, label)
		}
	}
	slices.Sort(on)
	return on
}

// full says whether one more version would push out the oldest while it has a label.
func (x *record) full() *service.Error {
	if len(x.versions) < maxVersions || len(x.labelsOn(x.versions[0].number)) == 0 {
		return nil
	}
	return refuse("ParameterMaxVersionLimitExceeded", "You attempted to create a new version of %s by calling the PutParameter API with the overwrite flag. "+
		"Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.",
		x.name, x.versions[0].number)
}

// add makes a version the latest one, of a new parameter where there is none; tags are those of a new one.
func (st *store) add(name string, v *version, tags []tag, shownAt time.Time) {
	x := st.byName[name]
	if x == nil {
		x = &record{name: name, arn: st.arn(name), tags: tags, labels: make(map[string]int64)}
		st.byName[name] = x
	}
	if len(x.versions) == maxVersions {
		x.versions = x.versions[1:]
	}
	x.versions = append(x.versions, v)
	st.show(name, x.metadata(), shownAt)
}

// remove makes a parameter go away. Only late listings remember it.
func (st *store) remove(x *record, at time.Time) {
	delete(st.byName, x.name)
	st.show(x.name, nil, at)
	st.ghosts++
}

// show makes listings show a parameter like that from then on; nil is that there is none.
func (st *store) show(name string, m *metadata, at time.Time) {
	h := st.shown[name]
	if h == nil {
		h = &history{name: name}
		st.shown[name] = h
		st.sorted = nil
	}
	h.show(m, at)
}

// listed returns everything that a listing may show, by name.
func (st *store) listed(now time.Time) []*history {
	if st.ghosts > 0 {
		st.ghosts = 0
		for name, h := range st.shown {
			switch last := h.views[len(h.views)-1]; {
			case last.metadata != nil:
			case now.Sub(last.at) > historyKept:
				delete(st.shown, name)
				st.sorted = nil
			default:
				st.ghosts++
			}
		}
	}
	if st.sorted == nil {
		st.sorted = slices.SortedFunc(maps.Values(st.shown), func(a, b *history) int { return strings.Compare(a.name, b.name) })
	}
	return st.sorted
}
