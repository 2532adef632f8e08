package secretsmanager

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// tag writes what is missing of the mark and of the wanted tags, or differs, in one call; no call where nothing is.
func (d *destination) tag(ctx context.Context, w store.Write, now *secret.Copy, generation int) error {
	mark := w.Mark
	mark.Source = secret.Identity(mark.Source.Tag())
	mark.Generation = generation
	if mark.First == "" {
		mark.First = now.Mark.First
	}
	mark.Deleting = now.Mark.Deleting
	there := markTags(now.Mark)
	diff := map[string]string{}
	for k, v := range markTags(mark) {
		if there[k] != v {
			diff[k] = v
		}
	}
	for k, v := range w.Tags {
		if old, ok := now.Tags[k]; !isMark(k) && (!ok || old != v) {
			diff[k] = v
		}
	}
	if len(diff) == 0 {
		return nil
	}
	_, err := d.client.api.TagResource(ctx, &api.TagResourceInput{SecretId: aws.String(string(w.Name)), Tags: tagList(diff)})
	if err != nil {
		return d.client.Fail("TagResource", w.Name, err)
	}
	now.Mark = mark
	for k, v := range diff {
		if isMark(k) {
			continue
		}
		if now.Tags == nil {
			now.Tags = map[string]string{}
		}
		now.Tags[k] = v
	}
	return nil
}

// untag takes the mark of a deletion off a copy that lives.
func (d *destination) untag(ctx context.Context, now *secret.Copy) error {
	_, err := d.client.api.UntagResource(ctx, &api.UntagResourceInput{SecretId: aws.String(string(now.Name)), TagKeys: []string{tagDeleting}})
	if err != nil {
		return d.client.Fail("UntagResource", now.Name, err)
	}
	now.Mark.Deleting = secret.Mark{}.Deleting
	return nil
}

// updateSecret writes the description if it differs, and the key if withKey. It never carries a value.
func (d *destination) updateSecret(ctx context.Context, w store.Write, now *secret.Copy, withKey bool) error {
	in := &api.UpdateSecretInput{SecretId: aws.String(string(w.Name))}
	if now.Description != w.Description {
		in.Description = &w.Description
	}
	if withKey {
		in.KmsKeyId = aws.String(defaultKey)
		if w.Key != "" {
			in.KmsKeyId = aws.String(string(w.Key))
		}
	}
	if _, err := d.client.api.UpdateSecret(ctx, in); err != nil {
		return d.client.Fail("UpdateSecret", w.Name, err)
	}
	now.Description = w.Description
	if withKey {
		now.Key = keyOf(in.KmsKeyId)
	}
	return nil
}

// tagList returns tags as the API wants them, sorted, so that the same request is the same bytes.
func tagList(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}
