package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// defaultSchedule is when a sync without a schedule runs.
const defaultSchedule = "rate(1 hour)"

// What a sync that could not be attempted waits for, at first and at most.
const (
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// appointment is when a sync runs next.
type appointment struct {
	sync     Sync
	table    timetable
	at       time.Time // by the schedule; zero: never again
	due      time.Time // at, or earlier: at the start, and after what could not be attempted; zero: never again
	failures int       // in a row
}

// agenda says which syncs are due. It is not safe for concurrent use.
type agenda struct{ all []*appointment }

// newAgenda returns an agenda on which everything is due now, but for what was on the old one already, which may be nil. The error names a sync with a schedule that
// can't be kept.
func newAgenda(syncs []Sync, now time.Time, old *agenda) (*agenda, error) {
	if len(syncs) == 0 {
		return nil, errors.New("serve: invalid: the configuration has no syncs")
	}
	a := &agenda{}
	for _, s := range syncs {
		p := &appointment{sync: s, at: now, due: now}
		var err error
		if p.table, err = parseSchedule(cmp.Or(s.Schedule, defaultSchedule)); err != nil {
			return nil, fmt.Errorf("sync %q: schedule %q: %w", s.Name, s.Schedule, err)
		}
		if old != nil {
			if before := old.find(s.Name); before != nil && before.sync == s {
				p = before
			}
		}
		a.all = append(a.all, p)
	}
	return a, nil
}

func (a *agenda) find(name secret.SyncName) *appointment {
	if i := slices.IndexFunc(a.all, func(p *appointment) bool { return p.sync.Name == name }); i >= 0 {
		return a.all[i]
	}
	return nil
}

// due returns the syncs that are to run now, in the order of the configuration.
func (a *agenda) due(now time.Time) []secret.SyncName {
	var names []secret.SyncName
	for _, p := range a.all {
		if !p.due.IsZero() && !p.due.After(now) {
			names = append(names, p.sync.Name)
		}
	}
	return names
}

// next returns when the first sync is due; zero: none ever is.
func (a *agenda) next() time.Time {
	var first time.Time
	for _, p := range a.all {
		if !p.due.IsZero() && (first.IsZero() || p.due.Before(first)) {
			first = p.due
		}
	}
	return first
}

// begin says that a run of a sync begins now: what it was due for is over. What comes due while it runs makes one run right after, however often it does.
// never: the schedule has no time any more.
func (a *agenda) begin(name secret.SyncName, now time.Time) (never bool) {
	p := a.find(name)
	if p == nil {
		return false
	}
	if !p.at.IsZero() && !p.at.After(now) {
		at, ok := p.table.next(p.at, now)
		if !ok {
			at, never = time.Time{}, true
		}
		p.at = at
	}
	p.due = p.at
	return never
}

// end says that a run of a sync ended now. One that could not be attempted is tried again after a minute, then two, then four, up to an hour, and never later than
// its schedule says.
func (a *agenda) end(name secret.SyncName, attempted bool, now time.Time) {
	p := a.find(name)
	switch {
	case p == nil:
	case attempted:
		p.failures = 0
	default:
		wait := retryAfter(p.failures)
		p.failures++
		if retry := now.Add(wait); p.due.IsZero() || retry.Before(p.due) {
			p.due = retry
		}
	}
}

// retryAfter returns what to wait for after so many failures and one more.
func retryAfter(failures int) time.Duration {
	if failures < 6 {
		return firstRetry << failures
	}
	return lastRetry
}
