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

// errNotHeld says that the version that AWSCURRENT was to be moved to is not held any more.
var errNotHeld = errors.New("the version is not held any more")

// value makes the current version one of w.Versions, and returns which.
//
//	the wanted version is …                    then
//	current, but not by us                     one PutSecretValue, which changes nothing and proves that it holds the value
//	held, and known to be ours                 one UpdateSecretVersionStage; where that is denied, the next generation is put
//	held otherwise, or not held                one PutSecretValue
//	there after all, and did not get the label UpdateSecretVersionStage; where that is denied, the next generation is put
//	in use with another value                  the next generation is put
func (d *destination) value(ctx context.Context, w store.Write, now *secret.Copy) (generation int, err error) {
	if slices.Contains(w.Versions, now.Version) {
		return d.confirm(ctx, w, now)
	}
	for g, v := range w.Versions {
		if !slices.Contains(now.Held, v) {
			continue
		}
		if v != now.Previous && v != now.Labelled && v != now.Mark.First {
			return d.put(ctx, w, now, g) // somebody gave it a label: whether it holds the value has to be proved
		}
		switch err := d.move(ctx, w, now, v); {
		case err == nil:
			return g, nil
		case errors.Is(err, errNotHeld):
			return d.put(ctx, w, now, g)
		case errors.Is(err, store.ErrNotPermitted) && g+1 < len(w.Versions):
			return d.put(ctx, w, now, g+1)
		default:
			return 0, err
		}
	}
	return d.put(ctx, w, now, 0)
}

// confirm makes sure that the current version, which has one of the ids of w, holds the value of w: putting it again changes nothing if so, and is
// refused if not. Then the value is written under the next generation.
func (d *destination) confirm(ctx context.Context, w store.Write, now *secret.Copy) (generation int, err error) {
	g := slices.Index(w.Versions, now.Version)
	if _, err := d.putOnce(ctx, w, now.Version); !errors.Is(err, store.ErrConflict) {
		return g, err
	}
	return d.put(ctx, w, now, g+1)
}

// put writes the value under the first of w.Versions, from a generation on, that takes it and becomes the current one.
func (d *destination) put(ctx context.Context, w store.Write, now *secret.Copy, from int) (generation int, err error) {
	denied := error(nil)
	for g := from; g < len(w.Versions); g++ {
		v := w.Versions[g]
		labels, err := d.putOnce(ctx, w, v)
		switch {
		case errors.Is(err, store.ErrConflict):
			continue // in use with another value
		case errors.Is(err, store.ErrNotFound):
			return 0, d.client.Errorf("PutSecretValue", w.Name, store.ErrConflict, "it is gone")
		case err != nil:
			return 0, err
		}
		if slices.Contains(labels, labelCurrent) {
			previous := now.Version
			now.Version, now.Previous, now.Held = v, previous, heldAfter(v, previous)
			if slices.Contains(labels, labelOurs) {
				now.Labelled = v
			}
			return g, nil
		}
		switch err := d.move(ctx, w, now, v); {
		case err == nil:
			return g, nil
		case errors.Is(err, store.ErrNotPermitted):
			denied = err
		case errors.Is(err, errNotHeld):
			return 0, d.client.Errorf("UpdateSecretVersionStage", w.Name, store.ErrConflict, "its versions change meanwhile")
		default:
			return 0, err
		}
	}
	if denied != nil {
		return 0, denied
	}
	return 0, &store.Error{
		Op: "PutSecretValue", Name: w.Name, Place: d.client.At, Kind: store.ErrCollision,
		Help: "other tools wrote other values under the ids that this version may have; write the source again to get a new one",
	}
}

// putOnce puts the value under one id and returns the labels that this version has then.
func (d *destination) putOnce(ctx context.Context, w store.Write, v secret.Version) (labels []string, err error) {
	in := &api.PutSecretValueInput{
		SecretId: aws.String(string(w.Name)), ClientRequestToken: aws.String(string(v)), VersionStages: []string{labelCurrent, labelOurs},
	}
	in.SecretString, in.SecretBinary = material(w.Value)
	out, err := d.client.api.PutSecretValue(ctx, in)
	if err != nil {
		return nil, d.client.Fail("PutSecretValue", w.Name, err)
	}
	return out.VersionStages, nil
}

// move moves AWSCURRENT to v, from where it was last seen. Where it is not there any more, nothing happens: if it has come to one of w.Versions meanwhile,
// that is as good; if not, it is ErrConflict. errNotHeld says that v is gone.
func (d *destination) move(ctx context.Context, w store.Write, now *secret.Copy, v secret.Version) error {
	in := &api.UpdateSecretVersionStageInput{SecretId: aws.String(string(w.Name)), VersionStage: aws.String(labelCurrent), MoveToVersionId: aws.String(string(v))}
	if now.Version != "" {
		in.RemoveFromVersionId = aws.String(string(now.Version))
	}
	_, err := d.client.api.UpdateSecretVersionStage(ctx, in)
	if err == nil {
		now.Version, now.Previous, now.Held = v, now.Version, heldAfter(append(now.Held, v, now.Version)...)
		return nil
	}
	err = d.client.Fail("UpdateSecretVersionStage", w.Name, err)
	if !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	seen, statErr := d.Stat(ctx, w.Name)
	switch {
	case statErr != nil:
		return err
	case slices.Contains(w.Versions, seen.Version):
		now.Version, now.Previous, now.Labelled, now.Held = seen.Version, seen.Previous, seen.Labelled, seen.Held
		return nil
	case seen.Version != now.Version:
		return d.client.Errorf("UpdateSecretVersionStage", w.Name, store.ErrConflict, "somebody else has moved AWSCURRENT meanwhile")
	case !slices.Contains(seen.Held, v):
		return errNotHeld
	}
	return err
}

// heldAfter returns the versions as Copy.Held has them: sorted, each once, the empty one left out.
func heldAfter(versions ...secret.Version) []secret.Version {
	all := slices.DeleteFunc(slices.Clone(versions), func(v secret.Version) bool { return v == "" })
	slices.Sort(all)
	return slices.Compact(all)
}
