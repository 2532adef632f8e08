package secretsmanager

import (
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type rotateInput struct {
	SecretID           *string `json:"SecretId"`
	ClientRequestToken *string
	RotationLambdaARN  *string
	RotationRules      *rotationRules
	RotateImmediately  *bool
}

// rotateSecret always refuses: there is no Lambda here that could be invoked. The secret stays as it is.
func rotateSecret(c *call) (any, *service.Error) {
	in, err := decode[rotateInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.id("clientRequestToken", in.ClientRequestToken, 32, 64)
	bad.length("rotationLambdaARN", in.RotationLambdaARN, 0, 2048)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if in.ClientRequestToken == nil {
		return nil, missingToken("InvalidParameterException")
	}
	cond := conditions{}
	cond.text("secretsmanager:RotationLambdaARN", in.RotationLambdaARN)
	cond.bool("secretsmanager:RotateImmediately", in.RotateImmediately)
	x, err := c.writable(*in.SecretID, "RotateSecret", cond)
	if err != nil {
		return nil, err
	}
	if id := x.labels[pending]; id != "" && id != x.labels[current] {
		return nil, invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
	}
	if deref(in.RotationLambdaARN) == "" && x.rotation.lambda == "" {
		return nil, noLambda()
	}
	return nil, refuse("AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. "+
		"Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
}

func noLambda() *service.Error {
	return invalidRequest("No Lambda rotation function ARN is associated with this secret.")
}

// cancelRotateSecret turns rotation off. The version that a rotation had begun keeps its label, as on AWS.
func cancelRotateSecret(c *call) (any, *service.Error) {
	id, err := decodeID(c.r)
	if err != nil {
		return nil, err
	}
	x, err := c.writable(id, "CancelRotateSecret", nil)
	if err != nil {
		return nil, err
	}
	if x.rotation.enabled == nil {
		return nil, noLambda()
	}
	off := false
	x.rotation.enabled, x.rotation.next = &off, time.Time{}
	x.touched(c.r.Now)
	c.replicate(x)
	out := struct {
		named
		VersionID string `json:"VersionId,omitempty"`
	}{named: named{x.arn, x.name}}
	if id := x.labels[pending]; id != x.labels[current] {
		out.VersionID = id
	}
	return out, nil
}
