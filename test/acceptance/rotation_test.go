package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/lambda/lambdatest"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

// rotated is an AWS in memory, the program, and, where a test wants one, a real PostgreSQL with the user "app".
type rotated struct {
	t        *testing.T
	binary   string
	home     string
	url      string
	env      []string
	aws      *awslocal.Server
	age      atomic.Int64 // how far the clock of AWS is behind, in nanoseconds
	postgres *rotatetest.Server
}

func newRotated(t *testing.T) *rotated {
	t.Helper()
	r := &rotated{t: t, binary: filepath.Join(t.TempDir(), "secretsync"), home: t.TempDir()}
	if out, err := exec.Command("go", "build", "-o", r.binary, "../../cmd/secretsync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	r.aws, err = awslocal.New(awslocal.Options{Clock: func() time.Time { return time.Now().Add(-time.Duration(r.age.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.aws.Close() })
	if r.url, err = r.aws.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	r.env = []string{"HOME=" + r.home, "PATH=" + os.Getenv("PATH"), "AWS_ENDPOINT_URL=" + r.url, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + account, "AWS_SECRET_ACCESS_KEY=x"}
	return r
}

// database starts a PostgreSQL, and keeps the credential of its user "app" as rds/app.
func (r *rotated) database() {
	r.t.Helper()
	r.postgres = rotatetest.Postgres(r.t)
	if err := r.login("postgres", r.postgres.Password, "CREATE ROLE app LOGIN PASSWORD '"+canary+"'"); err != nil {
		r.t.Fatal(err)
	}
	r.create("rds/app", fmt.Sprintf(`{"engine":"postgres","host":%q,"port":%d,"username":"app","password":%q,"dbname":"postgres"}`, r.postgres.Host, r.postgres.Port, canary))
}

// login logs in to the database, over TLS, and executes SQL.
func (r *rotated) login(user, password, sql string) error {
	c, err := pgconn.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=postgres sslmode=verify-full sslrootcert=%s", r.postgres.Host, r.postgres.Port, r.postgres.CA))
	if err != nil {
		return err
	}
	c.User, c.Password = user, password
	conn, err := pgconn.ConnectConfig(r.t.Context(), c)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	return conn.Exec(r.t.Context(), sql).Close()
}

func (r *rotated) client(region string) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{Region: region, BaseEndpoint: &r.url, Credentials: credentials.NewStaticCredentialsProvider(account, "x", "")})
}

func (r *rotated) create(name, value string) {
	r.t.Helper()
	if _, err := r.client("us-east-1").CreateSecret(r.t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}); err != nil {
		r.t.Fatal(err)
	}
}

// value returns what a Region holds; empty where there is none.
func (r *rotated) value(region, name string) string {
	r.t.Helper()
	out, err := r.client(region).GetSecretValue(r.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	if errors.As(err, new(*types.ResourceNotFoundException)) {
		return ""
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return aws.ToString(out.SecretString)
}

func (r *rotated) password() string {
	r.t.Helper()
	var c struct{ Password string }
	if err := json.Unmarshal([]byte(r.value("us-east-1", "rds/app")), &c); err != nil {
		r.t.Fatal(err)
	}
	return c.Password
}

// configure writes the configuration: a hub, two other Regions, and how secrets are rotated.
func (r *rotated) configure(rotations string) {
	r.t.Helper()
	text := `version: 1
owner: platform
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  ireland: {type: aws-secrets-manager, region: eu-west-1}
  oregon: {type: aws-secrets-manager, region: us-west-2}
syncs:
  - {name: everywhere, from: hub, select: {glob: ["**"]}, to: [{store: ireland}, {store: oregon}], schedule: rate(30 days)}
rotations:
` + rotations + "\nserve: {listen: \"127.0.0.1:0\"}\n"
	if err := os.WriteFile(filepath.Join(r.home, "secretsync.yaml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rotated) run(args ...string) (out string, code int) {
	r.t.Helper()
	cmd := exec.Command(r.binary, args...)
	cmd.Dir, cmd.Env = r.home, r.env
	all, _ := cmd.CombinedOutput()
	r.secretless(string(all))
	return string(all), cmd.ProcessState.ExitCode()
}

// secretless fails the test where a text has a password in it.
func (r *rotated) secretless(text string) {
	r.t.Helper()
	if strings.Contains(text, canary) || r.postgres != nil && strings.Contains(text, r.password()) {
		r.t.Errorf("a value shows:\n%s", text)
	}
}

func (r *rotated) until(what string, so func() bool) {
	r.t.Helper()
	for range 600 {
		if so() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("it did not come to this: %s", what)
}

func TestTheFunctionRotatesAPasswordAsSecretsManagerDrivesIt(t *testing.T) {
	r := newRotated(t)
	r.database()
	r.configure(`  - {store: hub, secret: rds/app, tls: {caFile: "` + r.postgres.CA + `"}}`)
	f := (&lambdatest.Function{Timeout: 30 * time.Second, Command: func() *exec.Cmd {
		cmd := exec.Command(r.binary)
		cmd.Dir, cmd.Env = r.home, r.env
		return cmd
	}}).Start(t)
	const arn = "arn:aws:lambda:us-east-1:" + account + ":function:secretsync"
	var steps atomic.Int32
	r.aws.SetFunction(arn, func(_ context.Context, payload []byte) error {
		steps.Add(1)
		if a := f.Invoke(string(payload)); a.Error != nil {
			return errors.New(a.Error.Message)
		}
		return nil
	})
	out, err := r.client("us-east-1").RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: aws.String("rds/app"), RotationLambdaARN: aws.String(arn), RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	})
	if err != nil {
		t.Fatal(err)
	}
	stages := func(version string) []string {
		d, err := r.client("us-east-1").DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("rds/app")})
		if err != nil {
			t.Fatal(err)
		}
		return d.VersionIdsToStages[version]
	}
	r.until("the new version is current, and no longer pending", func() bool { return slices.Equal(stages(aws.ToString(out.VersionId)), []string{"AWSCURRENT"}) })
	if steps.Load() != 4 {
		t.Errorf("%d calls of the function, want 4\n%s", steps.Load(), f.Log())
	}
	first := r.password()
	if first == canary || r.login("app", first, "SELECT 1") != nil || r.login("app", canary, "SELECT 1") == nil {
		t.Error("the new password is not the one that logs in")
	}

	// By hand the same function is started, and waited for.
	text, code := r.run("rotate", "rds/app")
	if code != 0 || !strings.Contains(text, "Rotated") || !strings.Contains(text, "2 created") {
		t.Errorf("exit code %d\n%s", code, text)
	}
	second := r.password()
	if second == first || r.login("app", second, "SELECT 1") != nil || r.login("app", first, "SELECT 1") == nil {
		t.Error("the second password is not the one that logs in")
	}
	if steps.Load() != 8 {
		t.Errorf("%d calls of the function, want 8", steps.Load())
	}
	for _, region := range []string{"eu-west-1", "us-west-2"} {
		if r.value(region, "rds/app") != r.value("us-east-1", "rds/app") {
			t.Errorf("%s has another value", region)
		}
	}
	f.Stop()
	r.secretless(f.Log())
	if strings.Contains(f.Log(), first) {
		t.Error("the function's log has a password in it")
	}
}

func TestTheDaemonRotatesWhatIsDueAndBringsItToItsCopies(t *testing.T) {
	r := newRotated(t)
	r.age.Store(int64(40 * 24 * time.Hour))
	r.database()
	r.create("young", `{"password":"`+canary+`"}`)
	r.age.Store(0)
	r.configure(`  - {store: hub, secret: rds/app, every: 30d, tls: {caFile: "` + r.postgres.CA + `"}}
  - {store: hub, secret: young, every: 60d, engine: generate}`)
	cmd := exec.Command(r.binary, "serve")
	var log bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = r.home, r.env, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait()
		}
	}
	defer stop()
	r.until("the password in Ireland is a new one", func() bool {
		v := r.value("eu-west-1", "rds/app")
		return v != "" && !strings.Contains(v, canary) && v == r.value("us-west-2", "rds/app")
	})
	if err := r.login("app", r.password(), "SELECT 1"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(r.value("us-east-1", "young"), canary) {
		t.Error("what is not due was rotated")
	}
	stop()
	r.secretless(log.String())
}

func TestAGateThatIsShutKeepsAValueFromTheNextWaveUntilItIsRolledBack(t *testing.T) {
	r := newRotated(t)
	r.create("key", canary)
	r.configure(`  - store: hub
    secret: key
    engine: generate
    generate: {kind: hex}
    after:
      - {targets: {stores: [ireland]}, gate: [{command: [test, -e, open], within: 1s}]}
      - {}`)
	if text, code := r.run("sync"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, text)
	}
	text, code := r.run("rotate", "key", "-o", "json")
	if code != 3 || !strings.Contains(text, `"outcome": "skipped"`) {
		t.Errorf("exit code %d\n%s", code, text)
	}
	hub := r.value("us-east-1", "key")
	if hub == canary || r.value("eu-west-1", "key") != hub || r.value("us-west-2", "key") != canary {
		t.Error("the first wave has the new value, and the second the old one: it is not so")
	}
	if text, code := r.run("rotate", "key", "--rollback"); code != 3 || !strings.Contains(text, "Rolled back") {
		t.Errorf("exit code %d\n%s", code, text)
	}
	if r.value("us-east-1", "key") != canary || r.value("eu-west-1", "key") != canary || r.value("us-west-2", "key") != canary {
		t.Error("not everything was rolled back")
	}
	if err := os.WriteFile(filepath.Join(r.home, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, code := r.run("rotate", "key"); code != 0 || !strings.Contains(text, "Wave 2 of 2: done") {
		t.Errorf("exit code %d\n%s", code, text)
	}
	hub = r.value("us-east-1", "key")
	if hub == canary || r.value("eu-west-1", "key") != hub || r.value("us-west-2", "key") != hub {
		t.Error("the value did not reach everything")
	}
}
