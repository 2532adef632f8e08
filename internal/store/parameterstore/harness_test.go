package parameterstore_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/parameterstore"
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

// hurry lifts the pace of an account's calls: AWS's quotas, three writes a second, are tested by themselves.
func hurry(f *awscfg.Factory, account string) {
	for _, op := range []string{"GetParameter", "PutParameter", "DeleteParameter", "GetParameterHistory", "DescribeParameters"} {
		f.Raise(awscfg.Target{Role: "SecretSyncRole", Account: secret.AccountID(account), Region: home}, "SSM", op, 100_000)
		f.Raise(awscfg.Target{Region: home}, "SSM", op, 100_000)
	}
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
	return parameterstore.Driver(f).Open(store.Definition{Name: "test", Decode: func(into any) error {
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
	d, err := open(t, f, "role: SecretSyncRole\n"+settings).Destination(t.Context(), secret.Place{Kind: secret.ParameterStore, Account: spoke, Region: home})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fixture opens an account through a role, and by its own key as somebody else. The suites' names have levels, and no "/" before them, which AWS asks for.
func fixture(t *testing.T, f *awscfg.Factory, account string, back *api.Client) storetest.Fixture {
	t.Helper()
	hurry(f, account)
	s := open(t, f, fmt.Sprintf("{role: SecretSyncRole, account: %q, region: %s}", account, home))
	src, err := s.Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	dest, err := s.Destination(t.Context(), secret.Place{Kind: secret.ParameterStore, Account: secret.AccountID(account), Region: home})
	if err != nil {
		t.Fatal(err)
	}
	all := slashed().Fixture(src, dest, backdoor{back})
	all.Rotation = slashed().Rotation(rotationOf(t, s))
	return all
}

// slashed leads the suites' names, "app/db", to some that a parameter below a path can have.
func slashed() storetest.Naming {
	return storetest.Naming{
		In:  func(n secret.Name) secret.Name { return "/" + n },
		Out: func(n secret.Name) secret.Name { return secret.Name(strings.TrimPrefix(string(n), "/")) },
	}
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
	return b.put(t, &api.PutParameterInput{Name: id(name), Value: aws.String(string(v.Reveal())), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
}

// put writes a parameter as asked, and returns the version as the driver names it.
func (b backdoor) put(t *testing.T, in *api.PutParameterInput) secret.Version {
	t.Helper()
	if _, err := b.PutParameter(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, v := b.Value(t, secret.Name(*in.Name))
	return v
}

func (b backdoor) Remove(t *testing.T, name secret.Name) {
	t.Helper()
	if _, err := b.DeleteParameter(t.Context(), &api.DeleteParameterInput{Name: id(name)}); err != nil {
		t.Fatal(err)
	}
}

// Value returns the value, and as its version the token that the description names where it is of this very version.
func (b backdoor) Value(t *testing.T, name secret.Name) (secret.Value, secret.Version) {
	t.Helper()
	out, err := b.GetParameter(t.Context(), &api.GetParameterInput{Name: id(name), WithDecryption: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	value, version := secret.Text([]byte(*out.Parameter.Value)), secret.Version(fmt.Sprintf("%d@%s", out.Parameter.Version, out.Parameter.LastModifiedDate.UTC().Format(time.RFC3339)))
	fields := map[string]string{}
	for _, w := range strings.Fields(b.description(t, name)) {
		k, v, _ := strings.Cut(w, "=")
		fields[k] = v
	}
	if fields["written"] == fmt.Sprint(out.Parameter.Version) {
		version = secret.Version(fields["version"])
	}
	return value, version
}

// description returns the description as it is.
func (b backdoor) description(t *testing.T, name secret.Name) string {
	t.Helper()
	return aws.ToString(b.describe(t, name).Description)
}

func (b backdoor) describe(t *testing.T, name secret.Name) types.ParameterMetadata {
	t.Helper()
	out, err := b.DescribeParameters(t.Context(), &api.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("Equals"), Values: []string{string(name)}}}})
	if err != nil || len(out.Parameters) != 1 {
		t.Fatalf("%q: %d parameters, error %v", name, len(out.Parameters), err)
	}
	return out.Parameters[0]
}

// Versions returns the number of the latest version: one more for every write since the creation.
func (b backdoor) Versions(t *testing.T, name secret.Name) int {
	t.Helper()
	return int(b.describe(t, name).Version)
}

// gone reports whether a parameter does not exist.
func (b backdoor) gone(t *testing.T, name secret.Name) bool {
	t.Helper()
	_, err := b.GetParameter(t.Context(), &api.GetParameterInput{Name: id(name)})
	return errors.As(err, new(*types.ParameterNotFound))
}

func (backdoor) Plant(t *testing.T, _ secret.Name, _ secret.Version, _ secret.Value) {
	t.Helper()
	t.Fatal("versions have no ids of one's choice")
}

func (backdoor) MoveCurrent(t *testing.T, _ secret.Name, _ secret.Version) {
	t.Helper()
	t.Fatal("the latest version is the current one")
}

func (backdoor) Tag(t *testing.T, _ secret.Name, _ map[string]string) {
	t.Helper()
	t.Fatal("no listing tells tags")
}

func (backdoor) Describe(t *testing.T, _ secret.Name, _ string) {
	t.Helper()
	t.Fatal("the description is the mark")
}

func (backdoor) Schedule(t *testing.T, _ secret.Name) {
	t.Helper()
	t.Fatal("there is no recovery window")
}

func id(name secret.Name) *string { return aws.String(string(name)) }

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
