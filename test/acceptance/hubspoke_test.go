// Package acceptance runs the program as a user does, as a process of its own, against stand-ins for AWS that other people wrote.
package acceptance

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

const (
	canary = "canary-91c4"
	groups = `{"Version": "1.0", "AccountGroups": {
	  "all": {"Accounts": ["111111111111", "222222222222", "333333333333"], "Region": "us-east-1"},
	  "Recovery": {"Accounts": ["111111111111"], "Region": "eu-west-1"},
	  "Development": ["333333333333"]}}`
)

// TestMain keeps the AWS settings of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "SECRETSYNC_CONFIG") || strings.HasPrefix(name, "KUBE") {
			_ = os.Unsetenv(name)
		}
	}
	_ = os.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+"/usr/bin"+string(os.PathListSeparator)+"/bin") // for a shell and its companions
	code := m.Run()
	server.Close()
	apiserver.Close()
	os.Exit(code)
}

// lab is moto behind a proxy that counts the program's calls.
type lab struct {
	t      *testing.T
	binary string
	moto   string
	proxy  string
	mu     sync.Mutex
	calls  map[string]int
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, moto: storetest.Moto(t), binary: filepath.Join(t.TempDir(), "secretsync"), calls: map[string]int{}}
	if out, err := exec.Command("go", "build", "-o", l.binary, "../../cmd/secretsync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	target, err := url.Parse(l.moto)
	if err != nil {
		t.Fatal(err)
	}
	reverse := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.count(r)
		reverse.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l.proxy = server.URL
	return l
}

func (l *lab) count(r *http.Request) {
	_, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		form, _ := url.ParseQuery(string(body))
		op = form.Get("Action")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[op]++
}

func (l *lab) counted() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.calls)
}

// as returns a client of an account: moto gives it to whoever assumes a role there.
func (l *lab) as(account, region string) *secretsmanager.Client {
	l.t.Helper()
	own := credentials.NewStaticCredentialsProvider("x", "y", "")
	c := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &l.moto, Credentials: own})
	var creds aws.CredentialsProvider = own
	if account != "" {
		creds = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(c, "arn:aws:iam::"+account+":role/test"))
	}
	return secretsmanager.New(secretsmanager.Options{Region: region, BaseEndpoint: &l.moto, Credentials: creds})
}

func (l *lab) create(name, value string, tags ...string) {
	l.t.Helper()
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}
	for _, tag := range tags {
		k, v, _ := strings.Cut(tag, "=")
		in.Tags = append(in.Tags, types.Tag{Key: &k, Value: &v})
	}
	if _, err := l.as("", "us-east-1").CreateSecret(l.t.Context(), in); err != nil {
		l.t.Fatal(err)
	}
}

type result struct {
	code    int
	calls   map[string]int
	Changes []struct {
		Action, Reason, Name, Outcome string
		Target                        *struct{ Account, Region string }
	}
	Summary struct{ Create, Update, Refuse, Unchanged, Failed int }
}

// run runs the program without a configuration file and looks for the canary in all that it prints.
func (l *lab) run(args ...string) result {
	l.t.Helper()
	l.mu.Lock()
	clear(l.calls)
	l.mu.Unlock()
	cmd := exec.Command(l.binary, append(args, "-o", "json", "--log-level", "debug")...)
	cmd.Dir = l.t.TempDir()
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+l.proxy, "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", "AWS_REGION=us-east-1")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	r := result{}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.code = exit.ExitCode()
	} else if err != nil {
		l.t.Fatal(err)
	}
	if strings.Contains(string(out)+errs.String(), canary) {
		l.t.Errorf("%v prints a value", args)
	}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &r); err != nil {
			l.t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	r.calls = l.counted()
	if l.t.Failed() || r.code != 0 {
		l.t.Logf("%v: exit code %d\n%s", args, r.code, errs.String())
	}
	return r
}

func (l *lab) value(account, region, name string) (value, version string) {
	l.t.Helper()
	out, err := l.as(account, region).GetSecretValue(l.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		l.t.Fatalf("%s in %s/%s: %v", name, account, region, err)
	}
	return aws.ToString(out.SecretString), aws.ToString(out.VersionId)
}

func TestTagsBecomeCopiesInEveryAccountAndRegionWithNoConfigurationButTheGroups(t *testing.T) {
	l := newLab(t)
	l.create("secret-sync/config", groups)
	l.create("app/everywhere-but-one", canary+"-1", "SecretSync-SyncDestinationGroup=all", "SecretSync-NoSyncAccount=222222222222", "team=a")
	l.create("app/dev-and-one", canary+"-2", "SecretSync-SyncDestinationGroup=Development", "SecretSync-SyncAccount=987654321098")
	l.create("app/recovery", canary+"-3", "SecretSync-SyncDestinationGroup=Recovery", "SecretSync-SyncAccount=111111111111")
	l.create("app/at-home", canary+"-4")

	planned := l.run("plan")
	if planned.code != 0 || planned.Summary.Create != 6 || planned.calls["CreateSecret"] != 0 {
		t.Fatalf("plan: %+v", planned)
	}
	first := l.run("sync")
	if first.code != 0 || first.Summary.Create != 6 || first.Summary.Failed != 0 {
		t.Fatalf("first run: %+v", first)
	}
	var got []string
	for _, c := range first.Changes {
		got = append(got, c.Name+" "+c.Target.Account+"/"+c.Target.Region+" "+c.Outcome)
	}
	slices.Sort(got)
	want := []string{
		"app/dev-and-one 333333333333/us-east-1 applied", "app/dev-and-one 987654321098/us-east-1 applied",
		"app/everywhere-but-one 111111111111/us-east-1 applied", "app/everywhere-but-one 333333333333/us-east-1 applied",
		"app/recovery 111111111111/eu-west-1 applied", "app/recovery 111111111111/us-east-1 applied",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, line := range want {
		name, at, _ := strings.Cut(strings.TrimSuffix(line, " applied"), " ")
		account, region, _ := strings.Cut(at, "/")
		value, version := l.value("", "us-east-1", name)
		if v, id := l.value(account, region, name); v != value || id != version {
			t.Errorf("%s in %s is not its source's value and version", name, at)
		}
	}

	second := l.run("sync")
	if second.code != 0 || len(second.Changes) != 0 || second.Summary.Unchanged != 6 {
		t.Errorf("second run: %+v", second)
	}
	for op, n := range second.calls {
		switch op {
		case "AssumeRole", "ListSecrets":
		case "GetSecretValue": // the groups
			if n != 1 {
				t.Errorf("the second run read %d values", n)
			}
		default:
			t.Errorf("the second run called %s", op)
		}
	}
	if second.calls["AssumeRole"] != 4 {
		t.Errorf("%d sessions for 4 accounts", second.calls["AssumeRole"])
	}

	value := canary + "-new"
	if _, err := l.as("", "us-east-1").PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("app/recovery"), SecretString: &value}); err != nil {
		t.Fatal(err)
	}
	third := l.run("sync")
	if third.code != 0 || third.Summary.Update != 2 || third.calls["PutSecretValue"] != 2 {
		t.Errorf("after a rotation: %+v", third)
	}
	if v, _ := l.value("111111111111", "eu-west-1", "app/recovery"); v != value {
		t.Error("the rotation did not arrive in the other Region")
	}
	if again := l.run("status", "--detailed-exitcode"); again.code != 0 {
		t.Errorf("status: exit code %d", again.code)
	}
}

func TestAForeignSecretAndAnUnknownGroupAreRefusedAndTheRestIsApplied(t *testing.T) {
	l := newLab(t)
	l.create("secret-sync/config", groups)
	l.create("app/taken", canary, "SecretSync-SyncAccount=111111111111")
	l.create("app/lost", canary, "SecretSync-SyncDestinationGroup=Nowhere")
	l.create("app/fine", canary, "SecretSync-SyncAccount=111111111111")
	theirs := "theirs"
	if _, err := l.as("111111111111", "us-east-1").CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("app/taken"), SecretString: &theirs}); err != nil {
		t.Fatal(err)
	}
	r := l.run("sync")
	if r.code != 3 || r.Summary.Create != 1 || r.Summary.Refuse != 2 {
		t.Errorf("got %+v", r)
	}
	if v, _ := l.value("111111111111", "us-east-1", "app/taken"); v != theirs {
		t.Error("a foreign secret was overwritten")
	}
}
