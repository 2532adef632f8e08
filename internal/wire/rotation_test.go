package wire_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/all"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

const rotationConfig = `version: 1
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  again: {type: aws-secrets-manager, region: us-east-1}
  dr: {type: aws-secrets-manager, region: eu-west-1}
groupsFrom: {store: again, secret: groups}
syncs:
  - {name: all, from: hub, select: {glob: ["**"]}, to: [{store: dr}]}
rotations:
  - {store: hub, secret: app, strategy: alternating-users}
`

// opened is a configuration over an AWS in memory.
func opened(t *testing.T, server *awslocal.Server) (*config.File, map[secret.StoreName]store.Store) {
	t.Helper()
	t.Setenv("AWS_CA_BUNDLE", "")
	registry, err := all.Drivers(awscfg.New(awscfg.Options{RunID: "test", Load: []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(&http.Client{Transport: server.Transport()}), awsconfig.WithBaseEndpoint("http://aws.test"), awsconfig.WithRegion("us-east-1"),
		awsconfig.WithSharedConfigFiles([]string{}), awsconfig.WithSharedCredentialsFiles([]string{}),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("123456789012", "any", "")),
	}}))
	if err != nil {
		t.Fatal(err)
	}
	f, err := config.Parse("secretsync.yaml", []byte(rotationConfig), func(string) (string, bool) { return "", false }, wire.Kinds(registry))
	if err != nil {
		t.Fatal(err)
	}
	stores, err := wire.Open(f, registry)
	if err != nil {
		t.Fatal(err)
	}
	return f, stores
}

func TestAMasterIsFoundByItsWholeARNOrByItsName(t *testing.T) {
	server, err := awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{"123456789012": {Regions: map[string]awslocal.SeedRegion{
		"us-east-1": {Secrets: map[string]awslocal.SeedSecret{"app": {Value: "{}"}, "db": {Value: "another"}, "db-master": {Value: "here"}}},
		"eu-west-1": {Secrets: map[string]awslocal.SeedSecret{"db-master": {Value: "there"}}},
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	arnOf := func(region string) string {
		t.Helper()
		out, err := secretsmanager.New(secretsmanager.Options{Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: server.Transport()},
			Credentials: credentials.NewStaticCredentialsProvider("123456789012", "any", "")}).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("db-master")})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.ARN)
	}
	f, stores := opened(t, server)
	s, err := wire.Rotatable(t.Context(), f, stores, nil, store.Ref{Store: "hub", Secret: "app"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		named, want string
		kind        error
	}{
		{arnOf("us-east-1"), "here", nil},
		{arnOf("eu-west-1"), "there", nil},
		{"db-master", "here", nil},
		{"arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf", "", store.ErrNotFound}, // a secret of that name that was removed, and made anew
		{"arn:aws:secretsmanager:us-west-2:123456789012:secret:db-master-AbCdEf", "", store.ErrNotFound},
		{"arn:aws:secretsmanager:us-east-1:999999999999:secret:db-master-AbCdEf", "", store.ErrNotFound},
		{"arn:aws:ssm:us-east-1:123456789012:parameter/db", "", store.ErrInvalid},
		{"arn:aws:nothing", "", store.ErrInvalid},
	} {
		v, err := s.Lookup(t.Context(), nil, c.named)
		if !errors.Is(err, c.kind) || err == nil && !v.Equal(secret.Text([]byte(c.want))) {
			t.Errorf("%s: %v", c.named, err)
		}
	}
}

func TestARotationIsFoundByThePlaceOfItsSecretAndWhatTheConfigurationReadsHasNone(t *testing.T) {
	server, err := awslocal.New(awslocal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	f, stores := opened(t, server)
	for in, want := range map[secret.StoreName]bool{"hub": true, "again": true, "dr": false} {
		ref := store.Ref{Store: in, Secret: "app"}
		s, err := wire.Rotatable(t.Context(), f, stores, nil, ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := wire.RotationOf(t.Context(), f, stores, ref) != nil; got != want || (s.Strategy != "") != want {
			t.Errorf("%s: %v, strategy %q", in, got, s.Strategy)
		}
	}
	for _, ref := range []store.Ref{{Store: "hub", Secret: "groups"}, {Store: "again", Secret: "groups"}, {Store: "dr", Secret: "itself"}} {
		if _, err := wire.Rotatable(t.Context(), f, stores, []secret.Name{"itself"}, ref); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%v: %v", ref, err)
		}
	}
}
