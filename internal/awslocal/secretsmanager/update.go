package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

type updateInput struct {
	payload
	SecretID           *string `json:"SecretId"`
	ClientRequestToken *string
	Description        *string
	KmsKeyID           *string `json:"KmsKeyId"`
	Type               *string
}

func (in *updateInput) check() *service.Error {
	var c checks
	checkSecretID(&c, in.SecretID)
	c.id("clientRequestToken", in.ClientRequestToken, 32, 64)
	c.length("description", in.Description, 0, 2048)
	c.length("kmsKeyId", in.KmsKeyID, 0, 2048)
	c.length("type", in.Type, 0, 256)
	in.payload.check(&c)
	if err := c.err(); err != nil {
		return err
	}
	if in.ClientRequestToken == nil {
		return missingToken("InvalidRequestException")
	}
	return in.payload.one()
}

func updateSecret(c *call) (any, *service.Error) {
	in, err := decode[updateInput](c.r)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	cond := conditions{}
	cond.text("secretsmanager:Description", in.Description)
	cond.text("secretsmanager:Type", in.Type)
	if ref, ok := parseReference(*in.SecretID, c.home()); ok {
		cond.key(ref.place, in.KmsKeyID)
	}
	x, err := c.writable(*in.SecretID, "UpdateSecret", cond)
	if err != nil {
		return nil, err
	}
	if err := unmanaged(x); err != nil {
		return nil, err
	}

	oldKey, newKey := x.keyID, x.keyID
	if in.KmsKeyID != nil {
		newKey = x.place.keyID(*in.KmsKeyID)
	}
	out := struct {
		named
		VersionID string `json:"VersionId,omitempty"`
	}{named: named{x.arn, x.name}}
	changed := newKey != oldKey || in.Description != nil || in.Type != nil
	if in.payload.given() {
		var added bool
		out.VersionID = *in.ClientRequestToken
		added, err = c.write(x, newKey, out.VersionID, in.payload, nil)
		changed = changed || added
	} else if newKey != oldKey {
		err = c.probeKey(x, newKey)
	}
	if err != nil {
		return nil, err
	}
	if newKey != oldKey {
		x.keyID = newKey
		c.reencrypt(x, newKey)
	}
	if err := x.still(); err != nil {
		return nil, err
	}
	if in.Description != nil {
		x.description = *in.Description
	}
	if in.Type != nil {
		x.kind = *in.Type
	}
	if changed {
		x.touched(c.r.Now)
		c.replicate(x)
	}
	return out, nil
}
