package secretsmanager_test

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/secretsmanager"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

const (
	hub   = "111111111111"
	spoke = "222222222222"
	home  = "us-east-1"
)

// factory returns a factory that calls the AWS at url as an access key.
func factory(t *testing.T, url, accessKey string, change ...func(*awscfg.Options)) *awscfg.Factory {
	t.Helper()
	o := awscfg.Options{
		RunID: "test", MaxBackoff: 5 * time.Millisecond,
		Load: []func(*config.LoadOptions) error{
			config.WithBaseEndpoint(url), config.WithRegion(home), config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
			config.WithCredentialsProvider(keys(accessKey)),
		},
	}
	for _, c := range change {
		c(&o)
	}
	return awscfg.New(o)
}

// open opens a store of settings, as YAML.
func open(t *testing.T, f *awscfg.Factory, settings string) store.Store {
	t.Helper()
	s, err := tryOpen(f, settings)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryOpen(f *awscfg.Factory, settings string) (store.Store, error) {
	return secretsmanager.Driver(f).Open(store.Definition{Name: "test", Decode: func(into any) error {
		return yaml.Load([]byte(settings), into, yaml.WithKnownFields())
	}})
}

// embedded starts an embedded AWS.
func embedded(t *testing.T, o awslocal.Options) (*awslocal.Server, string) {
	t.Helper()
	server, err := awslocal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	url, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server, url
}

// target opens the spoke of an embedded AWS through a role of the hub.
func target(t *testing.T, f *awscfg.Factory, settings string) store.Destination {
	t.Helper()
	d, err := open(t, f, "role: SecretSyncRole\n"+settings).Destination(t.Context(), secret.Place{Kind: secret.SecretsManager, Account: spoke, Region: home})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fixture opens an account through a role, and by its own key as somebody else.
func fixture(t *testing.T, f *awscfg.Factory, account string, back *api.Client) storetest.Fixture {
	t.Helper()
	// AWS's quota, fifty writes a second, is tested by itself.
	f.Raise(awscfg.Target{Role: "SecretSyncRole", Account: secret.AccountID(account), Region: home}, "Secrets Manager", "PutSecretValue", 100_000)
	s := open(t, f, fmt.Sprintf("{role: SecretSyncRole, account: %q, region: %s}", account, home))
	src, err := s.Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	dest, err := s.Destination(t.Context(), secret.Place{Kind: secret.SecretsManager, Account: secret.AccountID(account), Region: home})
	if err != nil {
		t.Fatal(err)
	}
	return storetest.Fixture{Source: src, Destination: dest, Back: backdoor{back}, Rotation: rotationOf(t, s), Empty: func(t *testing.T, name secret.Name) {
		if _, err := back.CreateSecret(t.Context(), &api.CreateSecretInput{Name: id(name)}); err != nil {
			t.Fatal(err)
		}
	}}
}

// rawClient returns a client that nothing paces or retries.
func rawClient(url string, creds aws.CredentialsProvider) *api.Client {
	return api.NewFromConfig(aws.Config{Region: home, BaseEndpoint: &url, Credentials: creds})
}

// keys are the credentials that the embedded AWS takes for an account's own.
func keys(account string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(account, "secret", "")
}

// backdoor acts through the same API, as somebody else.
type backdoor struct{ *api.Client }

func (b backdoor) Put(t *testing.T, name secret.Name, v secret.Value) secret.Version {
	t.Helper()
	text, binary := material(v)
	out, err := b.PutSecretValue(t.Context(), &api.PutSecretValueInput{SecretId: id(name), SecretString: text, SecretBinary: binary})
	if err == nil {
		return secret.Version(*out.VersionId)
	}
	made, err := b.CreateSecret(t.Context(), &api.CreateSecretInput{Name: id(name), SecretString: text, SecretBinary: binary})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Version(*made.VersionId)
}

func (b backdoor) Plant(t *testing.T, name secret.Name, version secret.Version, v secret.Value) {
	t.Helper()
	text, binary := material(v)
	_, err := b.PutSecretValue(t.Context(), &api.PutSecretValueInput{SecretId: id(name), SecretString: text, SecretBinary: binary, ClientRequestToken: aws.String(string(version)), VersionStages: []string{"planted"}})
	if err == nil {
		_, err = b.UpdateSecretVersionStage(t.Context(), &api.UpdateSecretVersionStageInput{SecretId: id(name), VersionStage: aws.String("planted"), RemoveFromVersionId: aws.String(string(version))})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (b backdoor) MoveCurrent(t *testing.T, name secret.Name, version secret.Version) {
	t.Helper()
	d, err := b.DescribeSecret(t.Context(), &api.DescribeSecretInput{SecretId: id(name)})
	if err != nil {
		t.Fatal(err)
	}
	for v, labels := range d.VersionIdsToStages {
		if !slices.Contains(labels, "AWSCURRENT") {
			continue
		}
		_, err := b.UpdateSecretVersionStage(t.Context(), &api.UpdateSecretVersionStageInput{SecretId: id(name), VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: aws.String(string(version)), RemoveFromVersionId: aws.String(v)})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (b backdoor) Tag(t *testing.T, name secret.Name, tags map[string]string) {
	t.Helper()
	in := &api.TagResourceInput{SecretId: id(name)}
	for k, v := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	if _, err := b.TagResource(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func (b backdoor) Describe(t *testing.T, name secret.Name, text string) {
	t.Helper()
	if _, err := b.UpdateSecret(t.Context(), &api.UpdateSecretInput{SecretId: id(name), Description: &text}); err != nil {
		t.Fatal(err)
	}
}

func (b backdoor) Schedule(t *testing.T, name secret.Name) {
	t.Helper()
	if _, err := b.DeleteSecret(t.Context(), &api.DeleteSecretInput{SecretId: id(name), RecoveryWindowInDays: aws.Int64(7)}); err != nil {
		t.Fatal(err)
	}
}

func (b backdoor) Remove(t *testing.T, name secret.Name) {
	t.Helper()
	if _, err := b.DeleteSecret(t.Context(), &api.DeleteSecretInput{SecretId: id(name), ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
}

func (b backdoor) Value(t *testing.T, name secret.Name) (secret.Value, secret.Version) {
	t.Helper()
	out, err := b.GetSecretValue(t.Context(), &api.GetSecretValueInput{SecretId: id(name), VersionStage: aws.String("AWSCURRENT")})
	if err != nil {
		t.Fatal(err)
	}
	if out.SecretString != nil {
		return secret.Text([]byte(*out.SecretString)), secret.Version(*out.VersionId)
	}
	return secret.Binary(out.SecretBinary), secret.Version(*out.VersionId)
}

func (b backdoor) Versions(t *testing.T, name secret.Name) int {
	t.Helper()
	out, err := b.ListSecretVersionIds(t.Context(), &api.ListSecretVersionIdsInput{SecretId: id(name), IncludeDeprecated: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Versions)
}

func id(name secret.Name) *string { return aws.String(string(name)) }

func material(v secret.Value) (*string, []byte) {
	if v.IsBinary() {
		return nil, v.Reveal()
	}
	return aws.String(string(v.Reveal())), nil
}

// declared fails the test for every call of the driver under test that its Access does not declare. GetCallerIdentity needs no permission.
func declared(t *testing.T, server *awslocal.Server, s store.Store) {
	t.Helper()
	allowed := map[string]bool{"sts:GetCallerIdentity": true}
	for _, use := range []store.Use{store.UseSource, store.UseWrite, store.UseDelete, store.UseVerify, store.UseRotate, store.UseConnect} {
		for _, a := range s.Access(use) {
			allowed[a.Action] = true
		}
	}
	for _, c := range server.Ledger().Calls() {
		action := c.Service + ":" + c.Operation
		if driver := strings.Contains(c.Principal, "SecretSyncRole") || c.Account == hub; driver && !c.Internal && !allowed[action] {
			t.Errorf("%s was called, and Access does not declare it", action)
		}
	}
}

// freshAccount returns an account that no other test uses.
func freshAccount(t *testing.T) string {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(899_999_999_999))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(100_000_000_000 + n.Int64())
}
