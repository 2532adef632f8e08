package parameterstore

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// The recovery window, in days: the same as that of Secrets Manager.
const (
	minRecovery = 7
	maxRecovery = 30
	day         = 24 * time.Hour
)

// Delete deletes a copy in two steps, as Parameter Store has no recovery window of its own. The first writes into the mark when the deletion began and when the window
// ends, by AWS's clock; the value stays readable. Once that time has passed the copy is Expired, and the second removes it, if it is still as it was seen.
func (d *destination) Delete(ctx context.Context, have secret.Copy, recoveryDays int) error {
	switch {
	case recoveryDays < minRecovery || recoveryDays > maxRecovery:
		return d.client.Errorf("DeleteParameter", have.Name, store.ErrInvalid, "a recovery window of %d days: want %d to %d", recoveryDays, minRecovery, maxRecovery)
	case have.Expired:
		return gone(d.remove(ctx, have))
	case !have.Deleted.IsZero():
		return nil
	case have.Mark.IsZero():
		return d.client.Errorf("DeleteParameter", have.Name, store.ErrInvalid, "it carries no mark of ours")
	case have.Unwritable != "":
		return d.client.Errorf("DeleteParameter", have.Name, store.ErrInvalid, "%s", have.Unwritable)
	}
	return gone(d.schedule(ctx, have, time.Duration(recoveryDays)*day))
}

func (d *destination) schedule(ctx context.Context, have secret.Copy, window time.Duration) error {
	number, advanced, _ := parseRevision(have.Revision)
	found, now, err := d.present(ctx, have.Name, number)
	if err != nil {
		return err
	}
	if now.IsZero() {
		return d.client.Errorf("GetParameter", have.Name, store.ErrUnavailable, "the answer does not tell the time, which the recovery window begins at")
	}
	p := put{name: have.Name, value: textOf(found), mark: mark{Mark: have.Mark, version: have.Version}, key: have.Key, advanced: advanced, kept: true}
	defer p.value.Wipe()
	p.mark.Deleting = now.UTC().Truncate(time.Second)
	p.mark.until = p.mark.Deleting.Add(window)
	_, err = d.put(ctx, p, number)
	return withhold(err, p.value)
}

// remove removes what is expired, after another look: a mark, a value or a restoration that came since keeps it.
func (d *destination) remove(ctx context.Context, have secret.Copy) error {
	now, err := d.Stat(ctx, have.Name)
	if err != nil {
		return err
	}
	if !now.Expired || now.Revision != have.Revision || now.Mark != have.Mark {
		return d.client.Errorf("DeleteParameter", have.Name, store.ErrConflict, "it was changed meanwhile")
	}
	if _, err := d.client.api.DeleteParameter(ctx, &api.DeleteParameterInput{Name: aws.String(string(have.Name))}); err != nil {
		return d.client.Fail("DeleteParameter", have.Name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.latest, have.Name) // numbers begin at 1 again
	return nil
}

// gone forgives the error that says that it is deleted already.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
