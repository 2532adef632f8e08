package awslocal_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const functionARN = "arn:aws:lambda:us-east-1:111111111111:function:rotate"

// rotator is a rotation function as AWS's templates have it, which can be made to fail.
type rotator struct {
	c    *secretsmanager.Client
	fail func(step string, call int) error // nil: it does not

	mu    sync.Mutex
	steps []string
}

type rotationEvent struct{ Step, SecretID, ClientRequestToken string }

func (r *rotator) call(ctx context.Context, payload []byte) error {
	var e rotationEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	r.mu.Lock()
	r.steps = append(r.steps, e.Step)
	n := len(r.steps)
	r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(e.Step, n); err != nil {
			return err
		}
	}
	switch e.Step {
	case "createSecret":
		_, err := r.c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &e.SecretID, VersionId: &e.ClientRequestToken, VersionStage: aws.String("AWSPENDING")})
		if err == nil {
			return nil
		}
		if !errors.As(err, new(*smtypes.ResourceNotFoundException)) {
			return err
		}
		_, err = r.c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
			SecretId: &e.SecretID, ClientRequestToken: &e.ClientRequestToken, SecretString: aws.String("new-" + e.ClientRequestToken), VersionStages: []string{"AWSPENDING"},
		})
		return err
	case "finishSecret":
		d, err := r.c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &e.SecretID})
		if err != nil {
			return err
		}
		for id, labels := range d.VersionIdsToStages {
			if slices.Contains(labels, "AWSCURRENT") && id != e.ClientRequestToken {
				_, err := r.c.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
					SecretId: &e.SecretID, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &e.ClientRequestToken, RemoveFromVersionId: &id,
				})
				return err
			}
		}
	}
	return nil
}

func (r *rotator) seen() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.steps, " ")
}

// await waits until what Secrets Manager did by itself has a name, and returns all of it until then.
func (l *listener) await(name string) []string {
	l.Helper()
	var all []string
	for range 1000 {
		for _, body := range l.news() {
			var e struct {
				DetailType string `json:"detail-type"`
				Detail     struct {
					EventName           string
					AdditionalEventData map[string]string
				}
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				l.Fatal(err)
			}
			if e.DetailType == "AWS Service Event via CloudTrail" {
				if !strings.HasPrefix(e.Detail.AdditionalEventData["SecretId"], "arn:aws:secretsmanager:us-east-1:111111111111:secret:app/db-") {
					l.Errorf("%s is about %v", e.Detail.EventName, e.Detail.AdditionalEventData)
				}
				all = append(all, e.Detail.EventName)
			}
		}
		if slices.Contains(all, name) {
			return all
		}
		time.Sleep(5 * time.Millisecond)
	}
	l.Fatalf("no %s came, but %v", name, all)
	return nil
}

// rotating returns an embedded AWS with a secret, app/db, and a rotation function.
func rotating(t *testing.T) (*awslocal.Server, *rotator, *listener) {
	t.Helper()
	s := newServer(t, awslocal.Options{Seed: parseSeed(t, eventsSeed)})
	c := secrets(s, "us-east-1", "111111111111")
	create(t, c, "app/db", "old")
	r := &rotator{c: c}
	s.SetFunction(functionARN, r.call)
	return s, r, &listener{T: t, s: s, account: "111111111111"}
}

func (r *rotator) rotate(n int) error {
	_, err := r.c.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId: aws.String("app/db"), ClientRequestToken: token(n), RotationLambdaARN: aws.String(functionARN), RotationRules: &smtypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(1)},
	})
	return err
}

func (r *rotator) describe(t *testing.T) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	d, err := r.c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("app/db")})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestARegisteredFunctionRotatesASecretAsOnAWS(t *testing.T) {
	_, r, l := rotating(t)
	for n := 2; n < 4; n++ {
		if err := r.rotate(n); err != nil {
			t.Fatal(err)
		}
		if got := l.await("RotationSucceeded"); !slices.Equal(got, []string{"RotationStarted", "RotationSucceeded"}) {
			t.Errorf("got %v", got)
		}
		d := r.describe(t)
		if labels := d.VersionIdsToStages[*token(n)]; !slices.Equal(labels, []string{"AWSCURRENT"}) || len(d.VersionIdsToStages) != 2 {
			t.Errorf("got %v", d.VersionIdsToStages)
		}
		if d.LastRotatedDate == nil || d.NextRotationDate == nil || !*d.RotationEnabled || *d.RotationLambdaARN != functionARN || *d.RotationRules.AutomaticallyAfterDays != 1 {
			t.Errorf("got %+v", d)
		}
		out, err := r.c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
		if err != nil || *out.SecretString != "new-"+*token(n) {
			t.Error(err)
		}
	}
	all, err := r.c.ListSecretVersionIds(ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: aws.String("app/db"), IncludeDeprecated: aws.Bool(true)})
	if err != nil || len(all.Versions) != 3 {
		t.Errorf("%d versions: %v", len(all.Versions), err)
	}
	if got := r.seen(); got != strings.TrimSpace(strings.Repeat("createSecret setSecret testSecret finishSecret ", 2)) {
		t.Errorf("called for %s", got)
	}
}

func TestAStepThatFailsIsCalledAgain(t *testing.T) {
	_, r, l := rotating(t)
	r.fail = func(step string, n int) error {
		if step == "testSecret" && n < 5 {
			return errors.New("not yet")
		}
		return nil
	}
	if err := r.rotate(2); err != nil {
		t.Fatal(err)
	}
	l.await("RotationSucceeded")
	if got := r.seen(); got != "createSecret setSecret testSecret testSecret testSecret finishSecret" {
		t.Errorf("called for %s", got)
	}
}

func TestARotationThatFailedIsAttemptedAgainWhenTheNextIsRefused(t *testing.T) {
	_, r, l := rotating(t)
	var mu sync.Mutex
	broken := true
	r.fail = func(step string, _ int) error {
		mu.Lock()
		defer mu.Unlock()
		if broken && step == "setSecret" {
			return errors.New("the database is away")
		}
		return nil
	}
	if err := r.rotate(2); err != nil {
		t.Fatal(err)
	}
	if got := l.await("RotationFailed"); !slices.Equal(got, []string{"RotationStarted", "RotationFailed"}) {
		t.Errorf("got %v", got)
	}
	d := r.describe(t)
	if labels := d.VersionIdsToStages[*token(2)]; !slices.Equal(labels, []string{"AWSPENDING"}) || d.LastRotatedDate != nil {
		t.Errorf("got %v", d.VersionIdsToStages)
	}
	mu.Lock()
	broken = false
	mu.Unlock()
	wantCode(t, r.rotate(3), "InvalidRequestException", 400, "A previous rotation isn't complete. That rotation will be reattempted.")
	l.await("RotationSucceeded")
	if labels := r.describe(t).VersionIdsToStages[*token(2)]; !slices.Equal(labels, []string{"AWSCURRENT"}) {
		t.Errorf("got %v", labels)
	}
}

func TestAPendingVersionHasNoValueUntilTheFunctionGivesItOne(t *testing.T) {
	_, r, l := rotating(t)
	looked := make(chan error, 1)
	r.fail = func(step string, _ int) error {
		if step == "createSecret" {
			_, err := r.c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db"), VersionId: token(2)})
			looked <- err
		}
		return nil
	}
	if err := r.rotate(2); err != nil {
		t.Fatal(err)
	}
	wantCode(t, <-looked, "ResourceNotFoundException", 400, "can't find the specified secret value for VersionId: "+*token(2))
	l.await("RotationSucceeded")
	_, err := r.c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String("app/db"), ClientRequestToken: token(2), SecretString: aws.String("another")})
	wantCode(t, err, "ResourceExistsException", 400, "already in use")
}

func TestARotationThatSomebodyWritesIntoIsAbandoned(t *testing.T) {
	_, r, l := rotating(t)
	r.fail = func(step string, _ int) error {
		if step == "setSecret" {
			_, err := r.c.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String("app/db"), VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: token(2)})
			return err
		}
		return nil
	}
	if err := r.rotate(2); err != nil {
		t.Fatal(err)
	}
	l.await("RotationAbandoned")
	if got := r.seen(); got != "createSecret setSecret" {
		t.Errorf("called for %s", got)
	}
}

func TestAFunctionThatIsNotRegisteredCantBeInvoked(t *testing.T) {
	s, r, _ := rotating(t)
	s.SetFunction(functionARN, nil)
	wantCode(t, r.rotate(2), "AccessDeniedException", 400, "cannot invoke the specified Lambda function")
	if d := r.describe(t); len(d.VersionIdsToStages) != 1 || d.RotationEnabled != nil {
		t.Errorf("got %+v", d)
	}
}

func TestCloseEndsTheFunctionsThatAreCalled(t *testing.T) {
	s, r, _ := rotating(t)
	called := make(chan struct{})
	s.SetFunction(functionARN, func(ctx context.Context, _ []byte) error {
		close(called)
		<-ctx.Done()
		return ctx.Err()
	})
	if err := r.rotate(2); err != nil {
		t.Fatal(err)
	}
	<-called
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
