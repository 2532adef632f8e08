package share_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/share"
	"github.com/secretsync-dev/secretsync/internal/store"
	sm "github.com/secretsync-dev/secretsync/internal/store/secretsmanager"
)

const (
	region = "eu-west-1"
	hub    = "111111111111"
	other  = "222222222222"
	canary = "cAnArY-77aa"
	reader = "arn:aws:iam::222222222222:role/reader"
	key    = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"
)

// accounts are a hub whose role may do what the documentation says that sharing needs, and another account with a role that has the policies READER.
const accounts = `
accounts:
  "111111111111":
    users: {root: {accessKeyId: "111111111111"}}
    roles:
      sharer:
        accessKeyId: SHARER
        trust: {Statement: [{Effect: Allow, Principal: {AWS: "111111111111"}, Action: "sts:AssumeRole"}]}
        policies: [{Version: 2012-10-17, Statement: [
          {Effect: Allow, Resource: "arn:aws:secretsmanager:*:111111111111:secret:*", Action: [
            "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:PutResourcePolicy",
            "secretsmanager:DeleteResourcePolicy", "secretsmanager:ValidateResourcePolicy"]},
          {Effect: Allow, Resource: "arn:aws:kms:*:111111111111:key/*", Action: ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy"]}]}]
    regions:
      eu-west-1:
        keys:
          alias/app: {id: 11111111-2222-3333-4444-555555555555}
        secrets:
          app/db: {value: cAnArY-77aa-1, kmsKey: alias/app}
          app/other: {value: cAnArY-77aa-2, kmsKey: 11111111-2222-3333-4444-555555555555}
          app/plain: {value: cAnArY-77aa-3}
      cn-north-1:
        keys: {alias/app: {}}
        secrets: {app/db: {value: cAnArY-77aa-4, kmsKey: alias/app}}
  "222222222222":
    users: {root: {accessKeyId: "222222222222"}}
    roles:
      reader:
        accessKeyId: READER
        trust: {Statement: [{Effect: Allow, Principal: {AWS: "222222222222"}, Action: "sts:AssumeRole"}]}
        policies: [READER]
      bystander:
        accessKeyId: BYSTANDER
        trust: {Statement: [{Effect: Allow, Principal: {AWS: "222222222222"}, Action: "sts:AssumeRole"}]}
        policies: [{Version: 2012-10-17, Statement: [{Effect: Allow, Resource: "*", Action: "*"}]}]
`

const everything = `'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'`

// world is an embedded AWS that enforces IAM, as one role of it sees it.
type world struct {
	*testing.T
	aws *awslocal.Server
	url string
}

func newWorld(t *testing.T, readerPolicy string) *world {
	t.Helper()
	seed, err := awslocal.ParseSeed(strings.NewReader(strings.ReplaceAll(accounts, "[READER]", "["+readerPolicy+"]")), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server, err := awslocal.New(awslocal.Options{EnforceIAM: true, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	url, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, server, url}
}

func (w *world) config(accessKey string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &w.url, HTTPClient: http.DefaultClient, Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func (w *world) secrets(accessKey string) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(w.config(accessKey))
}

func (w *world) keys(accessKey string) *kms.Client { return kms.NewFromConfig(w.config(accessKey)) }

// sharing opens the hub's store with the settings, as the role that shares.
func (w *world) sharing(settings string) store.Sharing { return w.sharingAs("SHARER", settings) }

func (w *world) sharingAs(accessKey, settings string) store.Sharing {
	w.Helper()
	f := awscfg.New(awscfg.Options{Attempts: 1, Load: []func(*awsconfig.LoadOptions) error{
		awsconfig.WithRegion(region), awsconfig.WithBaseEndpoint(w.url),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(accessKey, "any", "")),
	}})
	st, err := sm.Driver(f).Open(store.Definition{Name: "hub", Decode: func(into any) error { return yaml.Load([]byte(settings), into, yaml.WithKnownFields()) }})
	if err != nil {
		w.Fatal(err)
	}
	s, err := st.(store.Sharer).Sharing(w.Context(), secret.Place{})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func principal(t *testing.T, text string) share.Principal {
	t.Helper()
	p, err := share.ParsePrincipal(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run makes and applies a request.
func (w *world) run(name, whom string, revoke bool) (*share.Plan, error) {
	w.Helper()
	s := w.sharing("{}")
	p, err := share.Make(w.Context(), s, share.Request{Secret: secret.Name(name), With: principal(w.T, whom), Revoke: revoke})
	if err == nil {
		err = share.Apply(w.Context(), s, p)
	}
	if err != nil && strings.Contains(err.Error(), canary) {
		w.Fatal("a value is in an error")
	}
	return p, err
}

func (w *world) must(name, whom string, revoke bool) *share.Plan {
	w.Helper()
	p, err := w.run(name, whom, revoke)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) arn(name string) string {
	w.Helper()
	out, err := w.secrets(hub).DescribeSecret(w.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name})
	if err != nil {
		w.Fatal(err)
	}
	return *out.ARN
}

// reads returns what comes of reading a secret by its ARN with an access key.
func (w *world) reads(accessKey, arn string) error {
	out, err := w.secrets(accessKey).GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err == nil && !strings.HasPrefix(aws.ToString(out.SecretString), canary) {
		w.Fatal("another value")
	}
	return err
}

func (w *world) policy(name string) string {
	w.Helper()
	out, err := w.secrets(hub).GetResourcePolicy(w.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: &name})
	if err != nil {
		w.Fatal(err)
	}
	return aws.ToString(out.ResourcePolicy)
}

func (w *world) keyPolicy() string {
	w.Helper()
	out, err := w.keys(hub).GetKeyPolicy(w.Context(), &kms.GetKeyPolicyInput{KeyId: aws.String(key)})
	if err != nil {
		w.Fatal(err)
	}
	return aws.ToString(out.Policy)
}

func TestMain(m *testing.M) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Exit(m.Run())
}
