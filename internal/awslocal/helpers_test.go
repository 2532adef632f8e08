package awslocal_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

// fakeClock is a clock that stands still until it is moved.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newServer(t *testing.T, o awslocal.Options) *awslocal.Server {
	t.Helper()
	s, err := awslocal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func parseSeed(t *testing.T, yaml string) *awslocal.Seed {
	t.Helper()
	seed, err := awslocal.ParseSeed(strings.NewReader(yaml), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// config is what an SDK client of the server needs, without a socket and without retries.
func config(s *awslocal.Server, region string, creds aws.CredentialsProvider) aws.Config {
	return aws.Config{
		Region:       region,
		Credentials:  creds,
		HTTPClient:   &http.Client{Transport: s.Transport()},
		BaseEndpoint: aws.String("http://aws.test"),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func key(id string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(id, "any", "")
}

func secrets(s *awslocal.Server, region, accessKey string) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(config(s, region, key(accessKey)))
}

func keysOf(s *awslocal.Server, region, accessKey string) *awskms.Client {
	return awskms.NewFromConfig(config(s, region, key(accessKey)))
}

// assume assumes a role and returns the credentials of the session.
func assume(t *testing.T, s *awslocal.Server, creds aws.CredentialsProvider, role string, change ...func(*sts.AssumeRoleInput)) (aws.CredentialsProvider, error) {
	t.Helper()
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("session")}
	for _, c := range change {
		c(in)
	}
	out, err := sts.NewFromConfig(config(s, "us-east-1", creds)).AssumeRole(context.Background(), in)
	if err != nil {
		return nil, err
	}
	c := out.Credentials
	return credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken), nil
}

// wantCode checks an SDK error: its code, its status, a part of its text.
func wantCode(t *testing.T, err error, code string, status int, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("error %v, want code %s", err, code)
		return
	}
	if !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("%s: text %q, want %q in it", code, api.ErrorMessage(), text)
	}
	var res *smithyhttp.ResponseError
	if errors.As(err, &res) && res.HTTPStatusCode() != status {
		t.Errorf("%s: status %d, want %d", code, res.HTTPStatusCode(), status)
	}
}

func create(t *testing.T, c *secretsmanager.Client, name, value string) *secretsmanager.CreateSecretOutput {
	t.Helper()
	out, err := c.CreateSecret(context.Background(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
