package vault

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const attempts = 5 // how often a change looks again at what others change at the same moment

// Propose creates the secret beside. A version that was withdrawn leaves nothing behind, and may be proposed again: store.ErrCollision is for one that is pending only.
func (r *rotation) Propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	name := now.Meta.Name
	if now.Current == "" || value.IsZero() || v == "" {
		return r.invalid("POST data", name, store.ErrInvalid, "it has no value to rotate")
	}
	data, err := r.dest.material(&store.Write{Name: name, Value: value})
	if err != nil {
		return err
	}
	s, err := r.look(ctx, name)
	if err != nil {
		return err
	}
	defer s.pending.wipe()
	if s.current() != now.Current {
		return r.overtaken(&s)
	}
	return r.offer(ctx, &s, v, value, data)
}

// Recall proposes the value of the previous version.
func (r *rotation) Recall(ctx context.Context, now store.Stages, v secret.Version) (secret.Version, error) {
	name := now.Meta.Name
	if now.Previous == "" {
		return "", r.invalid("GET metadata", name, store.ErrNotFound, "it has no previous version")
	}
	s, err := r.look(ctx, name)
	if err != nil {
		return "", err
	}
	defer s.pending.wipe()
	if s.current() != now.Current || s.previousVersion() != now.Previous {
		return "", r.overtaken(&s)
	}
	value, err := r.valueOf(ctx, name, s.previous(), s.held[s.previous()])
	if err != nil {
		return "", err
	}
	defer value.Wipe()
	return v, r.offer(ctx, &s, v, value, value.Reveal())
}

// offer makes a value pending under a version, unless it is already. The creation of what is beside the secret decides between many who do this at once. The metadata is
// brought into line first: a policy that forbids it is found out before the rotation begins, not at its end.
func (r *rotation) offer(ctx context.Context, s *seen, v secret.Version, value secret.Value, data json.RawMessage) error {
	b := s.pending
	if b == nil || b.deleted {
		if n := len(s.custom); !s.settled() && n+2 > maxKeys {
			return r.invalid("PATCH metadata", s.name, store.ErrInvalid, "it has %d keys of custom metadata, and a rotation needs two more: at most %d are possible", n, maxKeys)
		}
		if err := r.stage(ctx, s, s.number, s.previous()); err != nil {
			return err
		}
		if b != nil {
			if err := r.purge(ctx, s.name); err != nil {
				return err
			}
		}
		err := r.keep(ctx, s.name, v, s.current(), data)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if b, err = r.beside(ctx, s.name); err != nil {
			return err
		}
		defer b.wipe()
	}
	op := "POST data"
	switch {
	case b == nil || b.deleted:
		return r.invalid(op, s.name, store.ErrConflict, "what was pending is so no longer")
	case b.token != v:
		return r.invalid(op, s.name, store.ErrConflict, "version %s is pending", b.token)
	case !r.dest.Same(value, b.value):
		return &store.Error{Op: op, Name: besideOf(s.name), Place: r.place, Kind: store.ErrCollision}
	}
	return nil
}

// Promote writes the pending value on condition that the version is the one that was seen, which is then what everybody reads; writes the stages into the metadata; and
// removes what was beside.
//
//	beside      the secret                            then
//	pending     as it was at the proposal             it is written
//	pending     another version, of the same value    it was promoted before: what follows is done
//	pending     another version, which now names      it is written
//	pending     another version, which now does not   store.ErrConflict
//	nothing     staged as promoted from now.Current   it was promoted before: nothing is done
//	nothing     not so                                store.ErrConflict
//	another     any                                   store.ErrConflict
func (r *rotation) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	name := now.Meta.Name
	if now.Pending == "" {
		return "", r.invalid("POST data", name, store.ErrInvalid, "no version is pending")
	}
	for range attempts {
		v, err := r.promote(ctx, now)
		if !errors.Is(err, errCAS) {
			return v, err
		}
	}
	return "", r.invalid("POST data", name, store.ErrConflict, "others write it at the same time")
}

// promote is one attempt; errCAS where somebody wrote at the same moment.
func (r *rotation) promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	s, err := r.look(ctx, now.Meta.Name)
	if err != nil {
		return "", err
	}
	b := s.pending
	defer b.wipe()
	switch current := s.current(); {
	case current == "":
		return "", r.overtaken(&s)
	case b == nil || b.deleted:
		if s.settled() && s.previousVersion() == now.Current {
			return current, nil
		}
		return "", r.invalid("GET data", s.name, store.ErrConflict, "version %s is pending no longer", now.Pending)
	case b.token != now.Pending:
		return "", r.invalid("GET data", s.name, store.ErrConflict, "version %s is pending", b.token)
	case current != b.base:
		held, err := r.valueOf(ctx, s.name, s.number, s.created)
		if err != nil {
			return "", err
		}
		same := r.dest.Same(b.value, held)
		held.Wipe()
		if same {
			return current, r.settle(ctx, &s, s.number, b)
		}
		if current != now.Current {
			return "", r.overtaken(&s)
		}
	}
	number, created, err := r.put(ctx, s.name, b.value.Reveal(), s.number)
	if err != nil {
		return "", err
	}
	return version(number, created), r.settle(ctx, &s, number, b)
}

// settle does what is left to be done once the version of that number has the pending value. It took the place of the one before: writes are conditional.
func (r *rotation) settle(ctx context.Context, s *seen, number int, b *beside) error {
	previous := number - 1
	if s.held[previous] == "" {
		previous = 0
	}
	if err := r.stage(ctx, s, number, previous); err != nil {
		return err
	}
	return r.drop(ctx, s.name, b.token)
}

// Withdraw removes what is beside the secret. What a promotion that was broken off has written already stays.
func (r *rotation) Withdraw(ctx context.Context, now store.Stages) error {
	if now.Pending == "" {
		return nil
	}
	return r.drop(ctx, now.Meta.Name, now.Pending)
}

func (r *rotation) overtaken(s *seen) error {
	why := "version " + strconv.Itoa(s.number) + " is current by now"
	if state := s.noValue(); state != "" {
		why = state
	}
	return r.invalid("GET metadata", s.name, store.ErrConflict, "%s", why)
}
