package ssm

import (
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// call is one request on its way. st is the caller's store in the Region, and locked but for the time that useKey takes.
type call struct {
	*Service
	r      *service.Request
	st     *store
	events []service.Event // of what the call did; they leave when the store is free again
	// secrets makes a call to Secrets Manager for the caller; nil: there is none.
	secrets func(*service.Request) (*service.Response, *service.Error)
}

func (c *call) note(name string) {
	if c.r.Note != nil {
		c.r.Note(name)
	}
}

// conditions are the condition keys of a request.
type conditions map[string][]string

func (c conditions) bool(key string, value bool) { c[key] = []string{strconv.FormatBool(value)} }

// requestTags adds the condition keys of the tags that a request brings.
func (c conditions) requestTags(tags []tag) {
	for _, t := range tags {
		c["aws:RequestTag/"+t.Key] = []string{t.Value}
		c["aws:TagKeys"] = append(c["aws:TagKeys"], t.Key)
	}
}

// open finds the parameter that a name or ARN means, and asks whether the caller may do the action on it before anything about it is told.
// The record is nil where there is none.
func (c *call) open(given, action string, cond conditions) (reference, *record, *service.Error) {
	ref, err := parseReference(given, c.st.place)
	if err != nil {
		return ref, nil, err
	}
	c.note(ref.name)
	x := c.st.find(ref)
	return ref, x, c.authorize(action, ref.place, ref.name, x, cond)
}

// parameter is open for the operations that need the parameter to be there.
func (c *call) parameter(given, action string) (*record, *service.Error) {
	_, x, err := c.open(given, action, nil)
	if err == nil && x == nil {
		err = notFound()
	}
	return x, err
}

// authorize asks whether the caller may do the action on a parameter, or on the path of several. Those of other accounts are nobody's: none is shared.
func (c *call) authorize(action string, at place, name string, x *record, cond conditions) *service.Error {
	action = "ssm:" + action
	if at.account != c.r.Account {
		return refuse("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s because no resource-based policy allows the %s action",
			c.r.Principal.ARN, action, at.arn(name), action)
	}
	if c.r.Authorize == nil {
		return nil
	}
	all := conditions{}
	if x != nil {
		for _, t := range x.tags {
			all["aws:ResourceTag/"+t.Key] = []string{t.Value}
			all["ssm:resourceTag/"+t.Key] = []string{t.Value}
		}
	}
	for key, values := range cond {
		all[key] = values
	}
	return c.r.Authorize(action, at.arn(name), all)
}

// authorizeAny asks about an action that takes no resource.
func (c *call) authorizeAny(action string) *service.Error {
	if c.r.Authorize == nil {
		return nil
	}
	return c.r.Authorize("ssm:"+action, "*", nil)
}
