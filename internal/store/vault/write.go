package vault

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Write makes a copy as w says. What is done, in this order, and only where it is needed:
//
//	not there            a look, then the metadata with the mark, then the value: what we make is never without a mark
//	deleted, Restore     POST undelete
//	another's mark       the mark: what is ours is marked before it is written, so that an interrupted adoption is finished, not refused
//	another version      POST data, on condition that the current version is the one that was seen
//	a version not by us  it is read, where that is allowed: if it holds the value already, only the mark is written
//	mark, tags           PATCH metadata
//
// The look before a creation can't be spared: writing metadata has no condition, and would replace that of a secret that somebody else has made meanwhile.
func (d *destination) Write(ctx context.Context, w store.Write) (secret.Copy, error) {
	if why := d.badName(w.Name); why != "" {
		return secret.Copy{}, d.client.invalid("write", w.Name, store.ErrBadName, "%s", why)
	}
	data, err := d.material(&w)
	if err != nil {
		return secret.Copy{}, err
	}
	if w.Have == nil {
		return d.create(ctx, w, data)
	}
	return d.update(ctx, w, data, *w.Have)
}

// create decides by what is there:
//
//	nothing                               it is made
//	deleted                               store.ErrScheduled
//	ours, and without a version           the creation was interrupted, and is finished
//	ours, at a version of w               the answer was lost, or another run was faster: taken as done
//	anything else                         store.ErrConflict
func (d *destination) create(ctx context.Context, w store.Write, data json.RawMessage) (secret.Copy, error) {
	if data == nil || len(w.Versions) == 0 {
		return secret.Copy{}, d.client.invalid("POST data", w.Name, store.ErrInvalid, "there is no value to create it with")
	}
	seen, err := d.client.stat(ctx, w.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return d.make(ctx, w, data)
	case err != nil:
		return secret.Copy{}, err
	}
	c := seen.copy()
	conflict := func(why string) (secret.Copy, error) {
		return secret.Copy{}, d.client.invalid("POST data", w.Name, store.ErrConflict, "%s", why)
	}
	switch {
	case !c.Deleted.IsZero():
		return secret.Copy{}, d.client.invalid("POST data", w.Name, store.ErrScheduled, "a secret of this name is deleted, and can still be restored")
	case !sameMark(c.Mark, w.Mark):
		return conflict("somebody else has created it meanwhile")
	case c.Version != "" && !slices.Contains(w.Versions, c.Version):
		return conflict("another run has created it meanwhile, with another version")
	}
	return d.update(ctx, w, data, c)
}

func (d *destination) make(ctx context.Context, w store.Write, data json.RawMessage) (secret.Copy, error) {
	now := entry{name: w.Name, number: 1, custom: tagData(w.Tags)}
	maps.Copy(now.custom, markData(w.Mark))
	now.custom[keyVersion], now.custom[keyWritten] = string(w.Versions[0]), "1"
	if err := d.client.postCustom(ctx, w.Name, now.custom); err != nil {
		return secret.Copy{}, err
	}
	number, created, attempts, err := d.post(ctx, &w, data, 0)
	if errors.Is(err, errCAS) {
		if number, created, err = d.overtaken(ctx, w, attempts); err != nil {
			return secret.Copy{}, err
		}
	}
	if err != nil {
		return secret.Copy{}, err
	}
	now.number, now.created = number, created
	return now.copy(), nil
}

// overtaken decides what it means that a version was there when the first was to be written. If the write was sent more than once, that version may be ours.
// Otherwise it is somebody else's, and the mark that was written just before is taken off.
func (d *destination) overtaken(ctx context.Context, w store.Write, attempts int) (number int, created string, err error) {
	r, err := d.client.read(ctx, w.Name)
	switch {
	case err == nil && d.Same(w.Value, r.value) && r.number == 1:
		return r.number, r.created, nil
	case errors.Is(err, store.ErrNotPermitted) && attempts > 1:
		e, err := d.client.stat(ctx, w.Name)
		if err == nil && e.number == 1 {
			return e.number, e.created, nil
		}
	}
	off := map[string]*string{keyOwner: nil, keySync: nil, keySource: nil, keyVersion: nil, keyWritten: nil}
	conflict := d.client.invalid("POST data", w.Name, store.ErrConflict, "somebody else has created it meanwhile")
	return 0, "", errors.Join(conflict, d.client.patchCustom(ctx, w.Name, w.Mark, off))
}

// update leads from have to what w says.
func (d *destination) update(ctx context.Context, w store.Write, data json.RawMessage, have secret.Copy) (secret.Copy, error) {
	if !have.Deleted.IsZero() && !w.Restore {
		return secret.Copy{}, d.client.invalid("POST data", w.Name, store.ErrScheduled, "it is deleted, and can still be restored")
	}
	now, ok := entryOf(&have)
	if !ok {
		var err error
		if now, err = d.client.stat(ctx, w.Name); err != nil {
			return secret.Copy{}, err
		}
	}
	if w.Restore && !now.deleted.IsZero() {
		if err := d.undelete(ctx, &now); err != nil {
			return secret.Copy{}, err
		}
	}
	changes := marked(w.Mark)
	foreign := !sameMark(markOf(now.custom), w.Mark)
	if foreign && data != nil {
		changes[keyWritten] = nil // the current version is not ours, whatever its mark says
		if err := d.apply(ctx, &now, changes); err != nil {
			return secret.Copy{}, err
		}
	}
	if v := token(now.custom, now.number); data != nil && len(w.Versions) > 0 && (foreign || now.noValue() != "" || v == "" || !slices.Contains(w.Versions, v)) {
		if err := d.value(ctx, w, data, &now, v == ""); err != nil {
			return secret.Copy{}, err
		}
		if !slices.Contains(w.Versions, token(now.custom, now.number)) {
			changes[keyVersion], changes[keyWritten] = text(string(w.Versions[0])), text(strconv.Itoa(now.number))
		} else {
			delete(changes, keyWritten)
		}
	} else {
		delete(changes, keyWritten)
	}
	for k, v := range tagData(w.Tags) {
		changes[k] = text(v)
	}
	if now.number > 0 && now.noValue() == "" {
		changes[keyDeleting] = nil // it lives: the mark would make a deletion by somebody else pass for ours
	}
	if err := d.apply(ctx, &now, changes); err != nil {
		return secret.Copy{}, err
	}
	return now.copy(), nil
}

func text(s string) *string { return &s }

// marked returns the changes that write a mark.
func marked(m secret.Mark) map[string]*string {
	changes := map[string]*string{}
	for k, v := range markData(m) {
		changes[k] = text(v)
	}
	return changes
}
