package awslocal_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

func list(c *secretsmanager.Client) (int, error) {
	out, err := c.ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
	if err != nil {
		return 0, err
	}
	return len(out.SecretList), nil
}

func describe(c *secretsmanager.Client, id string) error {
	_, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	return err
}

func TestAFaultRefusesTheCallsThatItMeans(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	us, eu := secrets(s, "us-east-1", "111111111111"), secrets(s, "eu-west-1", "111111111111")
	remove := s.Faults().Add(awslocal.Fault{Service: "secretsmanager", Operation: "List*", Region: "us-east-1", Account: "111111111111", Code: "ThrottlingException", After: 1, Times: 2})
	var got []string
	for range 5 {
		_, err := list(us)
		if err == nil {
			got = append(got, "ok")
			continue
		}
		wantCode(t, err, "ThrottlingException", 400, "Rate exceeded")
		got = append(got, "throttled")
	}
	if want := "ok throttled throttled ok ok"; strings.Join(got, " ") != want {
		t.Errorf("calls went %v, want %s", got, want)
	}
	remove()
	s.Faults().Add(awslocal.Fault{Region: "us-east-1", Code: "InternalServiceError", Message: "boom"})
	if _, err := list(eu); err != nil {
		t.Errorf("another Region: %v", err)
	}
	if _, err := list(secrets(s, "us-east-1", "111111111111")); err == nil {
		t.Error("no refusal")
	} else {
		wantCode(t, err, "InternalServiceError", 500, "boom")
	}
	s.Faults().Clear()
	if _, err := list(us); err != nil {
		t.Errorf("after Clear: %v", err)
	}
}

func TestAFaultOnAResourceLeavesTheOthersAlone(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := secrets(s, "us-east-1", "111111111111")
	bad := create(t, c, "app/bad", "v")
	create(t, c, "app/good", "v")
	s.Faults().Add(awslocal.Fault{Resource: "app/b*", Code: "AccessDeniedException"})

	for _, id := range []string{"app/bad", *bad.ARN} {
		wantCode(t, describe(c, id), "AccessDeniedException", 400, "")
	}
	if err := describe(c, "app/good"); err != nil {
		t.Error(err)
	}
	out, err := c.BatchGetSecretValue(ctx, &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{"app/bad", "app/good"}})
	if err != nil {
		t.Fatalf("the batch fails, not the entry: %v", err)
	}
	if len(out.SecretValues) != 1 || len(out.Errors) != 1 || *out.Errors[0].ErrorCode != "AccessDeniedException" {
		t.Errorf("batch: %d values, errors %+v", len(out.SecretValues), out.Errors)
	}
	if n := s.Ledger().Count(awslocal.Match{Resource: "app/bad", Outcome: "AccessDeniedException"}); n != 1 {
		t.Errorf("the ledger holds %d refusals by name, want 1: %+v", n, s.Ledger().Calls())
	}
}

func TestADroppedCallDoesNothingAndALostAnswerDidIt(t *testing.T) {
	for _, over := range []string{"transport", "HTTP"} {
		t.Run(over, func(t *testing.T) {
			s := newServer(t, awslocal.Options{})
			cfg := config(s, "us-east-1", key("111111111111"))
			if over == "HTTP" {
				url, err := s.Listen("127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				cfg.BaseEndpoint, cfg.HTTPClient = &url, nil
			}
			c := secretsmanager.NewFromConfig(cfg)
			put := func(name string) error {
				_, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("v")})
				return err
			}
			s.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Drop: true, Times: 1})
			if err := put("dropped"); err == nil {
				t.Error("a dropped call has no error")
			}
			s.Faults().Add(awslocal.Fault{Operation: "CreateSecret", LoseAnswer: true, Times: 1})
			if err := put("lost"); err == nil {
				t.Error("a lost answer is no error")
			}
			wantCode(t, describe(c, "dropped"), "ResourceNotFoundException", 400, "")
			if err := describe(c, "lost"); err != nil {
				t.Errorf("what the lost answer was about was not done: %v", err)
			}
			calls := s.Ledger().Calls().Where(awslocal.Match{Operation: "CreateSecret"})
			if len(calls) != 2 || !calls[0].Lost || calls[0].Outcome != awslocal.OutcomeNone || !calls[1].Lost || calls[1].Outcome != "" {
				t.Errorf("ledger: %+v", calls)
			}
		})
	}
}

func TestAHungCallEndsWithItsClientOrTheServer(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := secrets(s, "us-east-1", "111111111111")
	s.Faults().Add(awslocal.Fault{Hang: true})
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := c.ListSecrets(short, &secretsmanager.ListSecretsInput{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline's", err)
	}
	ended := make(chan error)
	go func() { _, err := list(c); ended <- err }()
	time.Sleep(20 * time.Millisecond)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(5 * time.Second):
		t.Error("the call outlives the server")
	}
}

func TestADelayDelays(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	s.Faults().Add(awslocal.Fault{Delay: 30 * time.Millisecond, Times: 1})
	start := time.Now()
	if _, err := list(secrets(s, "us-east-1", "1")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestListingsLagAndLoseEntries(t *testing.T) {
	clock := newClock()
	s := newServer(t, awslocal.Options{Clock: clock.Now, ListLag: time.Minute})
	c := secrets(s, "us-east-1", "111111111111")
	for _, n := range []string{"a", "b", "c"} {
		create(t, c, n, "v")
	}
	check := func(when string, want int) {
		t.Helper()
		if n, err := list(c); err != nil || n != want {
			t.Errorf("%s: %d entries, %v; want %d", when, n, err, want)
		}
	}
	check("just created", 0)
	clock.Advance(61 * time.Second)
	check("after the lag", 3)
	create(t, c, "d", "v")
	check("one created since", 3)
	s.SetListLag(0)
	check("no lag", 4)
	remove := s.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Lag: 5 * time.Minute})
	check("a fault's lag", 0)
	remove()
	remove = s.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Listing: service.ListingEmpty})
	check("empty", 0)
	remove()

	page := func(listing service.Listing) (entries int, more bool) {
		defer s.Faults().Add(awslocal.Fault{Listing: listing})()
		out, err := c.ListSecrets(ctx, &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(2)})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.SecretList), out.NextToken != nil
	}
	if n, more := page(service.ListingTruncated); n != 2 || more {
		t.Errorf("truncated: %d entries, more %v", n, more)
	}
	if n, _ := page(service.ListingNoFirst); n != 0 {
		t.Errorf("without the first page: its %d entries are there", n)
	}
}

func TestAHookRunsBeforeTheCallAndMayCallToo(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := secrets(s, "us-east-1", "111111111111")
	var seen awslocal.Call
	s.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Times: 1, Then: func(call awslocal.Call) {
		seen = call
		create(t, c, "late", "v")
	}})
	if err := describe(c, "late"); err != nil {
		t.Errorf("the hook did not run first: %v", err)
	}
	if seen.Resource != "late" || seen.Account != "111111111111" || seen.Operation != "DescribeSecret" {
		t.Errorf("the hook saw %+v", seen)
	}
}

func TestAProbabilityStrikesThatOften(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := secrets(s, "us-east-1", "111111111111")
	s.Faults().Add(awslocal.Fault{Probability: 0.3, Code: "ThrottlingException"})
	refused := 0
	for range 300 {
		if _, err := list(c); err != nil {
			refused++
		}
	}
	if refused < 60 || refused > 120 {
		t.Errorf("%d of 300 refused, want about 90", refused)
	}
}

func TestAFaultOnAKeyReachesTheServicesThatUseIt(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := secrets(s, "us-east-1", "111111111111")
	create(t, c, "app/db", "v")
	s.Faults().Add(awslocal.Fault{Service: "kms", Operation: "Decrypt", Resource: "alias/aws/secretsmanager", Code: "AccessDeniedException", Times: 1})
	get := func() error {
		_, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
		return err
	}
	if err := get(); err == nil {
		t.Error("the value is read without its key")
	}
	if err := get(); err != nil {
		t.Error(err)
	}
	if n := s.Ledger().Count(awslocal.Match{Internal: true, Operation: "Decrypt", Outcome: "AccessDeniedException"}); n != 1 {
		t.Errorf("%d refusals of the key in the ledger, want 1", n)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceQuotas: true})
	s.Faults().Add(awslocal.Fault{Operation: "DeleteSecret", Code: "AccessDeniedException"})
	var wg sync.WaitGroup
	for _, account := range []string{"111111111111", "222222222222", "333333333333", "444444444444"} {
		wg.Go(func() {
			creds, err := assume(t, s, key(account), "arn:aws:iam::"+account+":role/r")
			if err != nil {
				t.Error(err)
				return
			}
			c := secretsmanager.NewFromConfig(config(s, "us-east-1", creds))
			for i := range 30 {
				name := "s" + string(rune('a'+i%26)) + string(rune('a'+i/26))
				if _, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("v")}); err != nil {
					t.Error(err)
				}
				if _, err := list(c); err != nil {
					t.Error(err)
				}
				s.Ledger().Count(awslocal.Match{Account: account})
			}
		})
	}
	wg.Wait()
	if n := s.Ledger().Count(awslocal.Match{Operation: "CreateSecret", Outcome: awslocal.OK}); n != 120 {
		t.Errorf("%d created, want 120", n)
	}
}
