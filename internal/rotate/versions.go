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

// stale is an error where what is pending was made before the secret was written by somebody else, whose changes it would undo. driven says that the store chose the id.
//
//	the id follows from      pending and current            then
//	what is current          …                              it is not
//	what is previous         …                              it is: the secret was written since
//	something else           differ in what is generated    it is not: a version that the store began, or somebody of another name
//	something else           differ in more                 it is; but not where the store chose the id, and a program or an endpoint the value: that may have any members
//	…                        one is not a JSON object       it is not: there is nothing in it but what is generated
//
// A rollback never is: what is previous is what it is for.
func (w *work) stale(ctx context.Context, driven bool) error {
	if w.rollback || w.follows(w.token, w.from, forRotation) {
		return nil
	}
	old := fmt.Errorf("version %s is pending, and was made before the secret was written by somebody else: %s gives it up", w.token, w.command("--cancel"))
	if w.now.Previous != "" && w.follows(w.token, w.now.Previous, forRotation) {
		return old
	}
	maker, ok := w.engine.(Maker)
	anything := ok && maker.MakesAnything()
	if driven && anything {
		return nil
	}
	c, err := w.change(ctx)
	if err != nil {
		return err
	}
	if c.Pending.IsZero() || w.differsByRotation(c, anything) {
		return nil
	}
	return fmt.Errorf("%w: the pending credential differs from the current one in more than a rotation changes: %w", ErrForm, old)
}

// differsByRotation reports whether pending differs from current in nothing but what a rotation changes, as far as they have members to compare.
func (w *work) differsByRotation(c Change, anything bool) bool {
	pending, err := ParseCredential(c.Pending)
	current, broken := ParseCredential(c.Current)
	return err != nil || broken != nil || pending.sameBut(current, w.generated(anything)...)
}

// generated returns the members that a rotation changes.
func (w *work) generated(anything bool) []string {
	names := []string{w.s.Generate.PublicKey}
	_, logsIn := w.engine.(database)
	if key := w.s.Generate.Key; key != "" && !logsIn {
		names = append(names, key)
	} else {
		names = append(names, memberPassword)
	}
	if anything || logsIn || w.s.Strategy == AlternatingUsers {
		names = append(names, memberUser, memberPassword)
	}
	return names
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

// recall makes the previous version pending, unless it can be told beforehand that the service can't go back to it.
func (w *work) recall(ctx context.Context) error {
	if f, ok := w.engine.(fitter); ok {
		c, err := w.change(ctx)
		if err != nil {
			return err
		}
		if c.Pending = c.Previous; !c.Pending.IsZero() {
			if err := f.fits(c); err != nil {
				return fmt.Errorf("it can't be rolled back to version %s: %w", w.now.Previous, err)
			}
		}
	}
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
