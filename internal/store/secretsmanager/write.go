package secretsmanager

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Write makes a copy as w says. What is done, in this order, and only where it is needed:
//
//	not there            one CreateSecret
//	scheduled, Restore   RestoreSecret
//	another's mark       TagResource: what is ours is marked before it is written, so that an interrupted adoption is finished, not refused
//	another key          UpdateSecret: no value is written under a key that is not wanted
//	another version      PutSecretValue, or UpdateSecretVersionStage where the wanted one is held
//	the version, but not written by us: PutSecretValue proves that it holds the value, or makes the next generation
//	another description  UpdateSecret
//	tags missing         TagResource
//	stale deleting mark  UntagResource
func (d *destination) Write(ctx context.Context, w store.Write) (secret.Copy, error) {
	c, err := d.write(ctx, w)
	return c, withhold(err, w.Value)
}

func (d *destination) write(ctx context.Context, w store.Write) (secret.Copy, error) {
	if err := d.checkValue(w); err != nil {
		return secret.Copy{}, err
	}
	if w.Have == nil {
		return d.create(ctx, w)
	}
	return d.update(ctx, w, *w.Have)
}

func (d *destination) create(ctx context.Context, w store.Write) (secret.Copy, error) {
	if w.Value.IsZero() || len(w.Versions) == 0 {
		return secret.Copy{}, d.client.Errorf("CreateSecret", w.Name, store.ErrInvalid, "there is no value to create it with")
	}
	mark := w.Mark
	mark.Source = secret.Identity(mark.Source.Tag())
	mark.First = w.Versions[0]
	tags := markTags(mark)
	for k, v := range w.Tags {
		if !isMark(k) {
			tags[k] = v
		}
	}
	in := &api.CreateSecretInput{Name: aws.String(string(w.Name)), ClientRequestToken: aws.String(string(w.Versions[0])), Tags: tagList(tags)}
	if w.Description != "" {
		in.Description = &w.Description
	}
	if w.Key != "" {
		in.KmsKeyId = aws.String(string(w.Key))
	}
	in.SecretString, in.SecretBinary = material(w.Value)
	_, err := d.client.api.CreateSecret(ctx, in)
	if err != nil {
		err = d.client.Fail("CreateSecret", w.Name, err)
		if errors.Is(err, store.ErrConflict) {
			return d.exists(ctx, w, err)
		}
		return secret.Copy{}, err
	}
	c := secret.Copy{
		Name: w.Name, Mark: mark, Version: mark.First, Held: []secret.Version{mark.First},
		Description: w.Description, Tags: withoutMarks(tags), Key: keyOf(aws.String(string(w.Key))),
	}
	c.Revision = revision(&c)
	return c, nil
}

// exists decides what it means that a secret that was to be created is there: a creation of ours whose answer got lost, or another run's, is taken as done;
// anything else is a conflict.
func (d *destination) exists(ctx context.Context, w store.Write, conflict error) (secret.Copy, error) {
	c, err := d.Stat(ctx, w.Name)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return secret.Copy{}, conflict
		}
		return secret.Copy{}, err
	}
	switch {
	case !c.Deleted.IsZero():
		return secret.Copy{}, d.client.Errorf("CreateSecret", w.Name, store.ErrScheduled, "a secret of this name waits for its deletion")
	case c.Mark.Owner != w.Mark.Owner || c.Mark.Source != secret.Identity(w.Mark.Source.Tag()):
		return secret.Copy{}, d.client.Errorf("CreateSecret", w.Name, store.ErrConflict, "somebody else has created it meanwhile")
	case !slices.Contains(w.Versions, c.Version):
		return secret.Copy{}, d.client.Errorf("CreateSecret", w.Name, store.ErrConflict, "another run has created it meanwhile, with another version")
	}
	// The id alone does not say that the value is ours.
	switch generation, err := d.confirm(ctx, w, &c); {
	case errors.Is(err, store.ErrNotPermitted):
	case err != nil:
		return secret.Copy{}, err
	case generation > 0:
		if err := d.tag(ctx, w, &c, generation); err != nil {
			return secret.Copy{}, err
		}
	}
	return d.update(ctx, w, c)
}

// update leads from have to what w says.
func (d *destination) update(ctx context.Context, w store.Write, have secret.Copy) (secret.Copy, error) {
	switch {
	case have.Unwritable != "":
		return secret.Copy{}, d.client.Errorf("PutSecretValue", w.Name, store.ErrInvalid, "%s", have.Unwritable)
	case !have.Deleted.IsZero() && !w.Restore:
		return secret.Copy{}, d.client.Errorf("PutSecretValue", w.Name, store.ErrScheduled, "it waits for its deletion")
	}
	now := have
	now.Tags, now.Held = maps.Clone(have.Tags), slices.Clone(have.Held)
	generation := now.Mark.Generation
	foreign := have.Mark.Owner != w.Mark.Owner || have.Mark.Source != secret.Identity(w.Mark.Source.Tag())
	steps := []struct {
		needed func() bool
		do     func() error
	}{
		{func() bool { return w.Restore }, func() error { return d.restore(ctx, &now) }},
		{func() bool { return foreign }, func() error { return d.tag(ctx, w, &now, generation) }},
		{func() bool { return d.KeyDiffers(ctx, now.Key, w.Key) }, func() error { return d.updateSecret(ctx, w, &now, true) }},
		{func() bool {
			return !w.Value.IsZero() && !(slices.Contains(w.Versions, now.Version) && now.WrittenByUs())
		}, func() (err error) {
			generation, err = d.value(ctx, w, &now)
			if err == nil && !now.WrittenByUs() {
				w.Mark.First = now.Version // made current without our label: the mark says that it was us
			}
			return err
		}},
		{func() bool { return now.Description != w.Description }, func() error { return d.updateSecret(ctx, w, &now, false) }},
		{func() bool { return true }, func() error { return d.tag(ctx, w, &now, generation) }},
		{func() bool { return !now.Mark.Deleting.IsZero() }, func() error { return d.untag(ctx, &now) }},
	}
	for _, s := range steps {
		if !s.needed() {
			continue
		}
		if err := s.do(); err != nil {
			return secret.Copy{}, err
		}
	}
	now.Revision = revision(&now)
	return now, nil
}

// material returns a value as the API wants it: one of the two is set.
func material(v secret.Value) (text *string, binary []byte) {
	if v.IsBinary() {
		return nil, v.Reveal()
	}
	return aws.String(string(v.Reveal())), nil
}
