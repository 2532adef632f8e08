package awscfg_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	hub   = "111111111111"
	spoke = "222222222222"
)

func setUp(t *testing.T, aws awslocal.Options, o awscfg.Options) (*awslocal.Server, *awscfg.Factory) {
	t.Helper()
	server, err := awslocal.New(aws)
	if err != nil {
		t.Fatal(err)
	}
	url, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if o.MaxBackoff == 0 {
		o.MaxBackoff = 5 * time.Millisecond
	}
	o.Load = []func(*config.LoadOptions) error{
		config.WithBaseEndpoint(url), config.WithRegion("us-east-1"), config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(hub, "secret", "")),
	}
	return server, awscfg.New(o)
}

func client(t *testing.T, f *awscfg.Factory, to awscfg.Target) *secretsmanager.Client {
	t.Helper()
	cfg, err := f.Config(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	return secretsmanager.NewFromConfig(cfg)
}

func inSpoke(region secret.Region) awscfg.Target {
	return awscfg.Target{Role: "SecretSyncRole", Account: spoke, ExternalID: "7c1f", Region: region}
}

func list(ctx context.Context, c *secretsmanager.Client) error {
	_, err := c.ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
	return err
}

func TestOneSessionServesEveryRegionAndCall(t *testing.T) {
	server, f := setUp(t, awslocal.Options{}, awscfg.Options{RunID: "run 1"})
	var wg sync.WaitGroup
	for _, region := range []secret.Region{"us-east-1", "eu-west-1", "ap-south-1"} {
		c := client(t, f, inSpoke(region))
		for range 4 {
			wg.Go(func() {
				if err := list(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := server.Ledger().Count(awslocal.Match{Operation: "AssumeRole"}); n != 1 {
		t.Errorf("%d AssumeRole, want 1", n)
	}
	if n := server.Ledger().Count(awslocal.Match{Operation: "ListSecrets", Principal: "arn:aws:sts::222222222222:assumed-role/SecretSyncRole/secretsync-run-1"}); n != 12 {
		t.Errorf("%d listings in the session of the run, want 12", n)
	}
}

func TestAnExpiredSessionIsRenewedOnceAndTheCallMadeAgain(t *testing.T) {
	server, f := setUp(t, awslocal.Options{}, awscfg.Options{})
	c := client(t, f, inSpoke("us-east-1"))
	server.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Code: "ExpiredTokenException", Times: 1})
	if err := list(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if n := server.Ledger().Count(awslocal.Match{Operation: "AssumeRole"}); n != 2 {
		t.Errorf("%d AssumeRole, want 2", n)
	}
	server.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Code: "ExpiredTokenException"})
	m := server.Ledger().Mark()
	if err := awscfg.Error("ListSecrets", secret.Place{}, list(t.Context(), c)); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("got %v", err)
	}
	if n := server.Ledger().Since(m).Count(awslocal.Match{Operation: "ListSecrets"}); n != 2 {
		t.Errorf("%d calls, want 2: a new session is tried once", n)
	}
}

func TestWhatCantGetBetterIsNotTriedAgain(t *testing.T) {
	for code, want := range map[string]int{"LimitExceededException": 1, "AccessDeniedException": 1, "ThrottlingException": 8, "InternalServiceError": 8} {
		t.Run(code, func(t *testing.T) {
			server, f := setUp(t, awslocal.Options{}, awscfg.Options{})
			server.Faults().Add(awslocal.Fault{Code: code})
			if err := list(t.Context(), client(t, f, awscfg.Target{})); err == nil {
				t.Fatal("no error")
			}
			if n := server.Ledger().Count(awslocal.Match{}); n != want {
				t.Errorf("%d attempts, want %d", n, want)
			}
		})
	}
}

func TestACallWithoutAnAnswerIsTriedAgainAfterTheTimeout(t *testing.T) {
	counter := &awscfg.Counter{}
	server, f := setUp(t, awslocal.Options{}, awscfg.Options{Timeout: 50 * time.Millisecond, Observe: counter.Observe})
	server.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Hang: true, Times: 2})
	if err := list(t.Context(), client(t, f, awscfg.Target{})); err != nil {
		t.Fatal(err)
	}
	got := map[awscfg.Outcome]int{}
	for _, c := range counter.Counts() {
		got[c.Outcome] += c.Attempts
	}
	if got[awscfg.TimedOut] != 2 || got[awscfg.OK] != 1 {
		t.Errorf("got %v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	server.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Hang: true})
	err := awscfg.Error("ListSecrets", secret.Place{}, list(ctx, client(t, f, awscfg.Target{})))
	if !errors.Is(err, context.DeadlineExceeded) || err.Kind != nil {
		t.Errorf("the caller's own deadline: got %v of kind %v", err, err.Kind)
	}
}

func TestWritesStayBelowTheQuotaOfAServerThatEnforcesIt(t *testing.T) {
	server, f := setUp(t, awslocal.Options{EnforceQuotas: true}, awscfg.Options{})
	c := client(t, f, inSpoke("us-east-1"))
	var wg sync.WaitGroup
	began := time.Now()
	for i := range 90 {
		wg.Go(func() {
			_, err := c.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(fmt.Sprint("s", i)), SecretString: aws.String("x")})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := server.Ledger().Count(awslocal.Match{Outcome: "Throttling*"}); n != 0 {
		t.Errorf("%d calls were throttled, want none", n)
	}
	// 90 writes at 40 a second, but for a burst of 5: neither above the pace, nor much below the quota.
	if took := time.Since(began); took < 85*time.Second/45 || took > 3*90*time.Second/50 {
		t.Errorf("it took %s", took)
	}
}

func TestAQuotaThatOthersUseUpSlowsUsDownAndFailsNothing(t *testing.T) {
	counter := &awscfg.Counter{}
	server, f := setUp(t, awslocal.Options{}, awscfg.Options{Observe: counter.Observe})
	server.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Code: "ThrottlingException", Probability: 0.3})
	c := client(t, f, inSpoke("us-east-1"))
	var wg sync.WaitGroup
	for i := range 25 {
		wg.Go(func() {
			if _, err := c.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(fmt.Sprint("s", i)), SecretString: aws.String("x")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestTheAccountIsLearnedForFreeOrAskedOnce(t *testing.T) {
	server, f := setUp(t, awslocal.Options{}, awscfg.Options{})
	for range 3 {
		if account, err := f.Account(t.Context()); err != nil || account != hub {
			t.Fatal(account, err)
		}
	}
	if n := server.Ledger().Count(awslocal.Match{Operation: "GetCallerIdentity"}); n != 1 {
		t.Errorf("%d GetCallerIdentity, want 1", n)
	}
	server, f = setUp(t, awslocal.Options{}, awscfg.Options{})
	f.Learn("not an arn")
	f.Learn("arn:aws:secretsmanager:us-east-1:333333333333:secret:a-b1c2d3")
	if account, err := f.Account(t.Context()); err != nil || account != "333333333333" || server.Ledger().Count(awslocal.Match{}) != 0 {
		t.Error(account, err)
	}
}

func TestVerifyAsksOncePerSessionAndNamesBothAccounts(t *testing.T) {
	server, f := setUp(t, awslocal.Options{}, awscfg.Options{})
	for _, region := range []secret.Region{"us-east-1", "eu-west-1"} {
		if err := f.Verify(t.Context(), inSpoke(region), spoke); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Ledger().Count(awslocal.Match{Operation: "GetCallerIdentity"}); n != 1 {
		t.Errorf("%d GetCallerIdentity, want 1", n)
	}
	err := f.Verify(t.Context(), awscfg.Target{Role: "arn:aws:iam::444444444444:role/x", Region: "us-east-1"}, spoke)
	if !errors.Is(err, store.ErrWrongAccount) || !strings.Contains(err.Error(), "444444444444") || !strings.Contains(err.Error(), spoke) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutCredentialsTheErrorSaysWhatToDo(t *testing.T) {
	missing := errors.New("nothing there")
	f := awscfg.New(awscfg.Options{Load: []func(*config.LoadOptions) error{
		config.WithRegion("us-east-1"), config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithCredentialsProvider(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, missing })),
	}})
	_, err := f.Account(t.Context())
	if !errors.Is(err, store.ErrCredentials) || !strings.Contains(err.Error(), "AWS_PROFILE") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutARegionTheErrorSaysWhatToDo(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	f := awscfg.New(awscfg.Options{Load: []func(*config.LoadOptions) error{config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{})}})
	if _, err := f.Config(t.Context(), awscfg.Target{}); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("got %v", err)
	}
}

func TestARoleIsNamedByItsPartition(t *testing.T) {
	for _, test := range []struct {
		to   awscfg.Target
		want string
	}{
		{awscfg.Target{}, ""},
		{awscfg.Target{Role: "R", Account: spoke, Region: "us-east-1"}, "arn:aws:iam::222222222222:role/R"},
		{awscfg.Target{Role: "a/b/R", Account: spoke, Region: "cn-north-1"}, "arn:aws-cn:iam::222222222222:role/a/b/R"},
		{awscfg.Target{Role: "/a/R", Account: spoke, Region: "us-gov-west-1"}, "arn:aws-us-gov:iam::222222222222:role/a/R"},
		{awscfg.Target{Role: "arn:aws:iam::333333333333:role/x/R", Account: spoke, Region: "us-east-1"}, "arn:aws:iam::333333333333:role/x/R"},
	} {
		if got := test.to.RoleARN(); got != test.want {
			t.Errorf("%+v: got %q, want %q", test.to, got, test.want)
		}
	}
}
