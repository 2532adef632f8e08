package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscfgsdk "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/all"
)

const (
	hub    = "123456789012"
	one    = "111111111111"
	two    = "222222222222"
	three  = "333333333333"
	east   = "us-east-1"
	west   = "eu-west-1"
	canary = "canary-5b1e"
)

// lab is an embedded AWS, and people who act in it.
type lab struct {
	t   *testing.T
	aws *awslocal.Server
	// client changes how engines call the AWS; nil: not at all.
	client func(*awscfg.Options)
	mu     sync.Mutex
	ahead  time.Duration
}

func newLab(t *testing.T, change ...func(*awslocal.Options)) *lab {
	t.Helper()
	l := &lab{t: t}
	o := awslocal.Options{Clock: l.now}
	for _, c := range change {
		c(&o)
	}
	server, err := awslocal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	l.aws = server
	return l
}

func (l *lab) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Add(l.ahead)
}

// later moves the embedded AWS's clock.
func (l *lab) later(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
}

// as returns a client of somebody who owns an account.
func (l *lab) as(account, region string) *sm.Client {
	return sm.New(sm.Options{Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: l.aws.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(account, "secret", "")})
}

// httpClient leads to the embedded AWS.
func (l *lab) httpClient() *http.Client { return &http.Client{Transport: l.aws.Transport()} }

// ownKey is the key of an account's owner.
func ownKey(account string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(account, "secret", "")
}

// put makes a secret, or gives it another value. Options are "tag:k=v", "key=…", "binary", "description=…".
func (l *lab) put(account, region, name, value string, options ...string) {
	l.t.Helper()
	in := &sm.CreateSecretInput{Name: &name}
	binary := false
	for _, o := range options {
		k, v, _ := strings.Cut(o, "=")
		switch {
		case k == "binary":
			binary = true
		case k == "key":
			in.KmsKeyId = aws.String(v)
		case k == "description":
			in.Description = aws.String(v)
		default:
			in.Tags = append(in.Tags, types.Tag{Key: aws.String(strings.TrimPrefix(k, "tag:")), Value: aws.String(v)})
		}
	}
	if binary {
		in.SecretBinary = []byte(value)
	} else {
		in.SecretString = &value
	}
	if _, err := l.as(account, region).CreateSecret(l.t.Context(), in); err != nil {
		put := &sm.PutSecretValueInput{SecretId: &name, SecretString: in.SecretString, SecretBinary: in.SecretBinary}
		if _, err2 := l.as(account, region).PutSecretValue(l.t.Context(), put); err2 != nil {
			l.t.Fatal(err, err2)
		}
	}
}

func (l *lab) describe(account, region, name string) *sm.DescribeSecretOutput {
	l.t.Helper()
	out, err := l.as(account, region).DescribeSecret(l.t.Context(), &sm.DescribeSecretInput{SecretId: &name})
	if err != nil {
		l.t.Fatalf("describe %s in %s/%s: %v", name, account, region, err)
	}
	return out
}

func (l *lab) missing(account, region, name string) bool {
	_, err := l.as(account, region).DescribeSecret(l.t.Context(), &sm.DescribeSecretInput{SecretId: &name})
	return err != nil && strings.Contains(err.Error(), "ResourceNotFound")
}

// value returns the current value and version of a secret; "binary:" stands before a binary one.
func (l *lab) value(account, region, name string) (value, version string) {
	l.t.Helper()
	out, err := l.as(account, region).GetSecretValue(l.t.Context(), &sm.GetSecretValueInput{SecretId: &name})
	if err != nil {
		l.t.Fatalf("read %s in %s/%s: %v", name, account, region, err)
	}
	if out.SecretString == nil {
		return "binary:" + string(out.SecretBinary), aws.ToString(out.VersionId)
	}
	return *out.SecretString, aws.ToString(out.VersionId)
}

func (l *lab) tags(account, region, name string) map[string]string {
	l.t.Helper()
	tags := map[string]string{}
	for _, t := range l.describe(account, region, name).Tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags
}

func (l *lab) tag(account, region, name, key, value string) {
	l.t.Helper()
	_, err := l.as(account, region).TagResource(l.t.Context(), &sm.TagResourceInput{SecretId: &name, Tags: []types.Tag{{Key: &key, Value: &value}}})
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) untag(account, region, name, key string) {
	l.t.Helper()
	if _, err := l.as(account, region).UntagResource(l.t.Context(), &sm.UntagResourceInput{SecretId: &name, TagKeys: []string{key}}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) remove(account, region, name string) {
	l.t.Helper()
	if _, err := l.as(account, region).DeleteSecret(l.t.Context(), &sm.DeleteSecretInput{SecretId: &name}); err != nil {
		l.t.Fatal(err)
	}
}

// calls counts the calls that came in since the last call of calls or forget, by operation: "ListSecrets 3, PutSecretValue 1".
func (l *lab) calls() string {
	counts := map[string]int{}
	for _, c := range l.aws.Ledger().Calls() {
		if !c.Internal {
			counts[c.Operation]++
		}
	}
	l.aws.Ledger().Reset()
	var all []string
	for op, n := range counts {
		all = append(all, fmt.Sprintf("%s %d", op, n))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (l *lab) forget() { l.aws.Ledger().Reset() }

// engine wires the real drivers to the embedded AWS, as credentials of an account.
func (l *lab) engine(text string, change ...func(*engine.Setup)) *engine.Engine {
	l.t.Helper()
	return l.engineAs(hub, text, change...)
}

func (l *lab) engineAs(key, text string, change ...func(*engine.Setup)) *engine.Engine {
	l.t.Helper()
	options := awscfg.Options{RunID: "test", MaxBackoff: 5 * time.Millisecond, Timeout: 2 * time.Second, Load: []func(*awscfgsdk.LoadOptions) error{
		awscfgsdk.WithHTTPClient(&http.Client{Transport: l.aws.Transport()}),
		awscfgsdk.WithBaseEndpoint("http://aws.test"),
		awscfgsdk.WithRegion(east),
		awscfgsdk.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(key, "secret", "")),
	}}
	if l.client != nil {
		l.client(&options)
	}
	factory := awscfg.New(options)
	registry, err := all.Drivers(factory)
	if err != nil {
		l.t.Fatal(err)
	}
	var kinds []config.Kind
	for _, d := range registry.Drivers() {
		kinds = append(kinds, config.Kind{Type: d.Type, Settings: d.Schema})
	}
	if text == "" {
		text = config.BuiltInText
	}
	file, err := config.Parse("secretsync.yaml", []byte(text), func(string) (string, bool) { return "", false }, kinds)
	if err != nil {
		l.t.Fatal(err)
	}
	set := engine.Setup{Owner: file.Owner, Rules: file.Rules, Stores: map[secret.StoreName]store.Store{}, Groups: file.Groups,
		ParseGroups: config.ParseGroups, Limits: file.Limits, ConfigDigest: file.Digest, Now: l.now}
	if file.GroupsFrom != nil {
		set.GroupsFrom = &store.Ref{Store: file.GroupsFrom.Store, Secret: file.GroupsFrom.Secret}
	}
	for _, s := range file.Stores {
		d, _ := registry.Driver(s.Type)
		if set.Stores[s.Name], err = d.Open(store.Definition{Name: s.Name, Decode: s.Decode}); err != nil {
			l.t.Fatal(err)
		}
	}
	for _, c := range change {
		c(&set)
	}
	return engine.New(set)
}

// sync plans and applies.
func (l *lab) sync(e *engine.Engine, o engine.Options) *engine.Report {
	l.t.Helper()
	return l.syncWithin(l.t.Context(), e, o)
}

func (l *lab) syncWithin(ctx context.Context, e *engine.Engine, o engine.Options) *engine.Report {
	l.t.Helper()
	run, err := e.Plan(ctx, o)
	if err != nil {
		l.t.Fatal(err)
	}
	return e.Apply(ctx, run)
}

func (l *lab) plan(e *engine.Engine, o engine.Options) *engine.Run {
	l.t.Helper()
	run, err := e.Plan(l.t.Context(), o)
	if err != nil {
		l.t.Fatal(err)
	}
	return run
}

// lines shows a plan's changes: "create missing app/db 111111111111/us-east-1".
func lines(changes []plan.Change) string {
	var all []string
	for _, c := range changes {
		at := "nowhere"
		if c.Target != nil {
			at = c.Target.Place.String()
		}
		all = append(all, fmt.Sprintf("%s %s %s %s", c.Action, c.Reason, c.Name, at))
	}
	return strings.Join(all, "\n")
}

func outcomes(r *engine.Report) string {
	var all []string
	for _, c := range r.Changes {
		at := "nowhere"
		if c.Target != nil {
			at = c.Target.Place.String()
		}
		line := fmt.Sprintf("%s %s %s %s %s", c.Outcome, c.Action, c.Reason, c.Name, at)
		if c.Error != "" && c.Outcome == engine.Failed {
			line += ": " + c.Error
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	want = strings.TrimSpace(want)
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// replace makes a copy anew with another value under the same version id and the same tags, which no listing can tell.
func (l *lab) replace(account, region, name, value, version string) {
	l.t.Helper()
	c := l.as(account, region)
	d := l.describe(account, region, name)
	if _, err := c.DeleteSecret(l.t.Context(), &sm.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
		l.t.Fatal(err)
	}
	if _, err := c.CreateSecret(l.t.Context(), &sm.CreateSecretInput{Name: &name, SecretString: &value, ClientRequestToken: &version, Tags: d.Tags}); err != nil {
		l.t.Fatal(err)
	}
}
