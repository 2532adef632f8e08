package kubernetes

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// The recovery window, in days: the same as that of Secrets Manager.
const (
	minRecovery = 7
	maxRecovery = 30
	day         = 24 * time.Hour
)

// Delete deletes a copy in two steps, as Kubernetes has no recovery window. The first writes into annotations when the deletion began and when the window ends,
// by the server's clock; the data stays and can be used. Once that time has passed the copy is Expired, and the second removes it, if it is still as it was seen.
func (d *destination) Delete(ctx context.Context, have secret.Copy, recoveryDays int) error {
	switch {
	case recoveryDays < minRecovery || recoveryDays > maxRecovery:
		return d.errorf("delete secrets", have.Name, store.ErrInvalid, "a recovery window of %d days: want %d to %d", recoveryDays, minRecovery, maxRecovery)
	case have.Expired:
		return d.remove(ctx, have)
	case !have.Deleted.IsZero():
		return nil
	case have.Mark.IsZero():
		return d.errorf("delete secrets", have.Name, store.ErrInvalid, "it carries no mark of ours")
	}
	return d.schedule(ctx, have, time.Duration(recoveryDays)*day)
}

// schedule looks once more, which also tells the time.
func (d *destination) schedule(ctx context.Context, have secret.Copy, window time.Duration) error {
	seen, err := d.stat(ctx, have.Name)
	switch {
	case isGone(err):
		return nil
	case err != nil:
		return err
	case seen.revision() != have.Revision:
		return d.errorf("patch secrets", have.Name, store.ErrConflict, "it was changed meanwhile")
	case seen.seen.IsZero():
		return d.errorf("get secrets", have.Name, store.ErrUnavailable, "the answer does not tell the time, which the recovery window begins at")
	}
	began := seen.seen.UTC().Truncate(time.Second)
	_, err = d.annotate(ctx, have.Name, seen.meta.ResourceVersion, map[string]any{
		noteDeleting: began.Format(time.RFC3339), noteDeleteAfter: began.Add(window).Format(time.RFC3339),
	})
	return err
}

// remove removes what is expired, after another look: a mark, data or a restoration that came since keeps it.
func (d *destination) remove(ctx context.Context, have secret.Copy) error {
	seen, err := d.stat(ctx, have.Name)
	switch {
	case isGone(err):
		return nil
	case err != nil:
		return err
	}
	if c := seen.copy(""); !c.Expired || c.Revision != have.Revision || c.Mark != have.Mark {
		return d.errorf("delete secrets", have.Name, store.ErrConflict, "it was changed meanwhile")
	}
	uid, at := seen.meta.UID, seen.meta.ResourceVersion
	return d.removeExactly(ctx, have.Name, uid, at)
}

// removeExactly deletes a Secret if it is that very one, at that resource version.
func (d *destination) removeExactly(ctx context.Context, name secret.Name, uid types.UID, resourceVersion string) error {
	err := d.secrets().Delete(ctx, string(name), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &resourceVersion}})
	if err == nil {
		return nil
	}
	if err = d.fail("delete", ofSecret, name, err); isGone(err) {
		return nil
	}
	return err
}
