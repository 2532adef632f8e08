package secretsmanager

import (
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// call is one request on its way. At most one store is locked at a time.
type call struct {
	*Service
	r      *service.Request
	locked *store
	jobs   []replicaJob // what is to be done in other Regions once the store is free again
	events []service.Event
	begun  []rotationJob // what is to be rotated once the call is answered
	about  struct {      // the secret that the call is about, for its record; zero until it is found
		place
		arn string
	}
}

// conditions are the condition keys of a request.
type conditions map[string][]string

func (c conditions) set(key string, values ...string) {
	if len(values) > 0 {
		c[key] = values
	}
}

func (c *call) home() place { return place{account: c.r.Account, region: c.r.Region} }

// lock makes a store the one that the call works on, with what is due in it done.
func (c *call) lock(at place) *store {
	c.release()
	st := c.store(at)
	st.mu.Lock()
	c.locked = st
	for _, x := range c.expire(st, c.r.Now) {
		c.ended(x)
	}
	return st
}

func (c *call) release() {
	if c.locked != nil {
		c.locked.mu.Unlock()
		c.locked = nil
	}
}

func (c *call) note(name string) {
	if c.r.Note != nil {
		c.r.Note(name)
	}
}

// found is the secret that a call is about: rec is nil where there is none, and arn is then the one that it would have.
type found struct {
	ref reference
	rec *record
	arn string
}

// open locks the store of the secret that id means, and asks whether the caller may do the action on it,
// before anything about the secret is told. The caller gets found also where there is no such secret.
func (c *call) open(id, action string, cond conditions) (found, *service.Error) {
	ref, ok := parseReference(id, c.home())
	if !ok {
		return found{}, invalidName()
	}
	f := found{ref: ref, arn: ref.assumedARN()}
	st := c.lock(ref.place)
	if ref.region == c.r.Region {
		f.rec = st.find(ref)
	}
	if f.rec != nil {
		f.arn = f.rec.arn
	}
	c.about.place, c.about.arn = ref.place, f.arn
	c.note(ref.name)
	return f, c.authorize(action, f, cond)
}

// secret is open for the operations that need the secret to be there.
func (c *call) secret(id, action string, cond conditions) (*record, *service.Error) {
	f, err := c.open(id, action, cond)
	if err != nil {
		return nil, err
	}
	if f.rec == nil {
		return nil, notFound()
	}
	return f.rec, nil
}

// live is secret for the operations that AWS refuses on one that is marked for deletion.
func (c *call) live(id, action string, cond conditions) (*record, *service.Error) {
	x, err := c.secret(id, action, cond)
	if err != nil {
		return nil, err
	}
	if !x.deleted.IsZero() {
		return nil, markedDeleted()
	}
	return x, nil
}

// writable is live for the operations that AWS refuses on a replica.
func (c *call) writable(id, action string, cond conditions) (*record, *service.Error) {
	x, err := c.live(id, action, cond)
	if err != nil {
		return nil, err
	}
	if x.isReplica() {
		return nil, onReplica()
	}
	return x, nil
}

// authorize asks whether the caller may do the action on a secret. Across accounts the secret's own policy has to allow it:
// without one nothing is told.
func (c *call) authorize(action string, f found, cond conditions) *service.Error {
	action = "secretsmanager:" + action
	if f.ref.account != c.r.Account {
		if _, ok := c.ResourcePolicy(f.arn); !ok {
			return refuse("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s because no resource-based policy allows the %s action",
				c.r.Principal.ARN, action, f.arn, action)
		}
	}
	if c.r.Authorize == nil {
		return nil
	}
	all := conditions{"secretsmanager:SecretId": {f.arn}}
	if f.rec != nil {
		for _, t := range f.rec.tags {
			all["aws:ResourceTag/"+t.Key] = []string{t.Value}
			all["secretsmanager:ResourceTag/"+t.Key] = []string{t.Value}
		}
		if f.rec.primary != "" {
			all.set("secretsmanager:SecretPrimaryRegion", f.rec.primary)
		}
		if f.rec.rotation.lambda != "" {
			all.set("secretsmanager:resource/AllowRotationLambdaArn", f.rec.rotation.lambda)
		}
	}
	for key, values := range cond {
		all[key] = values
	}
	return c.r.Authorize(action, f.arn, all)
}

// authorizeAny asks about an action that takes no resource.
func (c *call) authorizeAny(action string) *service.Error {
	if c.r.Authorize == nil {
		return nil
	}
	return c.r.Authorize("secretsmanager:"+action, "*", nil)
}

// requestTags adds the condition keys of the tags that a request brings.
func (c conditions) requestTags(tags []tag) {
	var keys []string
	for _, t := range tags {
		c["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys = append(keys, t.Key)
	}
	c.set("aws:TagKeys", keys...)
}

// key adds the condition keys of the KMS key that a request names.
func (c conditions) key(at place, key *string) {
	if key != nil {
		c.set("secretsmanager:KmsKeyId", *key)
		c.set("secretsmanager:KmsKeyArn", at.keyARN(*key))
	}
}

func (c conditions) text(key string, value *string) {
	if value != nil {
		c.set(key, *value)
	}
}

func (c conditions) bool(key string, value *bool) {
	if value != nil {
		c.set(key, strconv.FormatBool(*value))
	}
}

func (c conditions) number(key string, value *int64) {
	if value != nil {
		c.set(key, strconv.FormatInt(*value, 10))
	}
}
