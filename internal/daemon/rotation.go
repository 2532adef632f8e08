package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// When returns when a rotation is due, going by when its secret was rotated last, and when it may begin, which is not before now. Both are zero where nothing
// says when it is due: it is rotated on demand only, or last is zero, as nobody can tell how old the credential is. One that was begun and not finished is due now,
// in the window or not: until it is finished a current credential may be refused. The error says that Schedule can't be kept.
func (r Rotation) When(last time.Time, begun bool, now time.Time) (due, begin time.Time, err error) {
	switch {
	case !r.ByItself():
		return time.Time{}, time.Time{}, nil
	case begun:
		return now, now, nil
	case r.Every > 0:
		if last.IsZero() {
			return time.Time{}, time.Time{}, nil
		}
		due = last.UTC().Add(r.Every)
	default:
		table, err := parseSchedule(r.Schedule)
		if err != nil {
			return time.Time{}, time.Time{}, fmt.Errorf("rotation %q: schedule %q: %w", r.Name, r.Schedule, err)
		}
		if last.IsZero() {
			return time.Time{}, time.Time{}, nil
		}
		var more bool
		if due, more = table.next(last.UTC(), last.UTC()); !more {
			return time.Time{}, time.Time{}, nil
		}
	}
	due = r.Window.next(due)
	return due, r.Window.next(later(due, now.UTC())), nil
}

// ByItself reports whether the rotation is ever due: the others are made on demand only.
func (r Rotation) ByItself() bool { return r.Every > 0 || r.Schedule != "" }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Named returns the rotations that names stand for, in the order of the configuration: that of a secret, as in "rds/app", or of a rotation, as in "hub rds/app". The error
// says of a name that there is no such rotation, or that several stores have a secret of that name; then none is returned.
func (s *Session) Named(names []secret.Name) ([]Rotation, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		found := s.named(name)
		switch len(found) {
		case 0:
			return nil, fmt.Errorf("rotate %q: not found: the configuration has no such rotation", name)
		case 1:
			wanted[found[0].Name] = true
		default:
			return nil, fmt.Errorf("rotate %q: invalid: in several stores: say which, as in %q", name, found[0].Name)
		}
	}
	return slices.DeleteFunc(slices.Clone(s.Rotations), func(r Rotation) bool { return !wanted[r.Name] }), nil
}

func (s *Session) named(name secret.Name) []Rotation {
	if i := slices.IndexFunc(s.Rotations, func(r Rotation) bool { return r.Name == string(name) }); i >= 0 {
		return s.Rotations[i : i+1]
	}
	return slices.DeleteFunc(slices.Clone(s.Rotations), func(r Rotation) bool { return r.Secret != name })
}
