package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Policy is what decides beside the two sides themselves.
type Policy struct {
	Owner secret.Owner
	// Key returns the key of every copy that is written through a store; empty: the store's own default. Nil: it is the default for all.
	Key func(secret.StoreName) secret.Key
	// SameKey reports whether two names of keys mean one key; a key that can't be told is the same, so that no loop begins. Nil compares them as they are.
	SameKey func(a, b secret.Key) bool
	// Adopt holds globs of the names that a person takes over.
	Adopt []string
	// Keeps says what the copies that are written through a store have beside a value: what they don't is neither compared nor missed. Nil: all.
	Keeps func(secret.StoreName) Keeps
	// Check says why a target can't hold a copy that is wanted, with those tags; an empty reason if it can. Nil: it can hold everything.
	Check func(at Target, w *Want, tags map[string]string) (Reason, string)
	// Rules finds the rule that a mark names; nil if the configuration has it no longer.
	Rules func(secret.SyncName) *Rule
	// Source says what is known of the source of an orphan, and its name where it can be told. Nil: nothing is asked, and every source is taken to be there.
	Source func(*secret.Copy) (SourceState, secret.Name)
}

// Keeps says what a copy has beside a value.
type Keeps struct{ Tags, Description, Key bool }

// SourceState says what a run knows of the source of an orphan.
type SourceState int

// The states of a source.
const (
	SourceThere      SourceState = iota // it exists, and is not routed here
	SourceGone                          // it is scheduled for deletion, or its listing does not show it
	SourceUnreadable                    // it could not be looked at: whether the copy is an orphan is unknown
)

// State says how a copy stands to what is wanted.
type State string

// The states.
const (
	InSync      State = "in-sync"
	Behind      State = "behind"
	DriftedAway State = "drifted"
	NotOurs     State = "foreign"
	Orphan      State = "orphan"
	Deleting    State = "deleting"
	Refused     State = "refused"
	Unknown     State = "unknown"
)

// Found is what Diff says of one name in the target.
type Found struct {
	State  State
	Change *Change // nil: nothing to do
	Want   *Want   // nil: nothing wants it
	Have   *secret.Copy
}

// Diff compares what is wanted in one target with what is there, and calls visit once for every name that is wanted or ours, in order of names.
// Both lists are sorted by name. A target that was not observed is never diffed.
//
//	wanted  there                                    result
//	------  ---------------------------------------  ---------------------------------------------
//	twice   (of two sources)                         refuse   ambiguous
//	yes     no                                       create   missing
//	yes     yes, can't be written, needs a write     refuse   unwritable
//	yes     yes, without our mark                    refuse   foreign      (update adopted, where a person or legacy marks say so)
//	yes     yes, ours, of another source             refuse   other-source (the same)
//	yes     yes, ours, scheduled for deletion by us  restore  scheduled-for-deletion
//	yes     yes, ours, scheduled by somebody else    refuse   scheduled-for-deletion
//	yes     yes, ours, at another version            update   new-version, or drifted where somebody else wrote it
//	yes     yes, ours, other tags, text or key       metadata tags-changed, description-changed, key-changed
//	no      yes, ours                                keep or delete, unwanted or source-deleted
//	no      yes, ours, scheduled for deletion        nothing, until its window is over and the store leaves it to us: as above
//	no      yes, not ours                            nothing: it is none of our business
func Diff(target Target, wants []*Want, have []secret.Copy, p Policy, visit func(Found)) {
	if p.Key == nil {
		p.Key = func(secret.StoreName) secret.Key { return "" }
	}
	if p.Keeps == nil {
		p.Keeps = func(secret.StoreName) Keeps { return Keeps{true, true, true} }
	}
	if p.SameKey == nil {
		p.SameKey = func(a, b secret.Key) bool { return a == b }
	}
	d := differ{target: target, policy: p}
	for len(wants) > 0 || len(have) > 0 {
		var order int
		switch {
		case len(wants) == 0:
			order = 1
		case len(have) == 0:
			order = -1
		default:
			order = cmp.Compare(wants[0].Name, have[0].Name)
		}
		if order > 0 {
			if found, ok := d.unwanted(&have[0]); ok {
				visit(found)
			}
			have = have[1:]
			continue
		}
		same := 1
		for same < len(wants) && wants[same].Name == wants[0].Name {
			same++
		}
		var there *secret.Copy
		if order == 0 {
			there = &have[0]
			have = have[1:]
		}
		if rival := rivals(wants[:same]); rival != nil {
			for _, w := range wants[:same] {
				visit(d.refuse(w, there, Ambiguous, wants[0].against(rival)))
			}
		} else {
			visit(d.wanted(wants[0], there))
		}
		wants = wants[same:]
	}
}

// rivals returns a want of another source than the first, or of another shape, if there is one. Several rules may want one source's copy: the first has it.
func rivals(wants []*Want) *Want {
	i := slices.IndexFunc(wants, func(w *Want) bool { return !w.same(wants[0]) })
	if i < 0 {
		return nil
	}
	return wants[i]
}

type differ struct {
	target Target
	policy Policy
}

func (d *differ) change(action Action, reason Reason, w *Want, have *secret.Copy, detail string) *Change {
	c := &Change{Action: action, Reason: reason, Target: &d.target, Detail: detail}
	if w != nil {
		c.Sync, c.Name, c.Target, c.Source = w.Rule.Name, w.Name, d.targetOf(w), w.Ref()
	}
	if have != nil {
		c.Name, c.Expect = have.Name, have.Revision
	}
	return c
}

// targetOf returns the target that a copy is written through.
func (d *differ) targetOf(w *Want) *Target {
	if w.At != nil {
		return w.At
	}
	return &d.target
}

func (d *differ) keeps(w *Want) Keeps { return d.policy.Keeps(d.targetOf(w).Store) }

func (d *differ) key(w *Want) secret.Key { return d.policy.Key(d.targetOf(w).Store) }

func (d *differ) refuse(w *Want, have *secret.Copy, reason Reason, detail string) Found {
	state := Refused
	switch reason {
	case Foreign, OtherSource:
		state = NotOurs
	case Drifted:
		state = DriftedAway
	}
	return Found{State: state, Change: d.change(Refusal, reason, w, have, detail), Want: w, Have: have}
}

func (d *differ) wanted(w *Want, have *secret.Copy) Found {
	if w.Refused != "" {
		return d.refuse(w, have, w.Refused, w.Detail)
	}
	if d.keeps(w).Key && d.key(w) == "" && w.customKey() {
		return d.refuse(w, have, KeyMismatch, fmt.Sprintf("the source is encrypted with a customer-managed key and store %q has no kmsKey: give it one in this Region", d.targetOf(w).Store))
	}
	if in := w.withoutValue(); in != nil {
		return d.refuse(w, have, NoValue, w.noValue(in))
	}
	if have == nil {
		if reason, detail := d.check(w, nil); reason != "" {
			return d.refuse(w, nil, reason, detail)
		}
		return Found{State: Behind, Change: d.change(Create, Missing, w, nil, ""), Want: w}
	}
	adopting := false
	if reason, detail := d.notOurs(w, have); reason != "" {
		switch {
		case have.Unwritable != "":
			return d.refuse(w, have, Unwritable, have.Unwritable)
		case !have.Deleted.IsZero():
			return d.refuse(w, have, Scheduled, "it is not ours, and it is scheduled for deletion")
		case !d.adopts(w, have):
			return d.refuse(w, have, reason, detail)
		}
		adopting = true
	}
	found := d.ours(w, have, adopting)
	if found.Change == nil || found.Change.Action == Refusal {
		return found
	}
	if have.Unwritable != "" {
		return d.refuse(w, have, Unwritable, have.Unwritable)
	}
	if reason, detail := d.check(w, have); reason != "" {
		return d.refuse(w, have, reason, detail)
	}
	return found
}

// ours compares a copy that we may write.
func (d *differ) ours(w *Want, have *secret.Copy, adopting bool) Found {
	do := func(state State, action Action, reason Reason, detail string) Found {
		return Found{State: state, Change: d.change(action, reason, w, have, detail), Want: w, Have: have}
	}
	if !have.Deleted.IsZero() {
		if have.Mark.Deleting.IsZero() {
			return d.refuse(w, have, Scheduled, "somebody else deleted it, or scheduled that: restore it, or remove it for good and it is made anew")
		}
		return do(Deleting, Restore, Scheduled, "its source is wanted again")
	}
	if adopting {
		return do(Behind, Update, Adopted, "taken over")
	}
	switch right := w.isAt(d.policy.Owner, have.Version); {
	case !right && (have.WrittenByUs() || have.Version == "" && have.NoValue == ""):
		return do(Behind, Update, NewVersion, "")
	case !have.WrittenByUs():
		what := "somebody else wrote it"
		if have.NoValue != "" {
			what = "somebody else took its value away: " + have.NoValue
		}
		if w.Rule.Drift == Report {
			return d.refuse(w, have, Drifted, what+", and drift is only reported")
		}
		return do(DriftedAway, Update, Drifted, what)
	}
	if reason, detail := d.metadata(w, have); reason != "" {
		return do(Behind, Metadata, reason, detail)
	}
	return Found{State: InSync, Want: w, Have: have}
}
