package rotate

import (
	"context"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// generations is how many rotations of one current version can be given up before a new one finds no free id.
const generations = 20

// What a version is made for, which its id follows from.
const (
	forRotation = "rotation"
	forRollback = "rollback"
	forNative   = "native" // started here, done by what is configured in the store
)

// version returns the id of what is to follow after a version: the same for everybody of one owner, so that of two who rotate at one moment one wins, and the other goes on with that value.
func (w *work) version(after secret.Version, purpose string, generation int) secret.Version {
	in := secret.Input{Identity: secret.NewIdentity(w.at, w.now.Meta.Name), Version: after}
	return secret.Token(w.r.Owner, []secret.Input{in}, purpose, generation)
}

// stale reports whether what is pending was made to follow what is previous now: the secret was written since.
func (w *work) stale() bool {
	return !w.rollback && w.now.Previous != "" && w.follows(w.token, w.now.Previous, forRotation)
}

// follows reports whether an id is one that follows from a version.
func (w *work) follows(id, after secret.Version, purpose string) bool {
	for g := range generations {
		if id == w.version(after, purpose, g) {
			return true
		}
	}
	return false
}

// propose makes a new credential and keeps it as pending, under w.token where that is set, as what Secrets Manager drives asks for. Where somebody else was faster w.token is what they proposed.
func (w *work) propose(ctx context.Context) error {
	c, err := w.change(ctx)
	if err != nil {
		return err
	}
	value, err := w.engine.Next(ctx, c)
	if err != nil {
		return err
	}
	return w.place(ctx, forRotation, func(v secret.Version) (secret.Version, error) {
		w.value = secret.Value{}
		err := w.s.At.Propose(ctx, w.now, v, value)
		if err == nil {
			w.value = value
		}
		return v, err
	})
}

// recall makes the previous version pending.
func (w *work) recall(ctx context.Context) error {
	return w.place(ctx, forRollback, func(v secret.Version) (secret.Version, error) {
		return w.s.At.Recall(ctx, w.now, v)
	})
}

// place makes something pending by put, under the first id that is free, and remembers under which.
//
//	put says                  the stages say then          it is pending under
//	nothing                   …                            what put returned
//	ErrCollision, ErrConflict that id is pending           that id: somebody else was faster
//	ErrCollision, ErrConflict that id is current           that id, be it of another generation: somebody else was faster, and is done
//	ErrCollision, ErrConflict another is pending           that one, if it is for the same purpose; else it is an error
//	ErrCollision, ErrConflict another version is current   nothing: the secret was written meanwhile, an error
//	ErrCollision              as before                    another generation's id: this one is used up
//	ErrConflict               as before                    that id: once more
//
// Under an id that is given only the first three are no errors.
func (w *work) place(ctx context.Context, purpose string, put func(secret.Version) (secret.Version, error)) error {
	given := w.token
	generation := 0
	for range 2 * generations {
		v := given
		if v == "" {
			v = w.version(w.from, purpose, generation)
		}
		under, err := put(v)
		if err == nil {
			w.token = under
			return nil
		}
		if !errors.Is(err, store.ErrCollision) && !errors.Is(err, store.ErrConflict) {
			return err
		}
		w.token = v
		promoted, lookErr := w.look(ctx)
		var other *supersededError
		switch {
		case lookErr == nil && (promoted || given == ""):
			return nil
		case lookErr == nil:
			_, err = w.s.At.Value(ctx, w.s.Name, v)
			return err
		case given == "" && w.follows(w.now.Current, w.from, purpose):
			w.token = w.now.Current
			return nil
		case given != "" || w.now.Current != w.from || !errors.As(lookErr, &other):
			return lookErr
		case w.now.Pending != "":
			return w.join(ctx, purpose)
		case errors.Is(err, store.ErrCollision):
			generation++
		}
		w.token = ""
		if generation == generations {
			return fmt.Errorf("%d rotations of version %s were given up, and there is no id left for another: write the secret once, with the value that it has, and rotate again", generations, w.from)
		}
	}
	return fmt.Errorf("%w, again and again: repeat it", store.ErrConflict)
}

// join goes on with what somebody else made pending at the same moment.
func (w *work) join(ctx context.Context, purpose string) error {
	if err := w.adopt(ctx); err != nil {
		return err
	}
	if w.rollback != (purpose == forRollback) {
		return fmt.Errorf("somebody else made version %s pending at the same moment: %s finishes that, %s gives it up", w.token, w.command(""), w.command("--cancel"))
	}
	return nil
}
