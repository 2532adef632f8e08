package secretsmanager_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func TestRotationOnTheEmbeddedAWS(t *testing.T) { storetest.Rotation(t, onEmbedded()) }

func TestRotationOnMoto(t *testing.T) {
	why := "moto gives a pending version another value, which AWS refuses"
	storetest.Rotation(t, onMoto(t, map[string]string{
		"AProposalThatIsMadeAgainChangesNothing": why, "OfManyProposalsUnderOneVersionOneIsTaken": why,
		"WhatWasSeenMustBeSoStill": "where AWSCURRENT was moved before, moto leaves it on two versions after a write",
	}))
}

func rotationOf(t *testing.T, s store.Store) store.Rotation {
	t.Helper()
	r, err := s.(store.Rotator).Rotation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// cut makes the n-th call of the spoke from now on, and all later ones, fail.
func cut(server *awslocal.Server, n int, lost bool) (mend func() bool) {
	var struck atomic.Bool
	note := func(awslocal.Call) { struck.Store(true) }
	from := n
	if lost {
		server.Faults().Add(awslocal.Fault{Service: "secretsmanager", Account: spoke, After: n, Times: 1, LoseAnswer: true, Then: note})
		from++
	}
	server.Faults().Add(awslocal.Fault{Service: "secretsmanager", Account: spoke, After: from, Code: "ValidationException", Message: "cut off", Then: note})
	return func() bool {
		server.Faults().Clear()
		return struck.Load()
	}
}

// turns is a spoke of an embedded AWS that secrets are rotated in.
type turns struct {
	bench
	store.Rotation
}

func newTurns(t *testing.T) turns {
	t.Helper()
	server, url := embedded(t, awslocal.Options{})
	f := factory(t, url, hub)
	s := open(t, f, fmt.Sprintf("{role: SecretSyncRole, account: %q, region: %s}", spoke, home))
	t.Cleanup(func() { declared(t, server, s) })
	b := turns{bench{server: server, back: backdoor{rawClient(url, keys(spoke))}}, rotationOf(t, s)}
	b.back.Put(t, "app/db", secret.Text([]byte(canary+"1")))
	return b
}

func (b turns) stages(t *testing.T) store.Stages {
	t.Helper()
	st, err := b.Stages(t.Context(), "app/db")
	if err != nil {
		t.Fatal(err)
	}
	return st
}

const lambda = "arn:aws:lambda:us-east-1:222222222222:function:rotate"

// function is a rotation function made of a Rotation.
func (b turns) function(ctx context.Context, payload []byte) error {
	var e struct {
		Step               string
		SecretID           secret.Name `json:"SecretId"`
		ClientRequestToken secret.Version
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	now, err := b.Stages(ctx, e.SecretID)
	if err != nil {
		return err
	}
	switch e.Step {
	case "createSecret":
		if _, err := b.Value(ctx, e.SecretID, e.ClientRequestToken); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("the version has a value already: %w", err)
		}
		if now.Pending != e.ClientRequestToken || now.By != lambda {
			return fmt.Errorf("got %+v", now)
		}
		return errors.Join(b.Propose(ctx, now, now.Pending, secret.Text([]byte(canary+"2"))), b.Propose(ctx, now, now.Pending, secret.Text([]byte(canary+"2"))))
	case "finishSecret":
		_, err = b.Promote(ctx, now)
	}
	return err
}

func TestARotationThatIsConfiguredIsStartedAndItsFunctionUsesTheSameStages(t *testing.T) {
	b := newTurns(t)
	b.server.SetFunction(lambda, b.function)
	native, token := b.Rotation.(store.NativeRotator), ids(7)[0]
	if err := native.Rotate(t.Context(), "app/db", token); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("without a rotation of its own: %v", err)
	}
	_, err := b.back.RotateSecret(t.Context(), &api.RotateSecretInput{SecretId: aws.String("app/db"), RotationLambdaARN: aws.String(lambda), RotateImmediately: aws.Bool(false)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second as after a lost answer
		if err := native.Rotate(t.Context(), "app/db", token); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		if b.stages(t).Current == token {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if st := b.stages(t); st.Current != token || st.Pending != "" || st.Previous == "" || st.By != lambda {
		t.Errorf("got %+v", st)
	}
	if v, _ := b.back.Value(t, "app/db"); !v.Equal(secret.Text([]byte(canary + "2"))) {
		t.Error("it has another value")
	}
}

func TestARotationThatIsUnderWayIsNotStartedAgain(t *testing.T) {
	b := newTurns(t)
	b.server.SetFunction(lambda, func(context.Context, []byte) error { return errors.New("the database is away") })
	if _, err := b.back.RotateSecret(t.Context(), &api.RotateSecretInput{SecretId: aws.String("app/db"), RotationLambdaARN: aws.String(lambda), ClientRequestToken: aws.String(string(ids(1)[0]))}); err != nil {
		t.Fatal(err)
	}
	err := b.Rotation.(store.NativeRotator).Rotate(t.Context(), "app/db", ids(2)[0])
	if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "A previous rotation isn't complete") {
		t.Errorf("got %v", err)
	}
}

func TestAMissingPermissionForARotationIsNamed(t *testing.T) {
	for operation, do := range map[string]func(t *testing.T, b turns) error{
		"PutSecretValue": func(t *testing.T, b turns) error {
			return b.Propose(t.Context(), b.stages(t), ids(1)[0], secret.Text([]byte(canary+"2")))
		},
		"GetSecretValue": func(t *testing.T, b turns) error {
			_, err := b.Value(t.Context(), "app/db", b.stages(t).Current)
			return err
		},
		"DescribeSecret": func(t *testing.T, b turns) error {
			_, err := b.Stages(t.Context(), "app/db")
			return err
		},
		"UpdateSecretVersionStage": func(t *testing.T, b turns) error {
			now := b.stages(t)
			if err := b.Propose(t.Context(), now, ids(1)[0], secret.Text([]byte(canary+"2"))); err != nil {
				return err
			}
			_, err := b.Promote(t.Context(), b.stages(t))
			return err
		},
		"RotateSecret": func(t *testing.T, b turns) error {
			return b.Rotation.(store.NativeRotator).Rotate(t.Context(), "app/db", ids(1)[0])
		},
	} {
		b := newTurns(t)
		b.server.Faults().Add(awslocal.Fault{Operation: operation, Code: "AccessDeniedException", Message: "no"})
		wantKind(t, do(t, b), store.ErrNotPermitted)
		if err := do(t, b); !strings.Contains(err.Error(), "grant secretsmanager:"+operation) {
			t.Errorf("%s: %v", operation, err)
		}
	}
}

func TestHowOldTheCurrentVersionIsMayStayUnknown(t *testing.T) {
	b := newTurns(t)
	if b.stages(t).Since.IsZero() {
		t.Error("it is not told")
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "ListSecretVersionIds", Code: "AccessDeniedException", Message: "no"})
	if !b.stages(t).Since.IsZero() {
		t.Error("who told?")
	}
}

func TestARotationMakesOnlyTheCallsThatItNeeds(t *testing.T) {
	b := newTurns(t)
	now := b.stages(t)
	for _, step := range []struct {
		do   func() error
		want []string
	}{
		{func() error { return b.Propose(t.Context(), now, ids(1)[0], secret.Text([]byte(canary+"2"))) }, []string{"DescribeSecret", "PutSecretValue"}},
		{func() (err error) { now, err = b.Stages(t.Context(), "app/db"); return err }, []string{"DescribeSecret", "ListSecretVersionIds"}},
		{func() error { _, err := b.Promote(t.Context(), now); return err }, []string{"DescribeSecret", "UpdateSecretVersionStage", "UpdateSecretVersionStage"}},
		{func() error { _, err := b.Promote(t.Context(), now); return err }, []string{"DescribeSecret"}},
		{func() error { return b.Withdraw(t.Context(), now) }, []string{"DescribeSecret"}},
	} {
		from := b.server.Ledger().Mark()
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := b.calls(from); !slices.Equal(got, step.want) {
			t.Errorf("got %v, want %v", got, step.want)
		}
	}
}

func TestWhatARotationThatEndedLeftIsNotPending(t *testing.T) {
	b := newTurns(t)
	for n := 1; n < 3; n++ {
		if err := b.Propose(t.Context(), b.stages(t), ids(n)[0], secret.Text([]byte(fmt.Sprint(canary, n)))); err != nil {
			t.Fatal(err)
		}
		now := b.stages(t)
		b.server.Faults().Add(awslocal.Fault{Operation: "UpdateSecretVersionStage", After: 1, Code: "ValidationException"})
		if _, err := b.Promote(t.Context(), now); err == nil {
			t.Fatal("nothing was left undone")
		}
		b.server.Faults().Clear()
		if st := b.stages(t); st.Current != ids(n)[0] || st.Pending != "" || st.Previous != now.Current {
			t.Errorf("got %+v", st)
		}
	}
	now := b.stages(t)
	if v, err := b.Recall(t.Context(), now, ids(9)[0]); err != nil || v != now.Previous || b.stages(t).Pending != v {
		t.Errorf("recalled as %s, before %+v: %v", v, now, err)
	}
}

func TestAFamilyIsNotRotated(t *testing.T) {
	_, err := open(t, awscfg.New(awscfg.Options{}), "role: SecretSyncRole").(store.Rotator).Rotation(t.Context())
	wantKind(t, err, store.ErrInvalid)
}

func TestTheTokenOfAStepGoesWithItsProposalAndIntoNoError(t *testing.T) {
	_, url := embedded(t, awslocal.Options{})
	f := factory(t, url, spoke)
	raw := rawClient(url, keys(spoke))
	if _, err := raw.CreateSecret(t.Context(), &api.CreateSecretInput{Name: aws.String("a"), SecretString: aws.String("one")}); err != nil {
		t.Fatal(err)
	}
	r := rotationOf(t, open(t, f, "region: us-east-1"))
	for _, c := range []struct {
		proof string
		ok    bool
	}{{"too-short-for-AWS", false}, {"0123456789-0123456789-0123456789-0123456789", true}} {
		now, err := r.Stages(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		err = r.(store.DrivenRotation).Driven(secret.Text([]byte(c.proof))).Propose(t.Context(), now, "11111111-1111-4111-8111-111111111111", secret.Text([]byte("two")))
		if (err == nil) != c.ok || err != nil && strings.Contains(err.Error(), c.proof) {
			t.Errorf("%s: %v", c.proof, err)
		}
	}
}
