package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/lambda/lambdatest"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

var apiserver storetest.KubernetesServer

// The rules of EventBridge that the documentation gives.
const (
	nativeRule = `{"source": ["aws.secretsmanager"], "detail-type": ["Secret Label Updated"]}`
	trailRule  = `{"source": ["aws.secretsmanager"], "detail-type": ["AWS API Call via CloudTrail"],
	  "detail": {"eventSource": ["secretsmanager.amazonaws.com"], "eventName": ["DeleteSecret", "RestoreSecret", "TagResource", "UntagResource"]}}`
)

// cluster is an embedded AWS whose changes arrive in a queue, and a real Kubernetes in which the program may touch the Secrets of one namespace.
type cluster struct {
	t         *testing.T
	binary    string
	aws       *awslocal.Server
	url       string
	namespace string
	config    string
	home      string
	env       []string
	user      storetest.KubernetesUser
}

func newCluster(t *testing.T, rules map[string]awslocal.SeedRule) *cluster {
	t.Helper()
	apiserver.Start(t)
	c := &cluster{t: t, binary: filepath.Join(t.TempDir(), "secretsync"), home: t.TempDir(), namespace: apiserver.Namespace(t, "apps")}
	if out, err := exec.Command("go", "build", "-o", c.binary, "../../cmd/secretsync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	c.aws, err = awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{account: {
		Regions: map[string]awslocal.SeedRegion{"us-east-1": {
			Queues: map[string]awslocal.SeedQueue{"lost": {}, "changes": {Redrive: &awslocal.SeedRedrive{Queue: "lost", After: 3}}},
			Rules:  rules,
		}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.aws.Close() })
	if c.url, err = c.aws.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c.user = apiserver.User(t, c.namespace, storetest.KubernetesRule{Resources: []string{"secrets"}, Verbs: []string{"get", "list", "create", "patch", "delete"}})
	c.env = []string{"HOME=" + c.home, "PATH=" + os.Getenv("PATH"), "AWS_ENDPOINT_URL=" + c.url, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=" + account,
		"AWS_SECRET_ACCESS_KEY=x", "KUBECONFIG=" + apiserver.Kubeconfig(t, c.user, c.namespace)}
	c.config = fmt.Sprintf(`version: 1
owner: platform
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  prod: {type: kubernetes, context: test, cluster: prod, namespaces: [%[1]s]}
syncs:
  - {name: hub-to-prod, from: hub, to: [{store: prod, byName: true}], deletion: delete, recoveryDays: 7}
serve: {listen: "127.0.0.1:0", queue: %[2]q, schedule: rate(30 days)}
`, c.namespace, awslocal.QueueURL(account, "us-east-1", "changes"))
	return c
}

func (c *cluster) hub() *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{Region: "us-east-1", BaseEndpoint: &c.url, Credentials: credentials.NewStaticCredentialsProvider(account, "x", "")})
}

// put makes a secret at the hub, or gives it another value.
func (c *cluster) put(name, value string) {
	c.t.Helper()
	ctx := context.Background()
	if _, err := c.hub().CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}); err == nil {
		return
	}
	if _, err := c.hub().PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value}); err != nil {
		c.t.Fatal(err)
	}
}

// object is a Secret of Kubernetes.
type object struct {
	Metadata struct {
		Labels, Annotations map[string]string
		ResourceVersion     string
	}
	Type string
	Data map[string][]byte
}

// secret returns a Secret of the namespace; nil where there is none.
func (c *cluster) secret(name string) *object {
	c.t.Helper()
	status, answer := apiserver.Do(c.t, http.MethodGet, "/api/v1/namespaces/"+c.namespace+"/secrets/"+name, nil)
	if status == http.StatusNotFound {
		return nil
	}
	var o object
	if err := json.Unmarshal(answer, &o); err != nil || status != http.StatusOK {
		c.t.Fatalf("%d %v", status, err)
	}
	return &o
}

// until waits for something to be so.
func (c *cluster) until(what string, so func() bool) {
	c.t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return
		}
	}
	c.t.Fatalf("it did not come to this: %s", what)
}

func (c *cluster) holds(name, key, value string) func() bool {
	return func() bool {
		o := c.secret(name)
		return o != nil && string(o.Data[key]) == value
	}
}

// calls counts the program's calls to AWS since the ledger was emptied.
func (c *cluster) calls() map[string]int {
	counts := map[string]int{}
	for _, call := range c.aws.Ledger().Calls() {
		if !call.Internal {
			counts[call.Operation]++
		}
	}
	return counts
}

// write puts a file into the program's directory.
func (c *cluster) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.home, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// run runs the program to its end.
func (c *cluster) run(args ...string) (out string, code int) {
	c.t.Helper()
	cmd := exec.Command(c.binary, args...)
	cmd.Dir, cmd.Env = c.home, c.env
	all, _ := cmd.CombinedOutput()
	if bytes.Contains(all, []byte(canary)) {
		c.t.Errorf("a value shows:\n%s", all)
	}
	return string(all), cmd.ProcessState.ExitCode()
}

// served is the program as a daemon.
type served struct {
	c    *cluster
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
	ends chan error
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *served) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

var listening = regexp.MustCompile(`msg="serving health and metrics" address=(\S+)`)

// serve starts the daemon, and waits until it is ready.
func (c *cluster) serve() *served {
	c.t.Helper()
	s := c.start()
	c.until("the daemon is ready", func() bool { status, _ := s.get("/readyz"); return status == http.StatusOK })
	return s
}

// start starts the daemon.
func (c *cluster) start() *served {
	c.t.Helper()
	s := &served{c: c, cmd: exec.Command(c.binary, "serve"), ends: make(chan error, 1)}
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = c.home, c.env, s, s
	if err := s.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() { s.ends <- s.cmd.Wait() }()
	c.t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		if strings.Contains(s.log(), canary) {
			c.t.Errorf("a value shows:\n%s", s.log())
		}
		if c.t.Failed() {
			c.t.Logf("the daemon's log:\n%s", s.log())
		}
	})
	return s
}

func (s *served) get(path string) (status int, body string) {
	m := listening.FindStringSubmatch(s.log())
	if m == nil {
		return 0, ""
	}
	resp, err := http.Get("http://" + m[1] + path)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = resp.Body.Close() }()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data)
}

// kubernetesCalls returns how many calls of an operation to Kubernetes the daemon has counted.
func (s *served) kubernetesCalls(operation string) int {
	_, metrics := s.get("/metrics")
	n := 0
	for _, m := range regexp.MustCompile(`secretsync_calls_total\{[^}]*operation="`+operation+`",[^}]*service="Kubernetes"\} (\d+)`).FindAllStringSubmatch(metrics, -1) {
		count, err := strconv.Atoi(m[1])
		if err != nil {
			s.c.t.Fatal(err)
		}
		n += count
	}
	return n
}

// stop tells the daemon to end, as a supervisor does.
func (s *served) stop() {
	s.c.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.c.t.Fatal(err)
	}
	select {
	case err := <-s.ends:
		if err != nil {
			s.c.t.Errorf("the daemon ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		s.c.t.Error("the daemon does not end")
	}
}

// leads reports whether the daemon says that it does.
func (s *served) leads() bool {
	_, metrics := s.get("/metrics")
	return strings.Contains(metrics, "\nsecretsync_leader 1")
}

func (c *cluster) signal(d *served, s os.Signal) {
	c.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// function is the program as a function of AWS Lambda.
func (c *cluster) function(env ...string) *lambdatest.Function {
	f := &lambdatest.Function{Timeout: 30 * time.Second, Command: func() *exec.Cmd {
		cmd := exec.Command(c.binary)
		cmd.Dir, cmd.Env = c.home, slices.Concat(c.env, env)
		return cmd
	}}
	return f.Start(c.t)
}

func record(id, body string) map[string]any {
	return map[string]any{"messageId": id, "receiptHandle": "h", "body": body, "attributes": map[string]string{}, "messageAttributes": map[string]any{},
		"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:" + account + ":changes", "awsRegion": "us-east-1"}
}
