package secretsmanager

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Every change looks at the secret first, and makes one call, or two. Moving AWSCURRENT is conditional: AWS asks for the version that it moves from.
//
//	broken off after …           the secret is …                          and what follows
//	PutSecretValue               pending                                  the rotation is resumed
//	AWSCURRENT was moved         done: AWSPENDING on AWSCURRENT is none   Promote takes AWSPENDING off, or the next proposal moves it
//
// AWSPENDING is moved without a condition by PutSecretValue. Where two propose different versions at the same moment, the later one is pending, and the other's
// Promote is ErrConflict.

// Propose puts the value with the one stage AWSPENDING. A version that Secrets Manager made for its own rotation, without a value, is given it.
func (r *rotation) Propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	return withhold(r.propose(ctx, now, v, value), value)
}

func (r *rotation) propose(ctx context.Context, now store.Stages, v secret.Version, value secret.Value) error {
	name := now.Meta.Name
	if now.Current == "" || value.IsZero() {
		return r.Errorf("PutSecretValue", name, store.ErrInvalid, "it has no value: the first one would be current at once")
	}
	if err := (&destination{r.client}).checkValue(store.Write{Name: name, Value: value}); err != nil {
		return err
	}
	seen, err := r.look(ctx, now)
	switch {
	case err != nil:
		return err
	case seen.Current != now.Current:
		return r.overtaken("PutSecretValue", now, seen)
	case seen.Pending != "" && seen.Pending != v:
		return r.Errorf("PutSecretValue", name, store.ErrConflict, "version %s is pending", seen.Pending)
	}
	in := &api.PutSecretValueInput{SecretId: aws.String(string(name)), ClientRequestToken: aws.String(string(v)), VersionStages: []string{labelPending}}
	in.SecretString, in.SecretBinary = material(value)
	if !r.proof.IsZero() {
		in.RotationToken = aws.String(string(r.proof.Reveal()))
	}
	out, err := r.api.PutSecretValue(ctx, in)
	if err != nil {
		err = withhold(r.Fail("PutSecretValue", name, err), r.proof)
		if errors.Is(err, store.ErrConflict) {
			return &store.Error{Op: "PutSecretValue", Name: name, Place: r.At, Kind: store.ErrCollision, Code: "ResourceExistsException"}
		}
		return err
	}
	if !slices.Contains(out.VersionStages, labelPending) { // it was there, and had been withdrawn
		return &store.Error{Op: "PutSecretValue", Name: name, Place: r.At, Kind: store.ErrCollision}
	}
	return nil
}

// Recall moves AWSPENDING to the version that has AWSPREVIOUS.
func (r *rotation) Recall(ctx context.Context, now store.Stages, _ secret.Version) (secret.Version, error) {
	name := now.Meta.Name
	if now.Previous == "" {
		return "", r.Errorf("UpdateSecretVersionStage", name, store.ErrNotFound, "it has no previous version")
	}
	e, err := r.entryOf(ctx, now)
	if err != nil {
		return "", err
	}
	seen := e.stages(r.At.Region)
	switch {
	case seen.Pending == now.Previous && seen.Current == now.Current:
		return now.Previous, nil
	case seen.Current != now.Current || seen.Previous != now.Previous:
		return "", r.overtaken("UpdateSecretVersionStage", now, seen)
	case seen.Pending != "":
		return "", r.Errorf("UpdateSecretVersionStage", name, store.ErrConflict, "version %s is pending", seen.Pending)
	}
	if err := r.move(ctx, name, labelPending, e.labelled(labelPending), now.Previous); err != nil {
		after, lookErr := r.look(ctx, now)
		if lookErr != nil || after.Pending != now.Previous {
			return "", r.lost(err, now, after, lookErr)
		}
	}
	return now.Previous, nil
}

// Promote moves AWSCURRENT, which makes what had it AWSPREVIOUS, and takes AWSPENDING off.
func (r *rotation) Promote(ctx context.Context, now store.Stages) (secret.Version, error) {
	name := now.Meta.Name
	if now.Pending == "" {
		return "", r.Errorf("UpdateSecretVersionStage", name, store.ErrInvalid, "no version is pending")
	}
	e, err := r.entryOf(ctx, now)
	if err != nil {
		return "", err
	}
	holder := e.labelled(labelPending)
	switch seen := e.stages(r.At.Region); {
	case seen.Current == now.Pending: // it was promoted before
	case seen.Current != now.Current:
		return "", r.overtaken("UpdateSecretVersionStage", now, seen)
	case seen.Pending != now.Pending:
		return "", r.Errorf("UpdateSecretVersionStage", name, store.ErrConflict, "version %s is pending no longer", now.Pending)
	default:
		if err := r.move(ctx, name, labelCurrent, now.Current, now.Pending); err != nil {
			after, lookErr := r.look(ctx, now)
			if lookErr != nil || after.Current != now.Pending {
				return "", r.lost(err, now, after, lookErr)
			}
		}
	}
	if holder != now.Pending {
		return now.Pending, nil
	}
	return now.Pending, r.unlabel(ctx, now)
}

// Withdraw takes AWSPENDING off. The version stays until AWS drops it, as every one without a stage.
func (r *rotation) Withdraw(ctx context.Context, now store.Stages) error {
	seen, err := r.look(ctx, now)
	if err != nil || now.Pending == "" || seen.Pending != now.Pending {
		return err
	}
	return r.unlabel(ctx, now)
}

// unlabel takes AWSPENDING off the pending version. That it is not there any more is as good.
func (r *rotation) unlabel(ctx context.Context, now store.Stages) error {
	err := r.move(ctx, now.Meta.Name, labelPending, now.Pending, "")
	if errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrNotFound) {
		if e, lookErr := r.entryOf(ctx, now); lookErr == nil && e.labelled(labelPending) != now.Pending {
			return nil
		}
	}
	return err
}

// move moves a stage. Empty: from none, or to none.
func (r *rotation) move(ctx context.Context, name secret.Name, stage string, from, to secret.Version) error {
	in := &api.UpdateSecretVersionStageInput{SecretId: aws.String(string(name)), VersionStage: &stage}
	if from != "" {
		in.RemoveFromVersionId = aws.String(string(from))
	}
	if to != "" {
		in.MoveToVersionId = aws.String(string(to))
	}
	if _, err := r.api.UpdateSecretVersionStage(ctx, in); err != nil {
		return r.Fail("UpdateSecretVersionStage", name, err)
	}
	return nil
}

// look returns how the secret is, without when its version was made.
func (r *rotation) look(ctx context.Context, now store.Stages) (store.Stages, error) {
	e, err := r.entryOf(ctx, now)
	if err != nil {
		return store.Stages{}, err
	}
	return e.stages(r.At.Region), nil
}

func (r *rotation) entryOf(ctx context.Context, now store.Stages) (entry, error) {
	e, err := r.describe(ctx, now.Meta.Name)
	if err == nil && !e.deleted.IsZero() {
		err = r.Errorf("DescribeSecret", now.Meta.Name, store.ErrScheduled, "it waits for its deletion")
	}
	return e, err
}

// lost decides what it means that a stage could not be moved: store.ErrConflict where another look shows that somebody else moved one.
func (r *rotation) lost(err error, now, seen store.Stages, lookErr error) error {
	if lookErr == nil && (seen.Current != now.Current || now.Pending != "" && seen.Pending != now.Pending) {
		return r.overtaken("UpdateSecretVersionStage", now, seen)
	}
	return err
}

func (r *rotation) overtaken(op string, now, seen store.Stages) error {
	if seen.Current == now.Current {
		return r.Errorf(op, now.Meta.Name, store.ErrConflict, "its stages were moved meanwhile")
	}
	return r.Errorf(op, now.Meta.Name, store.ErrConflict, "version %s is current by now", seen.Current)
}
