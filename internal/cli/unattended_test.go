package cli

import (
	"bytes"
	"context"
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
	u, err := a.unattended(t.Context(), &past{}, nil)
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
	deny := func(name string) func() {
		return world.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Resource: name, Code: "AccessDeniedException"})
	}
	allowDB, allowOther := deny("app/db"), deny("other/db")
	run(about("app/db"), 1)
	if first := world.Published("arn:aws:sns:us-east-1:123456789012:failures")[0]; !strings.Contains(first.Message, "Syncs: dr\n") {
		t.Errorf("it is told as %s", first.Message)
	}
	run(about("app/db"), 1) // which comes again, as a queue sends it
	run(daemon.Job{}, 2)    // and is not all that fails
	run(daemon.Job{}, 2)
	run(about("other/db"), 2)
	run(daemon.Job{Syncs: []secret.SyncName{"dr"}}, 2)
	allowDB()
	run(about("app/db"), 2) // something still fails
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := u.run(interrupted, daemon.Job{}); err == nil || told() != 2 {
		t.Errorf("interrupted: %v, %d messages", err, told())
	}
	allowOther()
	run(about("app/db"), 2) // which says nothing of the other
	run(about("other/db"), 3)
	run(daemon.Job{}, 3)
	if last := world.Published("arn:aws:sns:us-east-1:123456789012:failures")[2]; !strings.Contains(last.Message, "is over") {
		t.Errorf("the end is told as %s", last.Message)
	}
	if r, err := u.run(t.Context(), daemon.Job{Syncs: []secret.SyncName{"gone"}}); err == nil || r != nil || told() != 4 {
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
