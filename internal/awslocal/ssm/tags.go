package ssm

import (
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const maxTags = 50 // of a parameter

func checkTags(bad *checks, tags []tag) {
	for _, t := range tags {
		bad.length("tags", &t.Key, 1, 128)
		bad.length("tags", &t.Value, 0, 256)
	}
}

// tagsAllowed says whether tags may be set on a parameter that then has that many.
func tagsAllowed(tags []tag, total int) *service.Error {
	for i, t := range tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return validation("aws: prefixed tag key names are not allowed for external use.")
		}
		if slices.ContainsFunc(tags[:i], func(other tag) bool { return other.Key == t.Key }) {
			return validation("Duplicate tag keys are not allowed: %s", t.Key)
		}
	}
	if total > maxTags {
		return refuse("TooManyTagsError", "The number of tags on a parameter must not be more than %d.", maxTags)
	}
	return nil
}

type tagInput struct {
	ResourceType *string
	ResourceID   *string `json:"ResourceId"`
	Tags         []tag
	TagKeys      []string
}

// tagged reads a request about tags, and finds the parameter whose they are; cond adds the condition keys of the request.
func (c *call) tagged(action string, check func(*tagInput, *checks), cond func(*tagInput) conditions) (*tagInput, *record, *service.Error) {
	in, err := decode[tagInput](c.r)
	if err != nil {
		return nil, nil, err
	}
	var bad checks
	bad.required("resourceType", in.ResourceType != nil)
	bad.required("resourceId", in.ResourceID != nil)
	check(in, &bad)
	if err := bad.err(); err != nil {
		return nil, nil, err
	}
	if *in.ResourceType != "Parameter" {
		return nil, nil, refuse("InvalidResourceType", "The resource type isn't valid: the embedded AWS has Parameter only.")
	}
	ref, err := parseReference(*in.ResourceID, c.st.place)
	if err != nil || ref.selector != "" {
		return nil, nil, noResource()
	}
	_, x, err := c.open(*in.ResourceID, action, cond(in))
	if err == nil && x == nil {
		err = noResource()
	}
	return in, x, err
}

func noResource() *service.Error {
	return refuse("InvalidResourceId", "The resource ID isn't valid. Verify that you entered the correct ID and try again.")
}

func addTagsToResource(c *call) (any, *service.Error) {
	in, x, err := c.tagged("AddTagsToResource", func(in *tagInput, bad *checks) {
		bad.required("tags", in.Tags != nil)
		checkTags(bad, in.Tags)
	}, func(in *tagInput) conditions {
		cond := conditions{}
		cond.requestTags(in.Tags)
		return cond
	})
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
	c.st.show(x.name, x.metadata(), c.r.Now)
	return struct{}{}, nil
}

func removeTagsFromResource(c *call) (any, *service.Error) {
	in, x, err := c.tagged("RemoveTagsFromResource", func(in *tagInput, bad *checks) {
		bad.required("tagKeys", in.TagKeys != nil)
		for _, key := range in.TagKeys {
			bad.length("tagKeys", &key, 1, 128)
		}
	}, func(in *tagInput) conditions {
		if len(in.TagKeys) == 0 {
			return nil
		}
		return conditions{"aws:TagKeys": in.TagKeys}
	})
	if err != nil {
		return nil, err
	}
	x.tags = slices.DeleteFunc(slices.Clone(x.tags), func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	c.st.show(x.name, x.metadata(), c.r.Now)
	return struct{}{}, nil
}

func listTagsForResource(c *call) (any, *service.Error) {
	_, x, err := c.tagged("ListTagsForResource", func(*tagInput, *checks) {}, func(*tagInput) conditions { return nil })
	if err != nil {
		return nil, err
	}
	tags := x.tags
	if tags == nil {
		tags = []tag{}
	}
	return struct{ TagList []tag }{tags}, nil
}
