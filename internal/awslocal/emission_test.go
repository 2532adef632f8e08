package awslocal_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

var update = flag.Bool("update", false, "write the golden files; look at the result")

const eventsSeed = `
accounts:
  "111111111111":
    regions:
      us-east-1:
        queues: {events: {retention: 1209600}}
        rules: {all: {pattern: {source: [{prefix: aws.}]}, targets: [queue/events]}}
  "222222222222":
    trail: false
    regions:
      us-east-1:
        queues: {events: {retention: 1209600}}
        rules: {all: {pattern: {source: [{prefix: aws.}]}, targets: [queue/events]}}
`

// listener takes what comes into the queue of an account.
type listener struct {
	*testing.T
	s       *awslocal.Server
	account string
	seen    int
}

// news returns the bodies that came since it was last called.
func (l *listener) news() []string {
	var all []string
	held := l.s.QueueMessages(awslocal.QueueURL(l.account, "us-east-1", "events"))
	for _, m := range held[l.seen:] {
		all = append(all, m.Body)
	}
	l.seen = len(held)
	return all
}

var (
	anyID     = regexp.MustCompile(`"(id|requestID|eventID)": "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"`)
	anySuffix = regexp.MustCompile(`(:secret:app/[a-z]+)-[0-9A-Za-z]{6}`)
)

// normal is an event as it stands in the golden file: what differs from run to run is replaced.
func normal(t *testing.T, body string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(body), "", "  "); err != nil {
		t.Fatal(err)
	}
	text := anyID.ReplaceAllString(out.String(), `"$1": "ID"`)
	return anySuffix.ReplaceAllString(text, `$1-SUFFIX`)
}

const eventCanary = "canary-9e4b"

func token(n int) *string { return aws.String(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }

// changes does everything to secrets and parameters that makes events, with a canary for every value.
func changes(t *testing.T, s *awslocal.Server, clock *fakeClock, account string) []struct {
	name string
	do   func() error
} {
	c := secrets(s, "us-east-1", account)
	p := ssm.NewFromConfig(config(s, "us-east-1", key(account)))
	db, value := aws.String("app/db"), aws.String(eventCanary+"-value")
	arn := func() *string {
		t.Helper()
		out, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: db})
		if err != nil {
			t.Fatal(err)
		}
		return out.ARN
	}
	return []struct {
		name string
		do   func() error
	}{
		{"CreateSecret", func() error {
			_, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: db, SecretString: value, ClientRequestToken: token(1), Description: aws.String("the database"),
				Tags: []smtypes.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}})
			return err
		}},
		{"CreateSecret without a value", func() error {
			_, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/empty"), ClientRequestToken: token(1)})
			return err
		}},
		{"PutSecretValue by ARN", func() error {
			_, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: arn(), SecretBinary: []byte(eventCanary), ClientRequestToken: token(2), VersionStages: []string{"AWSCURRENT", "secretsync"}})
			return err
		}},
		{"PutSecretValue once more", func() error {
			_, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: db, SecretBinary: []byte(eventCanary), ClientRequestToken: token(2)})
			return err
		}},
		{"PutSecretValue as AWSPENDING", func() error {
			_, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: db, SecretString: value, ClientRequestToken: token(3), VersionStages: []string{"AWSPENDING"}})
			return err
		}},
		{"UpdateSecretVersionStage", func() error {
			_, err := c.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: db, VersionStage: aws.String("AWSCURRENT"), RemoveFromVersionId: token(2), MoveToVersionId: token(3)})
			return err
		}},
		{"UpdateSecretVersionStage that takes a label off", func() error {
			_, err := c.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: db, VersionStage: aws.String("secretsync"), RemoveFromVersionId: token(2)})
			return err
		}},
		{"UpdateSecret of the description", func() error {
			_, err := c.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: db, Description: aws.String("new"), ClientRequestToken: token(4)})
			return err
		}},
		{"UpdateSecret of the value", func() error {
			_, err := c.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: db, SecretString: value, ClientRequestToken: token(5)})
			return err
		}},
		{"TagResource", func() error {
			_, err := c.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: db, Tags: []smtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
			return err
		}},
		{"UntagResource", func() error {
			_, err := c.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: db, TagKeys: []string{"a"}})
			return err
		}},
		{"PutResourcePolicy", func() error {
			_, err := c.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: db,
				ResourcePolicy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:DeleteSecret","Resource":"*"}]}`)})
			return err
		}},
		{"DeleteResourcePolicy", func() error {
			_, err := c.DeleteResourcePolicy(ctx, &secretsmanager.DeleteResourcePolicyInput{SecretId: db})
			return err
		}},
		{"RotateSecret, which is refused", func() error {
			_, err := c.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: db, ClientRequestToken: token(6), RotationRules: &smtypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}})
			if err == nil {
				return fmt.Errorf("it was not refused")
			}
			return nil
		}},
		{"PutSecretValue of a secret that is not there", func() error {
			_, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String("none"), SecretString: value, ClientRequestToken: token(7)})
			if err == nil {
				return fmt.Errorf("it was not refused")
			}
			return nil
		}},
		{"PutSecretValue of a token in use", func() error {
			_, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: db, SecretString: aws.String(eventCanary), ClientRequestToken: token(5)})
			if err == nil {
				return fmt.Errorf("it was not refused")
			}
			return nil
		}},
		{"ReplicateSecretToRegions", func() error {
			_, err := c.ReplicateSecretToRegions(ctx, &secretsmanager.ReplicateSecretToRegionsInput{SecretId: db, AddReplicaRegions: []smtypes.ReplicaRegionType{{Region: aws.String("eu-west-1")}}})
			return err
		}},
		{"RemoveRegionsFromReplication", func() error {
			_, err := c.RemoveRegionsFromReplication(ctx, &secretsmanager.RemoveRegionsFromReplicationInput{SecretId: db, RemoveReplicaRegions: []string{"eu-west-1"}})
			return err
		}},
		{"DeleteSecret", func() error {
			_, err := c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: db, RecoveryWindowInDays: aws.Int64(7)})
			return err
		}},
		{"RestoreSecret", func() error {
			_, err := c.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: db})
			return err
		}},
		{"DeleteSecret again, and its end", func() error {
			if _, err := c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: db, RecoveryWindowInDays: aws.Int64(7)}); err != nil {
				return err
			}
			clock.Advance(8 * 24 * time.Hour)
			_, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("app/empty")})
			return err
		}},
		{"reading", func() error {
			if _, err := c.ListSecrets(ctx, &secretsmanager.ListSecretsInput{}); err != nil {
				return err
			}
			_, err := c.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: aws.String("app/empty")})
			return err
		}},
		{"PutParameter", func() error {
			_, err := p.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/app/db"), Value: value, Type: ssmtypes.ParameterTypeSecureString, Description: aws.String("the database")})
			return err
		}},
		{"PutParameter with Overwrite", func() error {
			_, err := p.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/app/db"), Value: value, Overwrite: aws.Bool(true)})
			return err
		}},
		{"LabelParameterVersion", func() error {
			_, err := p.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: aws.String("/app/db"), Labels: []string{"live"}})
			return err
		}},
		{"DeleteParameter", func() error {
			_, err := p.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/app/db")})
			return err
		}},
	}
}

func TestChangesReachAQueueAsAWSsEvents(t *testing.T) {
	clock := newClock()
	s := newServer(t, awslocal.Options{Clock: clock.Now, Seed: parseSeed(t, eventsSeed)})
	l := &listener{T: t, s: s, account: "111111111111"}
	var got strings.Builder
	for _, change := range changes(t, s, clock, l.account) {
		if err := change.do(); err != nil {
			t.Fatalf("%s: %v", change.name, err)
		}
		fmt.Fprintf(&got, "# %s\n", change.name)
		for _, body := range l.news() {
			if strings.Contains(body, eventCanary) || strings.Contains(body, "Y2FuYXJ5LTllNGI") {
				t.Errorf("%s: an event holds a value", change.name)
			}
			got.WriteString(normal(t, body) + "\n")
		}
	}
	const file = "testdata/events.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the events are not those of %s; -update shows the difference", file)
	}
}

func TestWithoutATrailOnlyTheNativeEventsAreThere(t *testing.T) {
	for _, c := range []struct {
		account string
		o       awslocal.Options
	}{{"222222222222", awslocal.Options{}}, {"111111111111", awslocal.Options{NoTrail: true}}} {
		clock := newClock()
		c.o.Clock, c.o.Seed = clock.Now, parseSeed(t, eventsSeed)
		s := newServer(t, c.o)
		l := &listener{T: t, s: s, account: c.account}
		for _, change := range changes(t, s, clock, c.account) {
			if err := change.do(); err != nil {
				t.Fatalf("%s: %v", change.name, err)
			}
		}
		bodies := l.news()
		// Five label moves: AWSCURRENT four times, secretsync once; and four changes of a parameter.
		if len(bodies) != 9 || strings.Contains(strings.Join(bodies, ""), "CloudTrail") {
			t.Errorf("%s: %d events: %s", c.account, len(bodies), bodies)
		}
	}
}

func TestARequestThatIsNotAsItShouldBeTellsCloudTrailNoValue(t *testing.T) {
	clock := newClock()
	s := newServer(t, awslocal.Options{Clock: clock.Now, Seed: parseSeed(t, eventsSeed)})
	l := &listener{T: t, s: s, account: "111111111111"}
	for _, body := range []string{
		`{"SecretId": "none", "secretstring": "canary"}`, `{"SecretId": "none", "SecretString": {"a": "canary"}}`, `{"SecretId": "none", "Secret": "canary"`,
		`{"SecretId": "none", "Value": "canary", "RotationToken": "canary"}`, `["canary"]`,
	} {
		request(t, s, "POST", "/", body, "X-Amz-Target", "secretsmanager.PutSecretValue", "Content-Type", "application/x-amz-json-1.1",
			"Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20260301/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=x")
	}
	bodies := l.news()
	if len(bodies) != 5 || strings.Contains(strings.Join(bodies, ""), "canary") {
		t.Errorf("%d events: %s", len(bodies), bodies)
	}
}

func TestAnEventOfAWSItselfCanBePut(t *testing.T) {
	s := newServer(t, awslocal.Options{Seed: parseSeed(t, eventsSeed)})
	s.PutEvent(awslocal.Event{Account: "111111111111", Region: "us-east-1", Time: newClock().Now(), Source: "aws.secretsmanager", DetailType: "AWS Service Event via CloudTrail",
		Detail: map[string]any{"eventName": "RotationSucceeded"}})
	out, err := sqs.NewFromConfig(config(s, "us-east-1", key("111111111111"))).ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(awslocal.QueueURL("111111111111", "us-east-1", "events")),
	})
	if err != nil || len(out.Messages) != 1 || !strings.Contains(*out.Messages[0].Body, `"detail":{"eventName":"RotationSucceeded"}`) {
		t.Errorf("%v, %v", out, err)
	}
}

func TestCloudTrailSaysWhoCalled(t *testing.T) {
	s := newServer(t, awslocal.Options{Seed: parseSeed(t, eventsSeed)})
	l := &listener{T: t, s: s, account: "111111111111"}
	session, err := assume(t, s, key("222222222222"), "arn:aws:iam::111111111111:role/Spoke")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secretsmanager.NewFromConfig(config(s, "us-east-1", session)).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("a")}); err != nil {
		t.Fatal(err)
	}
	var e struct {
		Account string
		Detail  struct {
			UserIdentity struct {
				Type, ARN, AccountID string
				SessionContext       struct {
					SessionIssuer struct{ Type, ARN, UserName string }
				}
			}
		}
	}
	bodies := l.news()
	if len(bodies) != 1 || json.Unmarshal([]byte(bodies[0]), &e) != nil {
		t.Fatalf("%s", bodies)
	}
	who := e.Detail.UserIdentity
	if who.Type != "AssumedRole" || who.ARN != "arn:aws:sts::111111111111:assumed-role/Spoke/session" || who.AccountID != "111111111111" ||
		who.SessionContext.SessionIssuer.ARN != "arn:aws:iam::111111111111:role/Spoke" || who.SessionContext.SessionIssuer.UserName != "Spoke" {
		t.Errorf("%+v", who)
	}
}
