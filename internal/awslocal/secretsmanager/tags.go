package secretsmanager

import (
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

func checkTags(c *checks, tags []tag) {
	for _, t := range tags {
		c.length("tags", &t.Key, 1, 128)
		c.length("tags", &t.Value, 0, 256)
	}
}

// tagsAllowed says whether tags may be set on a secret that then has that many.
func tagsAllowed(tags []tag, total int) *service.Error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return invalidParameter("Tag keys that start with aws: are reserved. You can't use them.")
		}
		if seen[t.Key] {
			return invalidParameter("You can't use the same tag key more than once: %s", t.Key)
		}
		seen[t.Key] = true
	}
	if total > maxTags {
		return invalidParameter("You can't attach more than %d tags to a secret.", maxTags)
	}
	return nil
}

type tagInput struct {
	SecretID *string `json:"SecretId"`
	Tags     []tag
}

func tagResource(c *call) (any, *service.Error) {
	in, err := decode[tagInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.required("tags", in.Tags != nil)
	checkTags(&bad, in.Tags)
	if err := bad.err(); err != nil {
		return nil, err
	}
	cond := conditions{}
	cond.requestTags(in.Tags)
	x, err := c.writable(*in.SecretID, "TagResource", cond)
	if err != nil {
		return nil, err
	}
	next := slices.Clone(x.tags)
	for _, t := range in.Tags {
		if i := slices.IndexFunc(next, func(old tag) bool { return old.Key == t.Key }); i >= 0 {
			next[i] = t
		} else {
			next = append(next, t)
		}
	}
	if err := tagsAllowed(in.Tags, len(next)); err != nil {
		return nil, err
	}
	x.tags = next
	x.touched(c.r.Now)
	c.replicate(x)
	return struct{}{}, nil
}

type untagInput struct {
	SecretID *string `json:"SecretId"`
	TagKeys  []string
}

// untagResource leaves an empty list of tags, not none, where it takes the last one off.
func untagResource(c *call) (any, *service.Error) {
	in, err := decode[untagInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.required("tagKeys", in.TagKeys != nil)
	for _, key := range in.TagKeys {
		bad.length("tagKeys", &key, 1, 128)
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	cond := conditions{}
	cond.set("aws:TagKeys", in.TagKeys...)
	x, err := c.writable(*in.SecretID, "UntagResource", cond)
	if err != nil {
		return nil, err
	}
	if x.tags != nil {
		x.tags = slices.DeleteFunc(slices.Clone(x.tags), func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	}
	x.touched(c.r.Now)
	c.replicate(x)
	return struct{}{}, nil
}
