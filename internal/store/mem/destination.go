package mem

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// What a place holds at most.
const (
	maxName  = 512
	maxTags  = 50
	maxValue = 65536
)

// Destination returns the place as a destination, which also deletes, verifies and compares keys.
func (p *Place) Destination() store.Destination { return destination{p} }

type destination struct{ p *Place }

func (d destination) Verify(context.Context) error {
	return d.p.do(Call{Op: "Verify"}, func() error { return nil })
}

func (d destination) List(ctx context.Context) (all []secret.Copy, err error) {
	err = d.p.do(Call{Op: "List"}, func() error {
		for _, n := range d.p.sorted() {
			all = append(all, d.p.items[n].copy(n))
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (d destination) Stat(ctx context.Context, name secret.Name) (c secret.Copy, err error) {
	err = d.p.do(Call{Op: "Stat", Name: name}, func() error {
		it := d.p.items[name]
		if it == nil {
			return d.p.fail("Stat", name, store.ErrNotFound, "")
		}
		c = it.copy(name)
		return ctx.Err()
	})
	if err != nil {
		return secret.Copy{}, err
	}
	return c, nil
}

func (d destination) Check(w store.Write) error {
	if w.Name == "" || len(w.Name) > maxName || strings.ContainsAny(string(w.Name), " *\n") {
		return d.p.fail("check", w.Name, store.ErrBadName, "")
	}
	if n := len(w.Tags) + 4; n > maxTags {
		return d.p.fail("check", w.Name, store.ErrTooManyTags, fmt.Sprintf("it would have %d", n))
	}
	return nil
}

func (d destination) Write(ctx context.Context, w store.Write) (c secret.Copy, err error) {
	if w.Value.Size() > maxValue {
		return secret.Copy{}, d.p.fail("Write", w.Name, store.ErrTooLarge, fmt.Sprintf("%d bytes", w.Value.Size()))
	}
	err = d.p.do(Call{Op: "Write", Name: w.Name}, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.write(w); err != nil {
			return err
		}
		c = d.p.items[w.Name].copy(w.Name)
		return nil
	})
	if err != nil {
		return secret.Copy{}, err
	}
	return c, nil
}

func (d destination) write(w store.Write) error {
	it := d.p.items[w.Name]
	mark := w.Mark
	mark.Source = secret.Identity(mark.Source.Tag())
	switch {
	case it == nil && w.Have != nil:
		return d.p.fail("Write", w.Name, store.ErrConflict, "it is gone")
	case it == nil && (w.Value.IsZero() || len(w.Versions) == 0):
		return d.p.fail("Write", w.Name, store.ErrInvalid, "there is no value to create it with")
	case it == nil:
		v := w.Versions[0]
		mark.First = v
		it = &item{values: map[secret.Version]secret.Value{v: copyValue(w.Value)}, current: v, created: time.Now(), since: time.Now(), mark: mark, tags: maps.Clone(w.Tags), description: w.Description, key: w.Key}
		it.touch()
		d.p.items[w.Name] = it
		return nil
	case !it.deleted.IsZero() && !w.Restore:
		return d.p.fail("Write", w.Name, store.ErrScheduled, "")
	case w.Have == nil && (it.mark.Owner != mark.Owner || it.mark.Source != mark.Source || !slices.Contains(w.Versions, it.current)):
		return d.p.fail("Write", w.Name, store.ErrConflict, "it is there already")
	case w.Have != nil && it.current != w.Have.Version && !slices.Contains(w.Versions, it.current):
		return d.p.fail("Write", w.Name, store.ErrConflict, "its value was changed meanwhile")
	case it.unwritable != "":
		return d.p.fail("Write", w.Name, store.ErrInvalid, it.unwritable)
	}
	return d.update(it, w, mark)
}

func (d destination) update(it *item, w store.Write, mark secret.Mark) error {
	serial := it.serial
	changed := false
	if w.Restore && !it.deleted.IsZero() {
		it.deleted, changed = time.Time{}, true
	}
	mark.Generation = it.mark.Generation
	if !w.Value.IsZero() && (!slices.Contains(w.Versions, it.current) || w.Have == nil && !it.values[it.current].Equal(w.Value)) {
		generation, ok := it.take(w)
		if !ok {
			return d.p.fail("Write", w.Name, store.ErrCollision, "")
		}
		mark.Generation, changed = generation, true
	}
	if mark.First == "" {
		mark.First = it.mark.First
		if foreign := it.mark.Owner != mark.Owner || it.mark.Source != mark.Source; foreign && slices.Contains(w.Versions, it.current) && it.current != it.labelled {
			mark.First = it.current
		}
	}
	if it.mark != mark || it.description != w.Description || it.key != w.Key {
		it.mark, it.description, changed = mark, w.Description, true
		it.key = w.Key
	}
	for k, v := range w.Tags {
		if old, ok := it.tags[k]; ok && old == v {
			continue
		}
		if it.tags == nil {
			it.tags = map[string]string{}
		}
		it.tags[k], changed = v, true
	}
	if changed && it.serial == serial {
		it.touch()
	}
	return nil
}

// take makes the value current under the first id that is free or holds it.
func (it *item) take(w store.Write) (generation int, ok bool) {
	for g, v := range w.Versions {
		old, there := it.values[v]
		if there && !old.Equal(w.Value) {
			continue
		}
		if !there {
			it.values[v] = copyValue(w.Value)
			it.labelled = v
		}
		it.moveTo(v)
		return g, true
	}
	return 0, false
}

func (d destination) Delete(ctx context.Context, have secret.Copy, recoveryDays int) error {
	if recoveryDays < 7 || recoveryDays > 30 {
		return d.p.fail("Delete", have.Name, store.ErrInvalid, fmt.Sprintf("a recovery window of %d days", recoveryDays))
	}
	return d.p.do(Call{Op: "Delete", Name: have.Name}, func() error {
		it := d.p.items[have.Name]
		if it == nil || !it.deleted.IsZero() {
			return nil
		}
		it.mark.Deleting = time.Now().UTC().Truncate(time.Second)
		it.deleted = time.Now()
		it.touch()
		return ctx.Err()
	})
}

func (d destination) Read(ctx context.Context, names []secret.Name) []store.Reading {
	return d.p.read(ctx, "Read", names)
}

func (d destination) BatchSize() int { return batchSize }

func (d destination) SameKey(_ context.Context, a, b secret.Key) (same, ok bool) { return a == b, true }

func (it *item) copy(name secret.Name) secret.Copy {
	unwritable := it.unwritable
	if unwritable == "" && it.underWay() != "" {
		unwritable = "a rotation is under way"
	}
	return secret.Copy{
		Name: name, Mark: it.mark, Version: it.current, Labelled: it.labelled, Held: it.held(), Description: it.description, Tags: maps.Clone(it.tags),
		Key: it.key, Deleted: it.deleted, Unwritable: unwritable, Changed: it.changed,
		Revision: secret.Revision(fmt.Sprintf("%s.%d", it.current, it.serial)),
	}
}

var (
	_ store.Destination = destination{}
	_ store.Deleter     = destination{}
	_ store.Verifier    = destination{}
	_ store.KeyResolver = destination{}
)
