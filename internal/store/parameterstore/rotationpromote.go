package parameterstore

import (
	"context"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const settlings = 10 // how often labels are looked at until they stay

// Promote writes the pending value, which is then what everybody reads; labels the versions; and removes what was beside. Parameter Store has no conditional write.
//
//	beside      the parameter                         then
//	pending     as it was at the proposal             it is written
//	pending     another version, of the same value    it was promoted before: what follows is done
//	pending     another version, which now names      it is written
//	pending     another version, which now does not   store.ErrConflict
//	nothing     labelled as promoted from now.Current it was promoted before: nothing is done
//	nothing     not so                                store.ErrConflict
//	another     any                                   store.ErrConflict
//
// AWS tells the number of the version that a write made. Where it is not the next one, somebody wrote at the same moment: the same value, as another promotion does, which
// makes one version more of it and no difference; or another value, which is put back: store.ErrConflict.
func (r *rotation) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	name := now.Meta.Name
	if now.Pending == "" {
		return "", r.Errorf("PutParameter", name, store.ErrInvalid, "no version is pending")
	}
	s, err := r.look(ctx, name)
	if err != nil {
		return "", err
	}
	b, value, err := r.besideValue(ctx, name)
	if err != nil {
		return "", err
	}
	defer value.Wipe()
	if b == nil {
		return r.promoted(ctx, now)
	}
	if b.token != now.Pending {
		return "", r.Errorf("PutParameter", name, store.ErrConflict, "version %s is pending", b.token)
	}
	v, err := r.promote(ctx, now, &s, b, value)
	return v, withhold(err, value)
}

func (r *rotation) promote(ctx context.Context, now store.Stages, s *seen, b *beside, value secret.Value) (secret.Version, error) {
	name, current := now.Meta.Name, s.versions[0]
	if current.version() != b.base {
		same, err := r.holds(ctx, &current, value)
		switch {
		case err != nil:
			return "", err
		case same:
			replaced, err := r.before(ctx, s.versions, current.number, value)
			if err != nil {
				return "", err
			}
			return r.settle(ctx, name, b, current.number, replaced, value)
		case current.version() != now.Current:
			return "", r.overtaken(name, s)
		}
	}
	out, err := r.api.PutParameter(ctx, r.putting(&current, value))
	if err != nil {
		return "", r.Fail("PutParameter", name, err)
	}
	if out.Version == current.number+1 {
		return r.settle(ctx, name, b, out.Version, &current, value)
	}
	return r.amid(ctx, name, b, out.Version, value)
}

// amid decides what follows from a write that others wrote just before.
func (r *rotation) amid(ctx context.Context, name secret.Name, b *beside, made int64, value secret.Value) (secret.Version, error) {
	versions, err := r.history(ctx, name)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(versions, func(e entry) bool { return e.number == made-1 })
	if i < 0 {
		return "", r.Errorf("PutParameter", name, store.ErrConflict, "it was deleted meanwhile, and is there anew, with the value that was pending")
	}
	same, err := r.holds(ctx, &versions[i], value)
	if err != nil {
		return "", err
	}
	if same {
		replaced, err := r.before(ctx, versions, made, value)
		if err != nil {
			return "", err
		}
		return r.settle(ctx, name, b, made, replaced, value)
	}
	theirs, err := r.valueOf(ctx, name, versions[i].number, versions[i].changed)
	if err != nil {
		return "", err
	}
	defer theirs.Wipe()
	if _, err := r.api.PutParameter(ctx, r.putting(&versions[i], theirs)); err != nil {
		return "", withhold(r.Fail("PutParameter", name, err), theirs)
	}
	return "", r.Errorf("PutParameter", name, store.ErrConflict, "somebody else wrote another value meanwhile, which was put back")
}

// holds reports whether a version has a value.
func (r *rotation) holds(ctx context.Context, e *entry, value secret.Value) (bool, error) {
	held, err := r.valueOf(ctx, e.name, e.number, e.changed)
	defer held.Wipe()
	return err == nil && held.Equal(value), err
}

// before returns the newest version older than a number that has another value than the promoted one; nil where none is held.
func (r *rotation) before(ctx context.Context, versions []entry, number int64, value secret.Value) (*entry, error) {
	for i := range versions {
		if versions[i].number >= number {
			continue
		}
		same, err := r.holds(ctx, &versions[i], value)
		if err != nil || !same {
			return &versions[i], err
		}
	}
	return nil, nil //nolint:nilnil // no other value is held, which is no error
}

// settle labels the version that has the promoted value, and the one that it took the place of, until that is how the latest version is labelled, and removes what was
// beside. Where somebody else has written since, the labels would be of a state that has passed, and are left alone.
func (r *rotation) settle(ctx context.Context, name secret.Name, b *beside, made int64, replaced *entry, value secret.Value) (secret.Version, error) {
	for range settlings {
		versions, err := r.history(ctx, name)
		if err != nil {
			return "", err
		}
		latest := &versions[0]
		if latest.number != made {
			same, err := r.holds(ctx, latest, value)
			switch {
			case err != nil:
				return "", err
			case same:
				made = latest.number
			}
		}
		if latest.number != made || slices.Contains(latest.labels, labelCurrent) && (replaced == nil || labelled(versions, labelPrevious) == replaced.number) {
			i := slices.IndexFunc(versions, func(e entry) bool { return e.number == made })
			if i < 0 {
				return "", r.Errorf("GetParameterHistory", name, store.ErrConflict, "it was made anew meanwhile")
			}
			return versions[i].version(), r.drop(ctx, name, b.token)
		}
		if err := r.label(ctx, name, made, replaced); err != nil {
			return "", err
		}
	}
	return "", r.Errorf("LabelParameterVersion", name, store.ErrConflict, "others label it at the same time")
}

// labelled returns the number of the version that carries a label; 0 where none does.
func labelled(versions []entry, label string) int64 {
	for i := range versions {
		if slices.Contains(versions[i].labels, label) {
			return versions[i].number
		}
	}
	return 0
}

// promoted decides what it means that nothing is pending any more: the labels tell whether what was current is the previous version of what is current. Another promotion
// may just have made one version more of the same value.
func (r *rotation) promoted(ctx context.Context, now store.Stages) (secret.Version, error) {
	name := now.Meta.Name
	versions, err := r.history(ctx, name)
	if err != nil {
		return "", err
	}
	at := func(number int64) *entry {
		if i := slices.IndexFunc(versions, func(e entry) bool { return e.number == number }); i >= 0 {
			return &versions[i]
		}
		return &entry{}
	}
	latest, current := &versions[0], at(labelled(versions, labelCurrent))
	if at(labelled(versions, labelPrevious)).version() == now.Current && current.number > 0 {
		if current.number == latest.number {
			return latest.version(), nil
		}
		value, err := r.valueOf(ctx, name, current.number, current.changed)
		if err != nil {
			return "", err
		}
		defer value.Wipe()
		if same, err := r.holds(ctx, latest, value); err != nil || same {
			return latest.version(), err
		}
	}
	return "", r.Errorf("GetParameterHistory", name, store.ErrConflict, "version %s is pending no longer", now.Pending)
}
