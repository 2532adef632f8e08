package ssm

import (
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type putInput struct {
	Name           *string
	Value          *string
	Type           *string
	Description    *string
	KeyID          *string `json:"KeyId"`
	Overwrite      *bool
	AllowedPattern *string
	Tags           []tag
	Tier           *string
	Policies       *string
	DataType       *string
}

type putOutput struct {
	Tier    string
	Version int64
}

// check says what is wrong with the request, whatever there is already.
func (in *putInput) check(at place) *service.Error {
	var bad checks
	bad.name(in.Name)
	bad.required("value", in.Value != nil)
	bad.length("value", in.Value, 1, 32768)
	bad.length("description", in.Description, 0, 1024)
	bad.length("keyId", in.KeyID, 1, 256)
	bad.length("allowedPattern", in.AllowedPattern, 0, 1024)
	bad.length("policies", in.Policies, 1, 4096)
	bad.length("dataType", in.DataType, 0, 128)
	if in.Type != nil {
		bad.oneOf("type", *in.Type, typeSecure, typeStringList, typeString)
	}
	if in.Tier != nil {
		bad.oneOf("tier", *in.Tier, tierStandard, tierAdvanced, tierIntelligent)
	}
	checkTags(&bad, in.Tags)
	if err := bad.err(); err != nil {
		return err
	}
	*in.Name = strings.TrimSpace(*in.Name)
	if err := at.creatable(*in.Name); err != nil {
		return err
	}
	if deref(in.Overwrite) && len(in.Tags) > 0 {
		return validation("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. " +
			"To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	}
	return tagsAllowed(in.Tags, len(in.Tags))
}

func putParameter(c *call) (any, *service.Error) {
	in, err := decode[putInput](c.r)
	if err != nil {
		return nil, err
	}
	if err := in.check(c.st.place); err != nil {
		return nil, err
	}
	name := *in.Name
	c.note(name)
	if err := c.authorizePut(in); err != nil {
		return nil, err
	}
	v, err := in.version(c.st, c.r.Now, c.r.Principal.ARN)
	if err != nil {
		return nil, err
	}
	if v.kind == typeSecure {
		if err := c.encrypt(c.st.arn(name), v); err != nil {
			return nil, err
		}
		// Another call may have been faster.
		if v, err = in.version(c.st, c.r.Now, c.r.Principal.ARN); err != nil {
			return nil, err
		}
	}
	c.st.add(name, v, in.Tags, c.r.Now)
	operation := "Update"
	if v.number == 1 {
		operation = "Create"
	}
	c.change(c.st.byName[name], operation)
	return putOutput{Tier: v.tier, Version: v.number}, nil
}

func (c *call) authorizePut(in *putInput) *service.Error {
	x := c.st.byName[*in.Name]
	cond := conditions{}
	cond.bool("ssm:Overwrite", deref(in.Overwrite))
	cond.bool("ssm:Policies", in.Policies != nil)
	cond.requestTags(in.Tags)
	if err := c.authorize("PutParameter", c.st.place, *in.Name, x, cond); err != nil {
		return err
	}
	if len(in.Tags) == 0 {
		return nil
	}
	tagging := conditions{}
	tagging.requestTags(in.Tags)
	return c.authorize("AddTagsToResource", c.st.place, *in.Name, x, tagging)
}

// version returns the version that the request makes in a store: what it does not give is as in the version before.
func (in *putInput) version(st *store, now time.Time, user string) (*version, *service.Error) {
	v := &version{tier: tierStandard, dataType: "text"}
	if x := st.byName[*in.Name]; x != nil {
		if !deref(in.Overwrite) {
			return nil, refuse("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		}
		if err := x.full(); err != nil {
			return nil, err
		}
		*v = *x.latest()
	}
	if err := in.setType(v); err != nil {
		return nil, err
	}
	if in.Policies != nil {
		policies, err := parsePolicies(*in.Policies)
		if err != nil {
			return nil, err
		}
		v.policies = policies
	}
	if err := in.setTier(v); err != nil {
		return nil, err
	}
	if err := in.setPattern(v); err != nil {
		return nil, err
	}
	if in.Description != nil {
		v.description = *in.Description
	}
	v.number++
	v.value, v.modified, v.user = *in.Value, now, user
	if v.kind == typeSecure {
		v.sealed = sealed()
	}
	return v, nil
}
