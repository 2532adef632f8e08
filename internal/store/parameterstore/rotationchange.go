package parameterstore

import (
	"context"
	"errors"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const maxVersions = 100 // of a parameter; AWS drops the oldest for the next one, unless it carries a label

// Propose creates the parameter beside. A version that was withdrawn leaves nothing behind, and may be proposed again: store.ErrCollision is for one that is pending only.
func (r *rotation) Propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	return withhold(r.propose(ctx, now, v, value), value)
}

func (r *rotation) propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	name := now.Meta.Name
	if now.Current == "" || value.IsZero() {
		return r.Errorf("PutParameter", name, store.ErrInvalid, "it has no value to rotate")
	}
	s, err := r.look(ctx, name)
	if err != nil {
		return err
	}
	if s.versions[0].version() != now.Current {
		return r.overtaken(name, &s)
	}
	judge := &destination{client: r.client, tier: r.tierOf(&s.versions[0])}
	if err := judge.checkValue(store.Write{Name: name, Value: value}); err != nil {
		return err
	}
	return r.offer(ctx, name, &s, v, value)
}

// Recall proposes the value of the previous version.
func (r *rotation) Recall(ctx context.Context, now store.Stages, v secret.Version) (secret.Version, error) {
	name := now.Meta.Name
	if now.Previous == "" {
		return "", r.Errorf("GetParameterHistory", name, store.ErrNotFound, "it has no previous version")
	}
	s, err := r.look(ctx, name)
	if err != nil {
		return "", err
	}
	p := previous(s.versions)
	if s.versions[0].version() != now.Current || p == nil || p.version() != now.Previous {
		return "", r.overtaken(name, &s)
	}
	value, err := r.valueOf(ctx, name, p.number, p.changed)
	if err != nil {
		return "", err
	}
	defer value.Wipe()
	return v, withhold(r.offer(ctx, name, &s, v, value), value)
}

// offer makes a value pending under a version, unless it is already. The creation of what is beside the parameter decides between many who do this at once.
func (r *rotation) offer(ctx context.Context, name secret.Name, s *seen, v secret.Version, value secret.Value) error {
	if s.pending == nil {
		if err := r.prepare(ctx, s); err != nil {
			return err
		}
		err := r.keep(ctx, &s.versions[0], beside{token: v, base: s.versions[0].version()}, value)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	b, held, err := r.besideValue(ctx, name)
	if err != nil {
		return err
	}
	defer held.Wipe()
	switch {
	case b == nil:
		return r.Errorf("PutParameter", name, store.ErrConflict, "what was pending is so no longer")
	case b.token != v:
		return r.Errorf("PutParameter", name, store.ErrConflict, "version %s is pending", b.token)
	case !held.Equal(value):
		return &store.Error{Op: "PutParameter", Name: besideOf(name), Place: r.At, Kind: store.ErrCollision}
	}
	return nil
}

// prepare labels the versions as they are, before anything is pending: a policy that forbids it is found out before the rotation begins, not at its end, and no label of ours
// is left on the oldest of a hundred versions, which would keep the next one from being written.
func (r *rotation) prepare(ctx context.Context, s *seen) error {
	oldest := &s.versions[len(s.versions)-1]
	theirs := slices.ContainsFunc(oldest.labels, func(l string) bool { return l != labelCurrent && l != labelPrevious })
	if theirs && len(s.versions) >= maxVersions {
		kind, help := kindOf("ParameterMaxVersionLimitExceeded", "")
		return &store.Error{Op: "PutParameter", Name: oldest.name, Place: r.At, Kind: kind, Err: errors.New("no further version can be written"), Help: help}
	}
	if slices.Contains(s.versions[0].labels, labelCurrent) {
		return nil
	}
	return r.label(ctx, oldest.name, s.versions[0].number, previous(s.versions))
}

// Withdraw removes what is beside the parameter. What a promotion that was broken off has written already stays.
func (r *rotation) Withdraw(ctx context.Context, now store.Stages) error {
	if now.Pending == "" {
		return nil
	}
	if err := r.VerifyListing(ctx); err != nil {
		return err
	}
	return r.drop(ctx, now.Meta.Name, now.Pending)
}

func (r *rotation) overtaken(name secret.Name, s *seen) error {
	return r.Errorf("GetParameterHistory", name, store.ErrConflict, "version %s is current by now", s.versions[0].version())
}
