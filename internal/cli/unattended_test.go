package cli

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/notify"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const daemonConfig = `version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: dr, from: hub, select: {prefix: [app/]}, to: [{store: dr}], schedule: rate(2 hours)}
  - {name: other, from: hub, select: {prefix: [other/]}, to: [{store: dr}]}
notify:
  - sns: {topicArn: "arn:aws:sns:us-east-1:123456789012:failures"}
serve: {schedule: rate(30 minutes)}
`

func TestADaemonTellsAFailureOnceAndItsEndOnce(t *testing.T) {
	world, err := awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{"123456789012": {Regions: map[string]awslocal.SeedRegion{
		"us-east-1": {Topics: map[string]awslocal.SeedTopic{"failures": {}}, Secrets: map[string]awslocal.SeedSecret{"app/db": {Value: "one"}, "other/db": {Value: "one"}}},
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	url, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CA_BUNDLE": ""} {
		t.Setenv(name, value)
	}
	file := filepath.Join(t.TempDir(), "secretsync.yaml")
	if err := os.WriteFile(file, []byte(daemonConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	a := newApp(strings.NewReader(""), &bytes.Buffer{}, &said, os.LookupEnv, "")
	a.flags.config, a.log = file, slog.New(slog.DiscardHandler)
	u, err := a.unattended(t.Context(), &notify.Memory{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if syncs := u.daemon().Syncs; len(syncs) != 2 || syncs[0].Schedule != "rate(2 hours)" || syncs[1].Schedule != "rate(30 minutes)" {
		t.Errorf("got the syncs %+v", syncs)
	}
	told := func() int { return len(world.Published("arn:aws:sns:us-east-1:123456789012:failures")) }
	run := func(job daemon.Job, want int) {
		t.Helper()
		if _, err := u.run(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if got := told(); got != want {
			t.Errorf("%d messages, want %d\n%s", got, want, said.String())
		}
	}
	about := func(name secret.Name) daemon.Job {
		return daemon.Job{Hints: []event.Hint{{Kind: secret.SecretsManager, Names: []secret.Name{name}}}}
	}
	deny := world.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Resource: "app/*", Code: "AccessDeniedException"})
	run(daemon.Job{}, 1)
	run(daemon.Job{}, 1)      // the same again
	run(about("app/db"), 2)   // an event is about something of its own
	run(about("app/db"), 2)   // which comes again, as a queue sends it
	run(about("other/db"), 2) // another one, which is fine, ends nothing
	world.Faults().Clear()
	deny()
	run(about("app/db"), 3) // this is the end of that one
	run(daemon.Job{}, 4)    // and this of the first
	run(daemon.Job{}, 4)
	if r, err := u.run(t.Context(), daemon.Job{Syncs: []secret.SyncName{"gone"}}); err == nil || r != nil || told() != 5 {
		t.Errorf("a job about no sync: %v, %d messages", err, told())
	}
	client := sm.New(sm.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("123456789012", "x", "")})
	if _, err := client.PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: ptr("app/db"), SecretString: ptr("two")}); err != nil {
		t.Fatal(err)
	}
	if r, err := u.run(t.Context(), daemon.Job{Syncs: []secret.SyncName{"other"}}); err != nil || len(r.Changes) != 0 || r.Summary.Unchanged != 1 {
		t.Errorf("only one sync was due: %+v, %v", r, err)
	}
}

func ptr[T any](v T) *T { return &v }
