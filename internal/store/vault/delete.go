package vault

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// The recovery window that a configuration may ask for, in days. Vault keeps what is deleted until somebody destroys it, so that every window is kept.
const (
	minRecovery = 7
	maxRecovery = 30
)

var zeroTime time.Time

// Delete deletes the current version of a copy, so that it can be undeleted. It leaves the time in the mark first: without it nobody could tell later that it
// was us, and it would never be restored. Nothing is ever destroyed, and the metadata stays.
func (d *destination) Delete(ctx context.Context, have secret.Copy, recoveryDays int) error {
	if recoveryDays < minRecovery || recoveryDays > maxRecovery {
		return d.client.invalid("DELETE data", have.Name, store.ErrInvalid, "a recovery window of %d days: want %d to %d", recoveryDays, minRecovery, maxRecovery)
	}
	if !have.Deleted.IsZero() {
		return nil
	}
	if why := d.badName(have.Name); why != "" {
		return d.client.invalid("DELETE data", have.Name, store.ErrBadName, "%s", why)
	}
	at := time.Now().UTC().Format(time.RFC3339)
	err := d.client.patchCustom(ctx, have.Name, have.Mark, map[string]*string{keyDeleting: &at})
	switch {
	case errors.Is(err, store.ErrConflict):
		if _, gone := d.client.stat(ctx, have.Name); errors.Is(gone, store.ErrNotFound) {
			return nil
		}
		return err
	case err != nil:
		return err
	case have.Version == "":
		return nil // there is no value to delete
	}
	_, err = d.client.do(ctx, call{op: "DELETE data", name: have.Name, method: http.MethodDelete, path: d.client.path("data", have.Name), capability: "delete"})
	if err != nil {
		// The mark must not stay on what lives, or somebody else's deletion would pass for ours. Should this fail too, the next write takes it off.
		_ = d.client.patchCustom(ctx, have.Name, have.Mark, map[string]*string{keyDeleting: nil})
	}
	return err
}

// undelete takes the deletion of the current version back.
func (d *destination) undelete(ctx context.Context, now *entry) error {
	body, err := json.Marshal(map[string]any{"versions": []int{now.number}})
	if err != nil {
		return d.client.invalid("POST undelete", now.name, store.ErrInvalid, "its version is no number")
	}
	a, err := d.client.do(ctx, call{
		op: "POST undelete", name: now.name, method: http.MethodPost, path: d.client.path("undelete", now.name), capability: "update", body: body,
	})
	if err == nil && a.missing {
		err = d.client.invalid("POST undelete", now.name, store.ErrConflict, "it is gone")
	}
	now.deleted = zeroTime
	return err
}
