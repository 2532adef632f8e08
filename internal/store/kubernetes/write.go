package kubernetes

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Write makes a copy as w says. Data, type, mark and version are written by one server-side apply, on condition that the Secret is the one that was seen, or
// that there is none.
//
//	not there                               the apply, which creates only
//	another version, or not written by us   the apply; keys that others added, and a deletion that waited, go with a patch behind it
//	another mark, or a restoration          a patch of the annotations: the data stays as it is
//	none of these                           no call
//
// What the cluster's admission makes of the data is in no answer, and is not seen: a Verifier finds it.
//
// With restarts, the copy is read before the apply, so that nothing is restarted for data that stays the same.
func (d *destination) Write(ctx context.Context, w store.Write) (secret.Copy, error) {
	if why := badName(w.Name); why != "" {
		return secret.Copy{}, d.errorf("write", w.Name, store.ErrBadName, "%s", why)
	}
	a, err := d.material(w)
	if err != nil {
		return secret.Copy{}, err
	}
	if !w.Value.IsZero() && len(w.Versions) == 0 {
		return secret.Copy{}, d.errorf("write", w.Name, store.ErrInvalid, "there is no version to write the value under")
	}
	var e *entry
	if w.Have == nil {
		e, err = d.create(ctx, a)
	} else {
		e, err = d.update(ctx, a, *w.Have)
	}
	switch {
	case err != nil:
		return secret.Copy{}, err
	case e == nil:
		return *w.Have, nil
	}
	return d.copy(e), nil
}

// application is a write with its value as data.
type application struct {
	store.Write
	data map[string][]byte
	typ  string
	made string // the note on the settings that it is made with; empty: none of them counts
	// restart is the change that workloads are restarted for; empty: none.
	restart string
}

// holds reports whether a Secret carries the mark, and holds the value as we would write it.
func (a *application) holds(e *entry) bool {
	return sameMark(e.mark, a.Mark) && slices.Contains(a.Versions, e.token()) && e.meta.Annotations[noteMade] == a.made
}

func (d *destination) create(ctx context.Context, a application) (*entry, error) {
	if a.Value.IsZero() {
		return nil, d.errorf("write", a.Name, store.ErrInvalid, "there is no value to create it with")
	}
	e, err := d.apply(ctx, a, "", "1") // no object is at version 1: the server creates it, or says that it is there
	if !isConflict(err) {
		return e, err
	}
	seen, statErr := d.stat(ctx, a.Name)
	switch {
	case isGone(statErr):
		return nil, err
	case statErr != nil:
		return nil, statErr
	}
	c := seen.copy("")
	switch {
	case !c.Deleted.IsZero():
		return nil, d.errorf("patch secrets", a.Name, store.ErrScheduled, "a copy of this name waits for its deletion")
	case !sameMark(c.Mark, a.Mark):
		return nil, d.errorf("patch secrets", a.Name, store.ErrConflict, "somebody else has created it meanwhile")
	case !a.holds(&seen):
		return nil, d.errorf("patch secrets", a.Name, store.ErrConflict, "another run has created it meanwhile, with another version")
	}
	return d.finish(ctx, a, &seen)
}

// update leads from have to what a says; nil where it is so already.
func (d *destination) update(ctx context.Context, a application, have secret.Copy) (*entry, error) {
	uid, at := parseRevision(have.Revision)
	switch {
	case uid == "" || at == "": // which would be no condition at all
		return nil, d.errorf("patch secrets", a.Name, store.ErrInvalid, "the revision %q is none of a Secret's", have.Revision)
	case have.Unwritable != "":
		return nil, d.errorf("patch secrets", a.Name, store.ErrUnwritable, "%s", have.Unwritable)
	case !have.Deleted.IsZero() && !a.Restore:
		return nil, d.errorf("patch secrets", a.Name, store.ErrScheduled, "it waits for its deletion")
	}
	ours := sameMark(have.Mark, a.Mark)
	holds := ours && have.WrittenByUs() && slices.Contains(a.Versions, have.Version)
	if a.Value.IsZero() || holds {
		return d.remark(ctx, a, have)
	}
	e, err := d.applyOver(ctx, a, uid, at)
	if !isConflict(err) {
		return e, err
	}
	seen, err := d.look(ctx, a, have)
	switch {
	case err != nil:
		return nil, err
	case a.holds(&seen):
		return d.finish(ctx, a, &seen)
	}
	return d.applyOver(ctx, a, string(seen.meta.UID), seen.meta.ResourceVersion)
}

// look describes a Secret that is not at the version that have was seen at:
//
//	it holds what is wanted already                  our answer was lost, or another run was faster: taken as done
//	it is ours, as it was, but for what others keep  it may be written over
//	anything else                                    store.ErrConflict
func (d *destination) look(ctx context.Context, a application, have secret.Copy) (entry, error) {
	seen, err := d.stat(ctx, a.Name)
	switch {
	case isGone(err):
		return entry{}, d.errorf("patch secrets", a.Name, store.ErrConflict, "it is gone")
	case err != nil:
		return entry{}, err
	}
	c := d.copy(&seen)
	uid, _ := parseRevision(have.Revision)
	same := string(seen.meta.UID) == uid && c.Mark == have.Mark && c.Version == have.Version && c.WrittenByUs() && c.Deleted.Equal(have.Deleted)
	if !same && !(a.holds(&seen) && c.Deleted.IsZero()) {
		return entry{}, d.errorf("patch secrets", a.Name, store.ErrConflict, "it was changed meanwhile")
	}
	return seen, nil
}

// remark writes the mark where it is another, and takes a deletion back. It touches no data. Nil where there is nothing to do.
func (d *destination) remark(ctx context.Context, a application, have secret.Copy) (*entry, error) {
	notes := map[string]any{}
	if !sameMark(have.Mark, a.Mark) || have.Mark.Sync != a.Mark.Sync {
		for k, v := range d.markNotes(a.Name, a.Mark) {
			notes[k] = v
		}
	}
	if a.Restore {
		notes[noteDeleting], notes[noteDeleteAfter] = nil, nil
	}
	if len(notes) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to do
	}
	_, at := parseRevision(have.Revision)
	e, err := d.annotate(ctx, a.Name, at, notes)
	if !isConflict(err) {
		return e, err
	}
	seen, err := d.look(ctx, a, have)
	if err != nil {
		return nil, err
	}
	return d.annotate(ctx, a.Name, seen.meta.ResourceVersion, notes)
}

// applyOver applies to what is there. With restarts it is read first: an update that changes no data restarts nothing, unless an earlier one was cut short.
func (d *destination) applyOver(ctx context.Context, a application, uid, at string) (*entry, error) {
	if d.set.Restart {
		before, data, err := d.read(ctx, a.Name)
		switch {
		case isGone(err):
			return nil, d.errorf("patch secrets", a.Name, store.ErrConflict, "it is gone")
		case err != nil:
			return nil, err
		case before.meta.ResourceVersion != at:
			return nil, d.errorf("patch secrets", a.Name, store.ErrConflict, "it was changed meanwhile")
		}
		a.restart = before.pending()
		if !sameData(data, a.data) {
			a.restart = string(a.Versions[0]) + "." + at
		}
		wipe(data)
	}
	return d.apply(ctx, a, uid, at)
}

// apply is the server-side apply of a Secret at that resource version, and what has to follow it.
func (d *destination) apply(ctx context.Context, a application, uid, at string) (*entry, error) {
	notes := d.markNotes(a.Name, a.Mark)
	notes[noteVersion], notes[noteKeys] = string(a.Versions[0]), keysNote(keysOf(a.data))
	if a.made != "" {
		notes[noteMade] = a.made
	}
	if a.restart != "" {
		notes[noteRestart] = a.restart
	}
	meta := map[string]any{
		"name": string(a.Name), "namespace": d.place.Namespace, "resourceVersion": at, "labels": map[string]string{labelManaged: managedBy}, "annotations": notes,
	}
	if uid != "" {
		meta["uid"] = uid // one that was made anew is another, and one that is gone is not made anew
	}
	e, err := d.patch(ctx, a.Name, types.ApplyPatchType, map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": a.typ, "data": a.data})
	if err != nil {
		return nil, err
	}
	return d.finish(ctx, a, e)
}

// finish takes off what an apply leaves: keys that others added, what others said of data as text, a deletion that waited, and restarts that this store does not
// do. Then it restarts what has to be.
func (d *destination) finish(ctx context.Context, a application, e *entry) (*entry, error) {
	body := map[string]any{}
	if extra := e.fields.foreign(); len(extra) > 0 {
		data := map[string]any{}
		for _, k := range extra {
			data[k] = nil
		}
		body["data"] = data
	}
	notes := map[string]any{}
	for _, n := range e.scheduled() {
		notes[n] = nil
	}
	if e.pending() != "" && !d.set.Restart {
		notes[noteRestart] = nil
	}
	meta := map[string]any{"resourceVersion": e.meta.ResourceVersion, "annotations": notes}
	if e.fields.texts { // they would outlive our apply, and nothing tells whether they are later
		managed, err := withoutTexts(e.meta.ManagedFields)
		if err != nil {
			return nil, d.errorf("patch secrets", a.Name, store.ErrUnavailable, "the answer's managed fields can't be read")
		}
		meta["managedFields"] = managed
	}
	if len(body) > 0 || len(notes) > 0 || e.fields.texts {
		body["metadata"] = meta
		var err error
		if e, err = d.patch(ctx, a.Name, types.MergePatchType, body); err != nil {
			return nil, err
		}
	}
	if !a.holds(e) {
		return nil, d.errorf("patch secrets", a.Name, store.ErrUnwritable, "a webhook or policy of the cluster's admission changes the annotations or managed fields that it is known by")
	}
	if change := e.pending(); change != "" {
		return d.restarted(ctx, e, change)
	}
	return e, nil
}

// annotate changes annotations of a Secret at that resource version: nil takes one off.
func (d *destination) annotate(ctx context.Context, name secret.Name, at string, notes map[string]any) (*entry, error) {
	e, err := d.patch(ctx, name, types.MergePatchType, map[string]any{"metadata": map[string]any{"resourceVersion": at, "annotations": notes}})
	if isGone(err) {
		return nil, d.errorf("patch secrets", name, store.ErrConflict, "it is gone")
	}
	return e, err
}
