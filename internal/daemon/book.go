package daemon

import (
	"fmt"
	"slices"
	"time"
)

const (
	// lookEvery is after what time at most it is asked again when a secret was rotated: somebody else may have.
	lookEvery = time.Hour
	// looking is how long that may take.
	looking = time.Minute
)

// entry is a rotation, and what is known of it. It is changed under the daemon's mu.
type entry struct {
	Rotation
	look     time.Time // when to ask next, which is also when it begins if it is due; zero: never
	failures int       // in a row
	done     time.Time // when this process rotated it last; zero: it did not
	begun    time.Time // since when it is seen as begun and not finished; zero: it is not
	unknown  bool      // that nobody can tell its age was said
}

// book says which rotations are to be looked at. It is not safe for concurrent use.
type book struct{ all []*entry }

// newBook returns a book in which all are to be looked at now. What is the same in the old one, which may be nil, keeps what is known of it, and when it is tried again after a
// failure. The error names a rotation with a schedule that can't be kept, and has left the old book as it was.
func newBook(rotations []Rotation, now time.Time, old *book) (*book, error) {
	b := &book{}
	for _, r := range rotations {
		if _, _, err := r.When(now, false, now); err != nil {
			return nil, err
		}
		if b.find(r.Name) != nil {
			return nil, fmt.Errorf("rotation %q: invalid: there are two of that name", r.Name)
		}
		b.all = append(b.all, &entry{Rotation: r})
	}
	for i, e := range b.all {
		if before := old.find(e.Name); before != nil && before.Digest == e.Digest {
			before.Rotation, b.all[i], e = e.Rotation, before, before
		}
		switch {
		case !e.ByItself():
			e.look = time.Time{}
		case e.failures == 0:
			e.look = now
		}
	}
	return b, nil
}

func (b *book) find(name string) *entry {
	if b == nil {
		return nil
	}
	if i := slices.IndexFunc(b.all, func(e *entry) bool { return e.Name == name }); i >= 0 {
		return b.all[i]
	}
	return nil
}

// has reports whether the book still has an entry: a reload may have replaced it.
func (b *book) has(e *entry) bool { return slices.Contains(b.all, e) }

// byThemselves returns the rotations that are ever due.
func (b *book) byThemselves() []*entry {
	return slices.DeleteFunc(slices.Clone(b.all), func(e *entry) bool { return !e.ByItself() })
}

// first returns the rotation that is to be looked at first, and when; nil: none ever is. Of those of one time it is the one that comes first in the configuration.
func (b *book) first() *entry {
	var first *entry
	for _, e := range b.all {
		if !e.look.IsZero() && (first == nil || e.look.Before(first.look)) {
			first = e
		}
	}
	return first
}

// failed says that an attempt failed now: the next is after a minute, then two, then four, up to an hour.
func (e *entry) failed(now time.Time) {
	wait := retryAfter(e.failures)
	e.failures++
	if e.ByItself() {
		e.look = now.Add(wait)
	}
}
