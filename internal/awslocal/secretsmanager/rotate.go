package secretsmanager

import (
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type rotateInput struct {
	SecretID           *string `json:"SecretId"`
	ClientRequestToken *string
	RotationLambdaARN  *string
	RotationRules      *struct {
		AutomaticallyAfterDays *int64
		Duration               *string
		ScheduleExpression     *string
	}
	RotateImmediately *bool
}

func (in *rotateInput) check() *service.Error {
	var bad checks
	checkSecretID(&bad, in.SecretID)
	bad.id("clientRequestToken", in.ClientRequestToken, 32, 64)
	bad.length("rotationLambdaARN", in.RotationLambdaARN, 0, 2048)
	if r := in.RotationRules; r != nil {
		bad.number("rotationRules.automaticallyAfterDays", r.AutomaticallyAfterDays, 1000)
		bad.length("rotationRules.duration", r.Duration, 2, 3)
		bad.length("rotationRules.scheduleExpression", r.ScheduleExpression, 1, 256)
	}
	if err := bad.err(); err != nil {
		return err
	}
	if in.ClientRequestToken == nil {
		return missingToken("InvalidParameterException")
	}
	return nil
}

// rotateSecret begins a rotation, and answers at once. Only a function that was registered can be invoked; of any other the secret stays as it is.
//
//	a version is pending     then
//	none                     one is made, without a value, and the function is called
//	that of the token        the same again: the function is called, unless it is at it
//	another                  refused; and that other rotation is attempted again, as the refusal says
func rotateSecret(c *call) (any, *service.Error) {
	in, err := decode[rotateInput](c.r)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	cond := conditions{}
	cond.text("secretsmanager:RotationLambdaARN", in.RotationLambdaARN)
	cond.bool("secretsmanager:RotateImmediately", in.RotateImmediately)
	x, err := c.writable(*in.SecretID, "RotateSecret", cond)
	if err != nil {
		return nil, err
	}
	token, function := *in.ClientRequestToken, deref(in.RotationLambdaARN)
	if function == "" {
		function = x.rotation.lambda
	}
	if id := x.labels[pending]; id != "" && id != x.labels[current] && id != token {
		c.rotate(x, id)
		return nil, invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.")
	}
	if function == "" {
		return nil, noLambda()
	}
	if !c.rotations.knows(function) {
		return nil, refuse("AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. "+
			"Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
	}
	begins := x.byID[token] == nil && (in.RotateImmediately == nil || *in.RotateImmediately)
	if begins {
		if err := x.makeRoom(c.r.Now); err != nil {
			return nil, err
		}
	}
	x.rotation.configure(in, function, c.r.Now)
	if begins {
		x.add(&version{id: token, keyID: x.keyID, created: c.r.Now})
		c.relabel(x, x.labels.moved(pending, token))
	}
	if x.labels[pending] == token && x.labels[current] != token {
		c.rotate(x, token)
	}
	x.touched(c.r.Now)
	c.replicate(x)
	return struct {
		named
		VersionID string `json:"VersionId,omitempty"`
	}{named{x.arn, x.name}, token}, nil
}

// configure turns rotation on, as a request says; what it does not say stays.
func (r *rotation) configure(in *rotateInput, function string, now time.Time) {
	on := true
	r.enabled, r.lambda = &on, function
	if rules := in.RotationRules; rules != nil {
		r.days = deref(rules.AutomaticallyAfterDays)
		r.rules = rotationRules{Duration: deref(rules.Duration), ScheduleExpression: deref(rules.ScheduleExpression)}
	}
	r.schedule(now)
}

// schedule sets when the next rotation is due; where an expression says so, that is not worked out.
func (r *rotation) schedule(now time.Time) {
	r.next = time.Time{}
	if r.days > 0 {
		r.next = now.AddDate(0, 0, int(r.days))
	}
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
