package secretsmanager

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// store holds the secrets of one account in one Region.
type store struct {
	place
	mu      sync.Mutex
	byName  map[string]*record
	ordered []*record // by creation, with those that went away for as long as a late listing may show them
	sorted  []*record // the same by name; nil when it must be made again
	lastSeq int
	doomed  map[*record]struct{} // marked for deletion
	due     time.Time            // when the first of doomed goes; zero if there is none
	ghosts  int                  // how many of ordered went away
}

func newStore(at place) *store {
	return &store{place: at, byName: make(map[string]*record), doomed: make(map[*record]struct{})}
}

// insert takes in a new secret whose name is free.
func (st *store) insert(x *record) {
	st.lastSeq++
	x.seq, x.place = st.lastSeq, st.place
	st.byName[x.name] = x
	st.ordered = append(st.ordered, x)
	st.sorted = nil
}

// byNames returns the secrets sorted by name.
func (st *store) byNames() []*record {
	if st.sorted == nil {
		st.sorted = slices.Clone(st.ordered)
		slices.SortFunc(st.sorted, func(a, b *record) int {
			if c := strings.Compare(a.name, b.name); c != 0 {
				return c
			}
			return a.seq - b.seq
		})
	}
	return st.sorted
}

// find returns the secret that a reference means, or nil.
func (st *store) find(ref reference) *record {
	x := st.byName[ref.name]
	if x == nil || ref.arn != "" && ref.arn != x.arn {
		return nil
	}
	return x
}

// doom marks a secret for deletion.
func (st *store) doom(x *record, now, at time.Time) {
	x.deleted, x.purge = now, at
	st.doomed[x] = struct{}{}
	if st.due.IsZero() || at.Before(st.due) {
		st.due = at
	}
}

// spare takes the mark away again.
func (st *store) spare(x *record) {
	x.deleted, x.purge = time.Time{}, time.Time{}
	delete(st.doomed, x)
}

// expire removes what was marked for deletion and whose window has passed, and returns it. Call it first in every call.
func (s *Service) expire(st *store, now time.Time) (gone []*record) {
	if st.due.IsZero() || now.Before(st.due) {
		return nil
	}
	st.due = time.Time{}
	for x := range st.doomed {
		switch {
		case !now.Before(x.purge):
			s.remove(st, x, x.purge)
			gone = append(gone, x)
		case st.due.IsZero() || x.purge.Before(st.due):
			st.due = x.purge
		}
	}
	return gone
}

// remove makes a secret go away, with its versions and its policy. Only late listings remember it.
func (s *Service) remove(st *store, x *record, at time.Time) {
	delete(st.byName, x.name)
	delete(st.doomed, x)
	s.policies.Delete(x.arn)
	x.gone, x.versions, x.byID = true, nil, nil
	x.show(nil, at)
	st.ghosts++
}

// sweep forgets the secrets that no listing can show any more.
func (st *store) sweep(now time.Time) {
	if st.ghosts == 0 {
		return
	}
	before := len(st.ordered)
	st.ordered = slices.DeleteFunc(st.ordered, func(x *record) bool {
		return x.gone && now.Sub(x.views[len(x.views)-1].at) > historyKept
	})
	if removed := before - len(st.ordered); removed > 0 {
		st.ghosts -= removed
		st.sorted = nil
	}
}
