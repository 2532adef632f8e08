package awslocal_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

func TestWritesAboveTheQuotaAreThrottledByAccountAndRegion(t *testing.T) {
	clock := newClock()
	s := newServer(t, awslocal.Options{Clock: clock.Now, EnforceQuotas: true})
	c := secrets(s, "us-east-1", "111111111111")
	create(t, c, "a", "v")
	update := func(c *secretsmanager.Client) error {
		_, err := c.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: aws.String("a"), Description: aws.String("d")})
		return err
	}
	move := func(c *secretsmanager.Client) error {
		_, err := c.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String("a"), VersionStage: aws.String("x")})
		return err
	}
	throttled := func(calls int, do func(*secretsmanager.Client) error, c *secretsmanager.Client) int {
		before := s.Ledger().Count(awslocal.Match{Outcome: "ThrottlingException"})
		var last error
		for range calls {
			last = do(c)
		}
		n := s.Ledger().Count(awslocal.Match{Outcome: "ThrottlingException"}) - before
		if n > 0 {
			wantCode(t, last, "ThrottlingException", 400, "Rate exceeded")
		}
		return n
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		calls int
		do    func(*secretsmanager.Client) error
		c     *secretsmanager.Client
		want  int
	}{
		{"a full second's worth", 0, 50, update, c, 0},
		{"more in the same second", 0, 10, update, c, 10},
		{"the same group", 0, 5, move, c, 5},
		{"another group", 0, 5, func(c *secretsmanager.Client) error { return describe(c, "a") }, c, 0},
		{"another Region", 0, 5, update, secrets(s, "eu-west-1", "111111111111"), 0},
		{"another account", 0, 5, update, secrets(s, "us-east-1", "222222222222"), 0},
		{"a fifth of a second later", 200 * time.Millisecond, 12, update, c, 2},
		{"an hour later", time.Hour, 60, update, c, 10},
	} {
		clock.Advance(step.after)
		if got := throttled(step.calls, step.do, step.c); got != step.want {
			t.Errorf("%s: %d of %d throttled, want %d", step.name, got, step.calls, step.want)
		}
	}
}
