package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/store/all"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

const (
	hub    = "100000000000"
	spokeA = "111111111111"
	spokeB = "222222222222"
	spokeD = "444444444444"
	east   = "us-east-1"
)

const settings = `version: 1
owner: demo
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "100000000000"}
  spokes:
    type: aws-secrets-manager
    role: SecretSyncRole
    allow: {accounts: ["111111111111", "222222222222", "333333333333", "444444444444"]}
  params:
    type: aws-parameter-store
    role: SecretSyncRole
    allow: {accounts: ["222222222222"]}
groupsFrom: {store: hub, secret: secret-sync/config}
syncs:
  - name: hub-to-spokes
    from: hub
    to: [{store: spokes, byTags: true}]
    deletion: delete
`

// shaping is what a later step adds to the settings: their last key is `syncs`.
const shaping = `  - name: login-to-parameters
    from: hub
    select: {names: [app/db]}
    value: {keys: {include: [username, password], rename: {username: user}}}
    to: [{store: params, accounts: ["222222222222"], name: "/{{ .Name }}/login"}]
`

const groups = `{"Version": "1.0", "AccountGroups": {
  "Production": {"Accounts": ["111111111111", "222222222222"], "Region": "us-east-1"},
  "Europe": {"Accounts": ["333333333333"], "Region": "eu-west-1"}}}`

// The values of the story. None of them is ever printed.
const (
	password    = `{"host": "db", "port": 5432, "username": "app", "password": "demo-value-first"}`  //nolint:gosec // it opens nothing
	newPassword = `{"host": "db", "port": 5432, "username": "app", "password": "demo-value-second"}` //nolint:gosec // it opens nothing
	moved       = `{"host": "db2", "port": 5432, "username": "app", "password": "demo-value-third"}` //nolint:gosec // it opens nothing
	login       = `{"user":"app","password":"demo-value-second"}`                                    // the two keys of newPassword, shaped
	newLogin    = `{"user":"app","password":"demo-value-third"}`                                     // the two keys of moved, shaped
	apiKey      = "demo-value-api-key"                                                               //nolint:gosec // it opens nothing
	newKey      = "demo-value-api-key-second"                                                        //nolint:gosec // it opens nothing
	certificate = "\x00\x01demo-value-binary\xff"
	token       = "demo-value-token"
	local       = "demo-value-local"
	edit        = "demo-value-edit"
	license     = "demo-value-license"
	foreign     = "demo-value-foreign"
)

// world is an AWS in memory, and the credentials of the hub in it.
type world struct {
	aws      *awslocal.Server
	settings string // the configuration, as it is now
}

func newWorld() (*world, error) {
	tags := func(kv ...string) map[string]string {
		all := map[string]string{"team": "payments"}
		for pair := range slices.Chunk(kv, 2) {
			all[pair[0]] = pair[1]
		}
		return all
	}
	const group, account, not = "SecretSync-SyncDestinationGroup", "SecretSync-SyncAccount", "SecretSync-NoSyncAccount"
	server, err := awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
		hub: {Regions: map[string]awslocal.SeedRegion{east: {Queues: map[string]awslocal.SeedQueue{"changes": {}}, Rules: map[string]awslocal.SeedRule{
			"changes": {Pattern: `{"source": ["aws.secretsmanager"], "detail-type": ["Secret Label Updated"]}`, Targets: []string{"queue/changes"}},
		}, Secrets: map[string]awslocal.SeedSecret{
			"secret-sync/config": {Value: groups},
			"app/db":             {Value: password, Tags: tags(group, "Production")},
			"app/api-key":        {Value: apiKey, Tags: tags(group, "Production", not, "222222222222")},
			"tls/key":            {Binary: []byte(certificate), Tags: tags(group, "Europe")},
			"dev/token":          {Value: token, Tags: tags(account, spokeD)},
			"app/local":          {Value: local, Tags: tags()},
		}}}},
	}}})
	if err != nil {
		return nil, err
	}
	return &world{aws: server, settings: settings}, nil
}

// lastEvent returns the last event about a secret that is in the queue: what of it people may want to see, and what it becomes.
func (w *world) lastEvent(name string) (said string, hints []event.Hint, err error) {
	var body string
	for _, m := range w.aws.QueueMessages("arn:aws:sqs:" + east + ":" + hub + ":changes") {
		if strings.Contains(m.Body, name) {
			body = m.Body
		}
	}
	messages, err := event.Parse([]byte(body))
	if err != nil {
		return "", nil, err
	}
	var seen struct {
		Type   string          `json:"detail-type"`
		Detail json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal([]byte(body), &seen); err != nil {
		return "", nil, err
	}
	for _, m := range messages {
		hints = append(hints, m.Hints...)
	}
	return seen.Type + ": " + string(seen.Detail), hints, nil
}

func (w *world) close() { _ = w.aws.Close() } // it listens nowhere: there is nothing that could fail

func (w *world) client() *http.Client { return &http.Client{Transport: w.aws.Transport()} }

// engine opens the configuration as one command does.
func (w *world) engine() (*engine.Engine, error) {
	registry, err := all.Drivers(awscfg.New(awscfg.Options{RunID: "demo", Load: []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(w.client()), awsconfig.WithBaseEndpoint("http://aws.demo"), awsconfig.WithRegion(east),
		awsconfig.WithSharedConfigFiles([]string{}), awsconfig.WithSharedCredentialsFiles([]string{}),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(hub, "any", "")),
	}}))
	if err != nil {
		return nil, err
	}
	file, err := config.Parse("demo", []byte(w.settings), nil, wire.Kinds(registry))
	if err != nil {
		return nil, err
	}
	stores, err := wire.Open(file, registry)
	if err != nil {
		return nil, err
	}
	return engine.New(wire.Setup(file, stores)), nil
}

// as returns a client of somebody in an account, who acts behind the program's back.
func (w *world) as(account, region string) *sm.Client {
	return sm.New(sm.Options{Region: region, BaseEndpoint: aws.String("http://aws.demo"), HTTPClient: w.client(),
		Credentials: credentials.NewStaticCredentialsProvider(account, "any", "")})
}

func (w *world) put(ctx context.Context, account, name, value string) error {
	_, err := w.as(account, east).PutSecretValue(ctx, &sm.PutSecretValueInput{SecretId: &name, SecretString: &value})
	return err
}

func (w *world) create(ctx context.Context, account, region, name, value string, tags map[string]string) error {
	in := &sm.CreateSecretInput{Name: &name, SecretString: &value}
	for k, v := range tags {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	_, err := w.as(account, region).CreateSecret(ctx, in)
	return err
}

func (w *world) untag(ctx context.Context, account, region, name, key string) error {
	_, err := w.as(account, region).UntagResource(ctx, &sm.UntagResourceInput{SecretId: &name, TagKeys: []string{key}})
	return err
}

// parameter returns the value and the number of writes of a parameter, as somebody in the account reads them.
func (w *world) parameter(ctx context.Context, account, region, name string) (value string, version int64, err error) {
	client := ssm.New(ssm.Options{Region: region, BaseEndpoint: aws.String("http://aws.demo"), HTTPClient: w.client(),
		Credentials: credentials.NewStaticCredentialsProvider(account, "any", "")})
	out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return "", 0, err
	}
	return aws.ToString(out.Parameter.Value), out.Parameter.Version, nil
}

// state tells a secret's state from any other that it may come to, without its value; empty where it can't be told.
func (w *world) state(ctx context.Context, account, region, name string) string {
	out, err := w.as(account, region).DescribeSecret(ctx, &sm.DescribeSecretInput{SecretId: &name})
	if err != nil {
		return ""
	}
	var versions []string
	for id, labels := range out.VersionIdsToStages {
		slices.Sort(labels)
		versions = append(versions, id+"="+strings.Join(labels, "+"))
	}
	slices.Sort(versions)
	return fmt.Sprint(versions, len(out.Tags), aws.ToString(out.Description), aws.ToString(out.KmsKeyId), aws.ToTime(out.LastChangedDate), out.DeletedDate != nil)
}
