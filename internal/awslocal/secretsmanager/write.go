package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

// write adds a version with that token as its id, encrypted with that key, and moves the labels; none asked means AWSCURRENT.
// With a token that is in use already it changes nothing: it succeeds where the value is the same, and refuses where it is not.
// A version that a rotation has begun has no value yet: it gets this one. It returns whether it added the version, or its value.
func (c *call) write(x *record, key, token string, p payload, asked []string) (bool, *service.Error) {
	if v := x.byID[token]; v != nil && !v.empty() {
		return false, c.sameValue(x, token, p)
	}
	if err := x.labels.written(token, asked).check(); err != nil {
		return false, err
	}
	if err := c.useKey(x, key, token, service.GenerateDataKey); err != nil {
		return false, err
	}
	if err := x.still(); err != nil {
		return false, err
	}
	begun := x.byID[token]
	if begun != nil && !begun.empty() { // another call was faster
		return false, x.mustHold(begun, p)
	}
	next := x.labels.written(token, asked)
	if err := next.check(); err != nil {
		return false, err
	}
	if begun != nil {
		begun.fill(p)
		begun.keyID = key
		c.relabel(x, next)
		return true, nil
	}
	if err := x.makeRoom(c.r.Now); err != nil {
		return false, err
	}
	x.add(newVersion(token, p, key, c.r.Now))
	c.relabel(x, next)
	return true, nil
}

// sameValue says whether the version that has the token holds that value. To know, AWS decrypts it.
func (c *call) sameValue(x *record, token string, p payload) *service.Error {
	v := x.byID[token]
	if err := c.useKey(x, v.keyID, v.id, service.Decrypt); err != nil {
		return err
	}
	return x.mustHold(v, p)
}

func (x *record) mustHold(v *version, p payload) *service.Error {
	if !v.holds(p) {
		return refuse("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", v.id, x.arn)
	}
	return nil
}

// still says whether the secret, which was live, is so after the store was out of hand.
func (x *record) still() *service.Error {
	if x.gone {
		return notFound()
	}
	if !x.deleted.IsZero() {
		return markedDeleted()
	}
	return nil
}

// unmanaged refuses to change a secret that another service manages.
func unmanaged(x *record) *service.Error {
	if x.owner != "" {
		return invalidRequest("You can't perform this operation on the secret because it's managed by %s.", x.owner)
	}
	return nil
}
