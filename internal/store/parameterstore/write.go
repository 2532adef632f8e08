package parameterstore

import (
	"context"
	"errors"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Write makes a copy as w says. A PutParameter is one version: value, mark, key and tier at once.
//
//	not there                              one PutParameter, which creates only
//	another version, or not written by us  one PutParameter with the value
//	another mark or key, or a restoration  one PutParameter with the value that is there: of w, or else read first, which needs ssm:GetParameter
//	none of these                          no call
//
// Parameter Store has no conditional write. Where w.Have may be behind what this destination wrote itself, the copy is described first.
func (d *destination) Write(ctx context.Context, w store.Write) (secret.Copy, error) {
	c, err := d.write(ctx, w)
	return c, withhold(err, w.Value)
}

func (d *destination) write(ctx context.Context, w store.Write) (secret.Copy, error) {
	if hidden(w.Name) {
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrBadName, "%s", hiddenWhy)
	}
	if err := d.checkValue(w); err != nil {
		return secret.Copy{}, err
	}
	if !w.Value.IsZero() && len(w.Versions) == 0 {
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrInvalid, "there is no version to write the value under")
	}
	if w.Have == nil {
		return d.create(ctx, w)
	}
	return d.update(ctx, w, *w.Have)
}

func (d *destination) create(ctx context.Context, w store.Write) (secret.Copy, error) {
	if w.Value.IsZero() {
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrInvalid, "there is no value to create it with")
	}
	c, err := d.put(ctx, put{name: w.Name, value: w.Value, mark: markOf(w, w.Versions[0]), key: w.Key, create: true}, 0)
	if errors.Is(err, store.ErrConflict) {
		return d.exists(ctx, w, err)
	}
	return c, err
}

// exists decides what it means that a parameter that was to be created is there: a creation of ours whose answer got lost, or another run's, is taken as done;
// anything else is a conflict.
func (d *destination) exists(ctx context.Context, w store.Write, conflict error) (secret.Copy, error) {
	c, err := d.Stat(ctx, w.Name)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return secret.Copy{}, conflict
		}
		return secret.Copy{}, err
	}
	switch {
	case !c.Deleted.IsZero():
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrScheduled, "a copy of this name waits for its deletion")
	case !belongs(c, w):
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrConflict, "somebody else has created it meanwhile")
	case !holds(c, w):
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrConflict, "another run has created it meanwhile, with another version")
	}
	return d.update(ctx, w, c)
}

// update leads from have to what w says.
func (d *destination) update(ctx context.Context, w store.Write, have secret.Copy) (secret.Copy, error) {
	number, advanced, ok := parseRevision(have.Revision)
	if !ok || d.wrote(w.Name) > number {
		seen, err := d.look(ctx, w, have)
		if err != nil {
			return secret.Copy{}, err
		}
		have = seen
		number, advanced, _ = parseRevision(have.Revision)
	}
	switch {
	case have.Unwritable != "":
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrInvalid, "%s", have.Unwritable)
	case !have.Deleted.IsZero() && !w.Restore:
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrScheduled, "it waits for its deletion")
	}
	p := put{name: w.Name, value: w.Value, mark: markOf(w, have.Version), key: have.Key, advanced: advanced}
	changed := !belongs(have, w) || have.Mark.Sync != w.Mark.Sync || !have.Deleted.IsZero()
	if d.KeyDiffers(ctx, have.Key, w.Key) {
		p.key, changed = w.Key, true
	}
	if !w.Value.IsZero() && !holds(have, w) {
		p.mark.version = w.Versions[0]
		return d.put(ctx, p, number)
	}
	switch {
	case !changed:
		return have, nil
	case p.value.IsZero():
		return d.rewrite(ctx, p, number)
	}
	return d.put(ctx, p, number)
}

// look describes a copy that have may be behind of. What this destination wrote itself since is taken over; ErrConflict where it is something else.
func (d *destination) look(ctx context.Context, w store.Write, have secret.Copy) (secret.Copy, error) {
	seen, err := d.Stat(ctx, w.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrConflict, "it is gone")
	case err != nil:
		return secret.Copy{}, err
	case seen.Revision != have.Revision && !(belongs(seen, w) && holds(seen, w)):
		return secret.Copy{}, d.client.Errorf("PutParameter", w.Name, store.ErrConflict, "it was changed meanwhile")
	}
	return seen, nil
}

// belongs reports whether a copy carries the owner and the source of w's mark.
func belongs(c secret.Copy, w store.Write) bool {
	return c.Mark.Owner == w.Mark.Owner && c.Mark.Source == secret.Identity(w.Mark.Source.Tag())
}

// holds reports whether a copy holds the value that w's versions name.
func holds(c secret.Copy, w store.Write) bool {
	return slices.Contains(w.Versions, c.Version) && c.WrittenByUs()
}

func markOf(w store.Write, v secret.Version) mark {
	return mark{Mark: secret.Mark{Owner: w.Mark.Owner, Sync: w.Mark.Sync, Source: secret.Identity(w.Mark.Source.Tag())}, version: v}
}
