package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// post writes a version, if the current one has that number; errCAS if not. The answer tells the mark too: store.ErrConflict where it is not that of w, as
// when somebody has made the secret anew up to the same number. The value that was there is then the version before.
func (d *destination) post(ctx context.Context, w *store.Write, data json.RawMessage, current int) (number int, created string, attempts int, err error) {
	name := w.Name
	head := fmt.Sprintf(`{"options":{"cas":%d},"data":`, current)
	body := make([]byte, 0, len(head)+len(data)+1)
	body = append(append(append(body, head...), data...), '}') // as it is: an encoder would change it
	a, err := d.client.do(ctx, call{
		op: "POST data", name: name, method: http.MethodPost, path: d.client.path("data", name), capability: "create and update", body: body, secret: true,
	})
	if err != nil {
		return 0, "", a.attempts, err
	}
	number, created, custom, err := written(a.body)
	switch {
	case err != nil:
		return 0, "", a.attempts, d.client.invalid("POST data", name, store.ErrUnavailable, "%w", err)
	case custom != nil && !sameMark(markOf(*custom), w.Mark):
		return 0, "", a.attempts, d.client.invalid("POST data", name, store.ErrConflict, "its mark was changed meanwhile, and version %d was written; version %d is what was there", number, number-1)
	}
	return number, created, a.attempts, nil
}

// value makes the current version hold the value of w. With look, which is for a version that we did not write, it is read first where the policy allows
// that: if it holds the value already, nothing is written. Where the version is not the one that was seen, what is there decides:
//
//	one of w.Versions, with our mark   somebody has written it for us, or our answer was lost: taken as done
//	another, with the very value       our answer was lost before the mark was written: taken as done, and marked
//	anything else                      store.ErrConflict
func (d *destination) value(ctx context.Context, w store.Write, data json.RawMessage, now *entry, look bool) error {
	if look && now.number > 0 && now.noValue() == "" {
		switch done, err := d.holds(ctx, w, now); {
		case done:
			return nil
		case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrThrottled), errors.Is(err, store.ErrCredentials), ctx.Err() != nil:
			return err
		}
	}
	number, created, _, err := d.post(ctx, &w, data, now.number)
	if err == nil {
		now.number, now.created, now.deleted, now.destroyed = number, created, zeroTime, false
		return nil
	}
	if !errors.Is(err, errCAS) {
		return err
	}
	conflict := func(why string) error {
		return d.client.invalid("POST data", w.Name, store.ErrConflict, "%s", why)
	}
	seen, err := d.client.stat(ctx, w.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return conflict("it is gone")
	case err != nil:
		return err
	case !sameMark(markOf(seen.custom), w.Mark):
		return conflict("its mark was changed meanwhile")
	case seen.noValue() != "":
		return conflict(seen.noValue())
	case slices.Contains(w.Versions, token(seen.custom, seen.number)):
		*now = seen
		return nil
	}
	if done, _ := d.holds(ctx, w, &seen); done {
		*now = seen
		return nil
	}
	return conflict("its value was changed meanwhile")
}

// holds reports whether the current version holds the value of w, and takes note of which that is.
func (d *destination) holds(ctx context.Context, w store.Write, now *entry) (bool, error) {
	r, err := d.client.read(ctx, w.Name)
	if err != nil || !d.Same(w.Value, r.value) {
		return false, err
	}
	now.number, now.created = r.number, r.created
	return true, nil
}

// apply writes the changes of custom metadata that are not there yet: nil removes a key. What nobody names stays.
func (d *destination) apply(ctx context.Context, now *entry, changes map[string]*string) error {
	needed := map[string]*string{}
	for k, v := range changes {
		if old, ok := now.custom[k]; v == nil && ok || v != nil && (!ok || old != *v) {
			needed[k] = v
		}
	}
	if len(needed) == 0 {
		return nil
	}
	if err := d.client.patchCustom(ctx, now.name, markOf(now.custom), needed); err != nil {
		return err
	}
	now.custom = merged(now.custom, needed)
	return nil
}

func merged(custom map[string]string, changes map[string]*string) map[string]string {
	all := make(map[string]string, len(custom)+len(changes))
	maps.Copy(all, custom)
	for k, v := range changes {
		if v == nil {
			delete(all, k)
		} else {
			all[k] = *v
		}
	}
	return all
}

// patchCustom changes keys of custom metadata and leaves the others, and every setting of the secret, as they are. Where PATCH is denied or unknown, the
// metadata is read and written, which is refused if its mark is not the expected one any more.
func (c *client) patchCustom(ctx context.Context, name secret.Name, expected secret.Mark, changes map[string]*string) error {
	gone := c.invalid("PATCH metadata", name, store.ErrConflict, "it is gone")
	if !c.unpatchy.Load() {
		body, err := json.Marshal(map[string]any{"custom_metadata": changes})
		if err != nil {
			return c.invalid("PATCH metadata", name, store.ErrInvalid, "its tags are not text")
		}
		a, err := c.do(ctx, call{
			op: "PATCH metadata", name: name, method: http.MethodPatch, path: c.path("metadata", name), capability: "patch", body: body, patch: true,
		})
		switch {
		case err == nil && a.missing:
			return gone
		case err == nil:
			return nil
		case !errors.Is(err, store.ErrNotPermitted) && codeOf(err) != http.StatusMethodNotAllowed:
			return err
		}
		c.unpatchy.Store(true)
	}
	e, err := c.stat(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return gone
	case err != nil:
		return err
	case !sameMark(markOf(e.custom), expected):
		return c.invalid("POST metadata", name, store.ErrConflict, "its mark was changed meanwhile")
	}
	return c.postCustom(ctx, name, merged(e.custom, changes))
}

// postCustom replaces the custom metadata, and creates the secret, without a version, where there is none.
func (c *client) postCustom(ctx context.Context, name secret.Name, custom map[string]string) error {
	body, err := json.Marshal(map[string]any{"custom_metadata": custom})
	if err != nil {
		return c.invalid("POST metadata", name, store.ErrInvalid, "its tags are not text")
	}
	_, err = c.do(ctx, call{
		op: "POST metadata", name: name, method: http.MethodPost, path: c.path("metadata", name), capability: "create and update", body: body,
	})
	return err
}
