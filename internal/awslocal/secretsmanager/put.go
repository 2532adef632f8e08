package secretsmanager

import "github.com/secretsync-dev/secretsync/internal/awslocal/service"

type putInput struct {
	payload
	SecretID           *string `json:"SecretId"`
	ClientRequestToken *string
	VersionStages      []string
	RotationToken      *string
}

func (in *putInput) check() *service.Error {
	var c checks
	checkSecretID(&c, in.SecretID)
	c.id("clientRequestToken", in.ClientRequestToken, 32, 64)
	c.length("rotationToken", in.RotationToken, 36, 256)
	in.payload.check(&c)
	if in.VersionStages != nil {
		c.size("versionStages", len(in.VersionStages), 1, maxLabels)
	}
	for _, label := range in.VersionStages {
		c.length("versionStages", &label, 1, 256)
	}
	if err := c.err(); err != nil {
		return err
	}
	if in.ClientRequestToken == nil {
		return missingToken("InvalidRequestException")
	}
	return in.payload.one()
}

func putSecretValue(c *call) (any, *service.Error) {
	in, err := decode[putInput](c.r)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	x, err := c.writable(*in.SecretID, "PutSecretValue", nil)
	if err != nil {
		return nil, err
	}
	if !in.payload.given() {
		return nil, invalidRequest("You must provide either SecretString or SecretBinary.")
	}
	if err := unmanaged(x); err != nil {
		return nil, err
	}
	token := *in.ClientRequestToken
	added, err := c.write(x, x.keyID, token, in.payload, in.VersionStages)
	if err != nil {
		return nil, err
	}
	if added {
		x.touched(c.r.Now)
		c.replicate(x)
	}
	return struct {
		named
		VersionID     string   `json:"VersionId"`
		VersionStages []string `json:",omitempty"`
	}{named{x.arn, x.name}, token, x.labels.on(token)}, nil
}

// checkSecretID checks the parameter that nearly every operation takes.
func checkSecretID(c *checks, id *string) {
	c.required("secretId", id != nil)
	c.length("secretId", id, 1, 2048)
}
