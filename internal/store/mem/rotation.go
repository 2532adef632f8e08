package mem

import (
	"context"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Rotation opens the store at At for rotating; store.ErrInvalid for a family.
func (s *Store) Rotation(context.Context) (store.Rotation, error) {
	if s.Family {
		return nil, s.invalid("a family has no place to rotate in")
	}
	if err := s.opening(s.at()); err != nil {
		return nil, err
	}
	return s.Place(s.at()).Rotation(), nil
}

// Rotation returns the place as one whose secrets can be rotated, also by what is configured there. Its calls are "Rotation.Stages", "Rotation.Propose", ….
func (p *Place) Rotation() store.Rotation { return rotation{p} }

// Begin makes a version pending that has no value yet, as Secrets Manager does before it calls a rotation function.
func (p *Place) Begin(name secret.Name, v secret.Version) {
	p.edit(name, func(it *item) { it.pending = v })
}

// RotateBy says what rotates a secret by itself: see store.Stages.By. Only then can it be rotated natively.
func (p *Place) RotateBy(name secret.Name, by string) {
	p.edit(name, func(it *item) { it.by = by })
}

// Staged returns which versions of a secret are what, past all hooks; zero where there is none.
func (p *Place) Staged(name secret.Name) store.Stages {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.items[name] == nil {
		return store.Stages{}
	}
	return p.stages(name)
}

type rotation struct{ p *Place }

func (r rotation) Place(context.Context) (secret.Place, error) { return r.p.at, nil }

func (r rotation) Stages(ctx context.Context, name secret.Name) (st store.Stages, err error) {
	err = r.p.do(Call{Op: "Rotation.Stages", Name: name}, func() error {
		if r.p.items[name] == nil {
			return r.p.fail("Stages", name, store.ErrNotFound, "")
		}
		st = r.p.stages(name)
		return ctx.Err()
	})
	if err != nil {
		return store.Stages{}, err
	}
	return st, nil
}

func (p *Place) stages(name secret.Name) store.Stages {
	it := p.items[name]
	return store.Stages{Meta: p.meta(name), Current: it.current, Pending: it.underWay(), Previous: it.previous, Since: it.since, By: it.by}
}

// underWay returns the pending version; empty where that is current.
func (it *item) underWay() secret.Version {
	if it.pending == it.current {
		return ""
	}
	return it.pending
}

func (r rotation) Value(ctx context.Context, name secret.Name, v secret.Version) (value secret.Value, err error) {
	err = r.p.do(Call{Op: "Rotation.Value", Name: name}, func() error {
		it := r.p.items[name]
		switch {
		case it == nil:
			return r.p.fail("Value", name, store.ErrNotFound, "")
		case !it.deleted.IsZero():
			return r.p.fail("Value", name, store.ErrScheduled, "")
		case it.values[v].IsZero():
			return r.p.fail("Value", name, store.ErrNotFound, fmt.Sprintf("version %s has no value", v))
		}
		value = copyValue(it.values[v])
		return ctx.Err()
	})
	if err != nil {
		return secret.Value{}, err
	}
	return value, nil
}

func (r rotation) Propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	return r.change(ctx, "Propose", now, func(it *item) error {
		pending, held := it.underWay(), it.values[v]
		switch {
		case now.Current == "" || value.IsZero() || v == "":
			return r.p.fail("Propose", now.Meta.Name, store.ErrInvalid, "there is no value to rotate")
		case it.current != now.Current:
			return r.conflict("Propose", now, "another version is current")
		case pending != "" && pending != v:
			return r.conflict("Propose", now, "another version is pending")
		case !held.IsZero() && pending == v && held.Equal(value):
			return nil
		case !held.IsZero():
			return r.p.fail("Propose", now.Meta.Name, store.ErrCollision, "")
		}
		it.values[v], it.pending = copyValue(value), v
		it.touch()
		return nil
	})
}

func (r rotation) Recall(ctx context.Context, now store.Stages, _ secret.Version) (secret.Version, error) {
	err := r.change(ctx, "Recall", now, func(it *item) error {
		pending := it.underWay()
		switch {
		case now.Previous == "":
			return r.p.fail("Recall", now.Meta.Name, store.ErrNotFound, "it has no previous version")
		case it.current != now.Current || it.previous != now.Previous:
			return r.conflict("Recall", now, "another version is current")
		case pending != "" && pending != now.Previous:
			return r.conflict("Recall", now, "another version is pending")
		}
		it.pending = now.Previous
		it.touch()
		return nil
	})
	if err != nil {
		return "", err
	}
	return now.Previous, nil
}

func (r rotation) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	err := r.change(ctx, "Promote", now, func(it *item) error {
		switch {
		case now.Pending == "":
			return r.p.fail("Promote", now.Meta.Name, store.ErrInvalid, "no version is pending")
		case it.current == now.Pending: // it was promoted before
		case it.current != now.Current:
			return r.conflict("Promote", now, "another version is current")
		case it.pending != now.Pending:
			return r.conflict("Promote", now, "it is pending no longer")
		}
		it.moveTo(now.Pending)
		if it.pending == now.Pending {
			it.pending = ""
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return now.Pending, nil
}

func (r rotation) Withdraw(ctx context.Context, now store.Stages) error {
	return r.change(ctx, "Withdraw", now, func(it *item) error {
		if pending := it.underWay(); pending != "" && pending == now.Pending {
			it.pending = ""
			it.touch()
		}
		return nil
	})
}

// Rotate makes the version pending, without a value: what would be called then is up to the test.
func (r rotation) Rotate(ctx context.Context, name secret.Name, token secret.Version) error {
	return r.change(ctx, "Rotate", store.Stages{Meta: secret.Meta{Name: name}}, func(it *item) error {
		switch pending := it.underWay(); {
		case it.by == "":
			return r.p.fail("Rotate", name, store.ErrInvalid, "it has no rotation of its own")
		case pending != "" && pending != token:
			return r.p.fail("Rotate", name, store.ErrInvalid, "a rotation is under way")
		}
		it.pending = token
		it.touch()
		return nil
	})
}

// change makes one call that changes a secret.
func (r rotation) change(ctx context.Context, op string, now store.Stages, do func(*item) error) error {
	return r.p.do(Call{Op: "Rotation." + op, Name: now.Meta.Name}, func() error {
		it := r.p.items[now.Meta.Name]
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case it == nil:
			return r.p.fail(op, now.Meta.Name, store.ErrNotFound, "")
		case !it.deleted.IsZero():
			return r.p.fail(op, now.Meta.Name, store.ErrScheduled, "")
		}
		return do(it)
	})
}

func (r rotation) conflict(op string, now store.Stages, why string) error {
	return r.p.fail(op, now.Meta.Name, store.ErrConflict, why)
}

var (
	_ store.Rotator       = (*Store)(nil)
	_ store.Rotation      = rotation{}
	_ store.NativeRotator = rotation{}
)
