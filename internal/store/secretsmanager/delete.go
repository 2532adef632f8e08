package secretsmanager

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// The recovery window that AWS allows, in days.
const (
	minRecovery = 7
	maxRecovery = 30
)

// Delete schedules the deletion of a copy. It leaves the time in a tag first: without that mark nobody could tell later that it was us, and it would never be restored.
func (d *destination) Delete(ctx context.Context, have secret.Copy, recoveryDays int) error {
	if recoveryDays < minRecovery || recoveryDays > maxRecovery {
		return d.client.Errorf("DeleteSecret", have.Name, store.ErrInvalid, "a recovery window of %d days: want %d to %d", recoveryDays, minRecovery, maxRecovery)
	}
	if !have.Deleted.IsZero() {
		return nil
	}
	id := aws.String(string(have.Name))
	at := types.Tag{Key: aws.String(tagDeleting), Value: aws.String(time.Now().UTC().Format(time.RFC3339))}
	if _, err := d.client.api.TagResource(ctx, &api.TagResourceInput{SecretId: id, Tags: []types.Tag{at}}); err != nil {
		return gone(d.client.Fail("TagResource", have.Name, err))
	}
	if _, err := d.client.api.DeleteSecret(ctx, &api.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(int64(recoveryDays))}); err != nil {
		failed := gone(d.client.Fail("DeleteSecret", have.Name, err))
		if failed != nil {
			// The mark must not stay on what lives, or somebody else's deletion would pass for ours. Should this fail too, the next run takes it off.
			_ = d.untag(ctx, &have)
		}
		return failed
	}
	return nil
}

// gone forgives the errors that say that it is deleted or scheduled already.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrScheduled) {
		return nil
	}
	return err
}

// restore takes a scheduled deletion back. Restoring what lives changes nothing.
func (d *destination) restore(ctx context.Context, now *secret.Copy) error {
	if _, err := d.client.api.RestoreSecret(ctx, &api.RestoreSecretInput{SecretId: aws.String(string(now.Name))}); err != nil {
		err = d.client.Fail("RestoreSecret", now.Name, err)
		if errors.Is(err, store.ErrNotFound) {
			return d.client.Errorf("RestoreSecret", now.Name, store.ErrConflict, "it is gone: its recovery window has ended")
		}
		return err
	}
	now.Deleted = time.Time{}
	return nil
}
