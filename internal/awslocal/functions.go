package awslocal

import "context"

// SetFunction makes f the Lambda function of an ARN that Secrets Manager calls to rotate a secret: RotateSecret names it. It is given {"Step", "SecretId", "ClientRequestToken"}
// as Lambda is, four times a rotation, in the background, and calls the embedded AWS as any client. An error fails the step, which is tried three times. Nil takes it away.
// Close ends its context and waits for it.
func (s *Server) SetFunction(arn string, f func(ctx context.Context, payload []byte) error) {
	s.secrets.SetFunction(arn, f, s.clock)
}
