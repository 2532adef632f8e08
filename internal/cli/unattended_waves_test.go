package cli

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	waveAccount = "123456789012"
	waveTopic   = "arn:aws:sns:us-east-1:" + waveAccount + ":failures"
	stage, prod = "eu-west-1", "eu-west-2"
	waveStores  = `version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  again: {type: aws-secrets-manager, region: us-east-1}
  stage: {type: aws-secrets-manager, region: eu-west-1}
  prod: {type: aws-secrets-manager, region: eu-west-2}
notify:
  - sns: {topicArn: "` + waveTopic + `"}
`
)

// waves is a configuration that runs unattended, with secrets that go to stage and then to prod.
type waves struct {
	t    *testing.T
	aws  *awslocal.Server
	url  string
	home string
	a    *app
	past *past
	u    *unattended
}

func newWaves(t *testing.T, config string, names ...string) *waves {
	t.Helper()
	seeded := map[string]awslocal.SeedSecret{}
	for _, n := range names {
		seeded[n] = awslocal.SeedSecret{Value: "one"}
	}
	w := &waves{t: t, home: t.TempDir(), past: &past{}}
	var err error
	w.aws, err = awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{waveAccount: {Regions: map[string]awslocal.SeedRegion{"us-east-1": {
		Topics: map[string]awslocal.SeedTopic{"failures": {}}, Secrets: seeded, Services: map[string]awslocal.SeedService{"apps/web": {}},
	}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.aws.Close() })
	if w.url, err = w.aws.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": w.url, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": waveAccount, "AWS_SECRET_ACCESS_KEY": "x", "AWS_CA_BUNDLE": ""} {
		t.Setenv(name, value)
	}
	file := filepath.Join(w.home, "secretsync.yaml")
	text := waveStores + strings.ReplaceAll(config, "GATE", `gate: [{command: [test, -e, `+filepath.Join(w.home, "open")+`], within: 1s}]`)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.a = newApp(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, os.LookupEnv, "")
	w.a.flags.config, w.a.log = file, slog.New(slog.DiscardHandler)
	w.start()
	return w
}

// start is a process that begins: it knows nothing of others.
func (w *waves) start() {
	w.t.Helper()
	w.past = &past{}
	var err error
	if w.u, err = w.a.unattended(w.t.Context(), w.past, nil); err != nil {
		w.t.Fatal(err)
	}
}

// open opens the gate.
func (w *waves) open() {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.home, "open"), nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *waves) run(job daemon.Job) {
	w.t.Helper()
	if _, err := w.u.run(w.t.Context(), job); err != nil {
		w.t.Fatal(err)
	}
}

func (w *waves) client(region string) *sm.Client {
	return sm.New(sm.Options{Region: region, BaseEndpoint: &w.url, Credentials: credentials.NewStaticCredentialsProvider(waveAccount, "x", "")})
}

func (w *waves) put(name, value string) {
	w.t.Helper()
	if _, err := w.client("us-east-1").PutSecretValue(w.t.Context(), &sm.PutSecretValueInput{SecretId: &name, SecretString: &value}); err != nil {
		w.t.Fatal(err)
	}
}

// holds says what two Regions must hold of a secret; empty: there is none.
func (w *waves) holds(name, inStage, inProd string) {
	w.t.Helper()
	for region, want := range map[string]string{stage: inStage, prod: inProd} {
		got := ""
		if out, err := w.client(region).GetSecretValue(w.t.Context(), &sm.GetSecretValueInput{SecretId: &name}); err == nil {
			got = aws.ToString(out.SecretString)
		}
		if got != want {
			w.t.Errorf("%s holds %q of %s, want %q", region, got, name, want)
		}
	}
}

func (w *waves) calls(operation string) (n int) {
	for _, c := range w.aws.Ledger().Calls() {
		if c.Operation == operation {
			n++
		}
	}
	return n
}

// told returns the subjects of the messages so far, and forgets none.
func (w *waves) told() (all []string) {
	for _, m := range w.aws.Published(waveTopic) {
		all = append(all, m.Subject)
	}
	return all
}

func (w *waves) rotation(name secret.Name) daemon.Rotation {
	w.t.Helper()
	for _, r := range w.u.daemon().Rotations {
		if r.Secret == name {
			return r
		}
	}
	w.t.Fatalf("%s is not rotated", name)
	return daemon.Rotation{}
}

func edited(name secret.Name) daemon.Job {
	return daemon.Job{Hints: []event.Hint{{Kind: secret.SecretsManager, Names: []secret.Name{name}}}}
}

const twoWaves = `syncs:
  - {name: all, from: hub, select: {prefix: [app/]}, to: [{store: stage}, {store: prod}]}
rotations:
  - {store: hub, secret: app/a, engine: generate, after: [{targets: {stores: [stage]}, GATE}, {}]}
`

func TestNoRunGoesPastAGateThatIsShut(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		copied string // the name of the copy
		jobs   []daemon.Job
	}{
		"whole runs and events": {twoWaves, "app/a", []daemon.Job{{}, edited("app/a"), {Syncs: []secret.SyncName{"all"}}, {Only: []string{"app/*"}}, {}}},
		"another store of the same place": {strings.Replace(twoWaves, "{store: hub, secret", "{store: again, secret", 1), "app/a",
			[]daemon.Job{{}, edited("app/a"), {}}},
		"a copy that is made of several": {strings.Replace(twoWaves, "[{store: stage}, {store: prod}]",
			`[{store: stage, name: both, value: {merge: "{{ .Base }}"}}, {store: prod, name: both, value: {merge: "{{ .Base }}"}}]`, 1), "both",
			[]daemon.Job{{}, edited("app/b"), edited("app/a"), {}}},
		"syncs with schedules of their own": {strings.Replace(twoWaves, "to: [{store: stage}, {store: prod}]}", "to: [{store: stage}]}\n"+
			"  - {name: prod, from: hub, select: {prefix: [app/]}, to: [{store: prod}]}", 1), "app/a",
			[]daemon.Job{{Syncs: []secret.SyncName{"prod"}}, {Syncs: []secret.SyncName{"all"}}, {Syncs: []secret.SyncName{"prod"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWaves(t, c.config, "app/a", "app/b")
			for _, job := range c.jobs {
				w.run(job)
			}
			value := "one"
			if c.copied == "both" {
				value = `{"a":"one","b":"one"}`
			}
			w.holds(c.copied, value, "")
			w.open()
			w.run(daemon.Job{})
			w.holds(c.copied, value, value)
		})
	}
}

func TestWhatNoWaveTakesFollowsTheLastOne(t *testing.T) {
	w := newWaves(t, strings.Replace(twoWaves, ", {}]", "]", 1), "app/a")
	w.run(daemon.Job{})
	w.holds("app/a", "one", "")
	w.open()
	w.run(daemon.Job{})
	w.holds("app/a", "one", "one")
}

const withService = `syncs:
  - {name: all, from: hub, select: {prefix: [app/]}, to: [{store: stage}, {store: prod}]}
rotations:
  - {store: hub, secret: app/a, engine: generate, every: 1d, after: [{ecs: [{cluster: apps, service: web}]}]}
`

func TestAServiceIsRestartedOnceForAChangeAndForNothingElse(t *testing.T) {
	w := newWaves(t, withService, "app/a")
	restarted := func(when string, want int) {
		t.Helper()
		if got := w.calls("UpdateService"); got != want {
			t.Errorf("%s: restarted %d times, want %d", when, got, want)
		}
	}
	w.run(daemon.Job{})
	restarted("first copy", 1)
	w.run(edited("app/a"))
	w.run(daemon.Job{})
	restarted("nothing changed", 1)
	w.put("app/a", "two")
	w.run(edited("app/a"))
	w.run(edited("app/a"))
	w.run(daemon.Job{})
	restarted("a new value", 2)
	if _, err := w.client("us-east-1").TagResource(t.Context(), &sm.TagResourceInput{SecretId: aws.String("app/a"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}}}); err != nil {
		t.Fatal(err)
	}
	w.run(edited("app/a"))
	restarted("a tag", 2)
	if _, err := w.client("us-east-1").DeleteSecret(t.Context(), &sm.DeleteSecretInput{SecretId: aws.String("app/a")}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.run(edited("app/a"))
	}
	restarted("a deletion", 2)
}

func TestARestartThatFailedIsMadeByTheNextRunAlsoOfAnotherProcess(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		w := newWaves(t, withService, "app/a")
		w.run(daemon.Job{})
		mend := w.aws.Faults().Add(awslocal.Fault{Service: "ecs", Operation: "UpdateService", Code: "AccessDeniedException"})
		if err := w.rotation("app/a").Rotate(t.Context()); err == nil {
			t.Error("a restart that was denied is no failure")
		}
		mend()
		if restarts {
			w.start()
		}
		before := w.calls("UpdateService")
		w.run(daemon.Job{})
		if got := w.calls("UpdateService") - before; got != 1 {
			t.Errorf("restarted %d times, want once; another process: %v", got, restarts)
		}
	}
}

func TestAFailedRotationIsToldOnceAndNoRunOfSyncsEndsIt(t *testing.T) {
	w := newWaves(t, withService+"  - {store: hub, secret: app/b, engine: generate, after: [{GATE}]}\n", "app/a", "app/b")
	w.open()
	w.run(daemon.Job{})
	mend := w.aws.Faults().Add(awslocal.Fault{Operation: "PutSecretValue", Resource: "app/a", Code: "AccessDeniedException"})
	for range 2 {
		if err := w.rotation("app/a").Rotate(t.Context()); err == nil {
			t.Error("it should fail")
		}
		w.run(daemon.Job{})
	}
	if got := w.told(); len(got) != 1 {
		t.Errorf("told %q", got)
	}
	if err := os.Remove(filepath.Join(w.home, "open")); err != nil {
		t.Fatal(err)
	}
	if err := w.rotation("app/b").Rotate(t.Context()); err == nil {
		t.Error("the gate is shut")
	}
	w.run(daemon.Job{})
	if got := w.told(); len(got) != 2 {
		t.Errorf("told %q, want the gate too", got)
	}
	mend()
	w.open()
	w.run(daemon.Job{})
	if err := w.rotation("app/a").Rotate(t.Context()); err != nil {
		t.Error(err)
	}
	if got := w.told(); len(got) != 3 {
		t.Errorf("told %q, want one end of all", got)
	}
}

func TestNothingNewIsRotatedBeforeTheCopiesHoldWhatIsCurrent(t *testing.T) {
	w := newWaves(t, strings.Replace(twoWaves, "engine: generate,", "engine: generate, every: 1d,", 1), "app/a")
	w.open()
	w.run(daemon.Job{})
	if err := os.Remove(filepath.Join(w.home, "open")); err != nil {
		t.Fatal(err)
	}
	w.put("app/a", "two")
	w.run(edited("app/a"))
	w.holds("app/a", "two", "one")
	if err := w.rotation("app/a").Rotate(t.Context()); err == nil || !strings.Contains(err.Error(), "copies still hold what was current before") {
		t.Errorf("it was rotated: %v", err)
	}
	w.holds("app/a", "two", "one")
	w.open()
	if err := w.rotation("app/a").Rotate(t.Context()); err != nil {
		t.Error(err)
	}
	if out, err := w.client("us-east-1").GetSecretValue(t.Context(), &sm.GetSecretValueInput{SecretId: aws.String("app/a")}); err != nil || aws.ToString(out.SecretString) == "two" {
		t.Errorf("it was not rotated: %v", err)
	}
}

func TestAGateIsOnlyLookedAtWhereSomethingIsBehindIt(t *testing.T) {
	looks := filepath.Join(t.TempDir(), "looks")
	w := newWaves(t, strings.ReplaceAll(twoWaves, "GATE", "gate: [{command: [sh, -c, 'echo once >> "+looks+"']}]"), "app/a")
	want := func(when string, n int) {
		t.Helper()
		data, _ := os.ReadFile(looks)
		if got := strings.Count(string(data), "once"); got != n {
			t.Errorf("%s: looked %d times, want %d", when, got, n)
		}
	}
	w.run(daemon.Job{})
	want("first copies", 1)
	w.run(edited("app/a"))
	w.start()
	w.run(daemon.Job{})
	want("nothing changed", 1)
	w.put("app/a", "two")
	w.run(edited("app/a"))
	want("a new value", 2)
}
