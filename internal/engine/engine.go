// Package engine plans and applies: the only place where sources and destinations meet.
package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Setup is what an Engine works from. Only Rules and Stores must be set.
type Setup struct {
	// Owner is the name of this installation. Empty: "secretsync-" and the account that the first source is in, or "secretsync" where it is in none.
	Owner  secret.Owner
	Rules  []plan.Rule
	Stores map[secret.StoreName]store.Store
	Groups map[plan.GroupName]plan.Group
	// GroupsFrom is the secret that holds more groups; nil: there is none. What Groups defines is not overridden by it.
	GroupsFrom *store.Ref
	// ParseGroups reads that secret's value. Its errors and warnings must not quote it.
	ParseGroups func([]byte) (groups map[plan.GroupName]plan.Group, warnings []string, err error)
	// Protected holds the names of secrets that the configuration came from: in no store are they synced or overwritten.
	Protected []secret.Name
	Limits    plan.Limits
	// Deletions counts those of runs that follow hints. Nil: the engine counts its own.
	Deletions *Deletions
	// ConfigDigest stands for the configuration that all this was made from.
	ConfigDigest string
	Log          *slog.Logger     // nil: no log
	Now          func() time.Time // nil: time.Now
	Progress     func(Progress)   // called now and then, concurrently; nil: not at all
}

// Progress says how far a run is.
type Progress struct {
	Phase string // "listing sources", "comparing targets", "writing", "deleting"
	Done  int
	Of    int
}

// Engine plans and applies the rules of one configuration. Its methods may be called concurrently; each call looks anew.
type Engine struct {
	set  Setup
	ways map[*plan.Route]*way
}

// New returns an engine. It contacts nothing.
func New(set Setup) *Engine {
	if set.Log == nil {
		set.Log = slog.New(slog.DiscardHandler)
	}
	if set.Now == nil {
		set.Now = time.Now
	}
	if set.Deletions == nil {
		set.Deletions = &Deletions{}
	}
	if set.Progress == nil {
		set.Progress = func(Progress) {}
	}
	e := &Engine{set: set, ways: map[*plan.Route]*way{}}
	for i := range set.Rules {
		for j := range set.Rules[i].To {
			e.ways[&set.Rules[i].To[j]] = newWay(&set.Rules[i].To[j])
		}
	}
	return e
}

// Options limit or change one run. The zero value is a whole run.
type Options struct {
	// Only holds globs of source names; a run so limited deletes nothing.
	Only []string
	// Sync names one rule; a run so limited deletes nothing.
	Sync secret.SyncName
	// Due names the rules that a schedule has come for; nil: all. The others are looked at as far as it takes to tell who wants what, and nothing of theirs is changed.
	Due []secret.SyncName
	// Hints limits the run to the secrets that they name, which are described, and to the copies of those: nothing is listed, but the target of a deletion.
	// Not nil and empty: nothing is done. A rule that makes one copy of several secrets is about all of them.
	Hints []event.Hint
	// Targets limits the run to the targets of which it is true; nil: all. A run so limited deletes nothing in the others, and does not look at places without such a target.
	Targets func(plan.Target) bool
	// Held names the sources whose copies the run leaves as they are, for something else to bring them up to date: Run.Held says which of them need it. Nil: none.
	// What nothing wants any more is not held.
	Held func(store.Ref) bool
	// Fresh describes every wanted copy and its source instead of trusting listings.
	Fresh bool
	// Adopt holds globs of names of copies that a person takes over.
	Adopt []string
	// AllowDeletes is how many deletions per target a person allows; nil leaves the brakes on.
	AllowDeletes *int

	// strong names the secrets, sources and copies alike, that are described instead of believed from a listing.
	strong map[secret.Name]bool
}

// describes reports whether a name is to be described instead of believed from a listing.
func (o Options) describes(name secret.Name) bool { return o.Fresh || o.strong[name] }

// names reports whether the run is about sources of that name.
func (o Options) names(n secret.Name) bool {
	return len(o.Only) == 0 || plan.MatchAny(o.Only, string(n))
}

// reaches reports whether the run is about a target.
func (o Options) reaches(t *plan.Target) bool { return o.Targets == nil || o.Targets(*t) }

// about reports whether the run is about a rule.
func (o Options) about(r *plan.Rule) bool {
	return (o.Sync == "" || o.Sync == r.Name) && (o.Due == nil || slices.Contains(o.Due, r.Name))
}

func (o Options) limited() bool { return len(o.Only) > 0 || o.Sync != "" }

// ErrNothing says that nothing could be attempted: every sync failed before it began.
var ErrNothing = errors.New("nothing was attempted")

// rules returns all rules, also of a run that is limited to one: which of several has a name in a target takes them all to tell.
func (e *Engine) rules(o Options) ([]*plan.Rule, error) {
	if o.Sync != "" && e.rule(o.Sync) == nil {
		return nil, fmt.Errorf("%w: no sync is named %q", ErrNothing, o.Sync)
	}
	for _, name := range o.Due {
		if e.rule(name) == nil {
			return nil, fmt.Errorf("%w: no sync is named %q", ErrNothing, name)
		}
	}
	all := make([]*plan.Rule, len(e.set.Rules))
	for i := range e.set.Rules {
		all[i] = &e.set.Rules[i]
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: the configuration has no sync", ErrNothing)
	}
	return all, nil
}

func (e *Engine) rule(name secret.SyncName) *plan.Rule {
	for i := range e.set.Rules {
		if e.set.Rules[i].Name == name {
			return &e.set.Rules[i]
		}
	}
	return nil
}
