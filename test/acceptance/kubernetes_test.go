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

// S3-01, S3-02, S3-05, S3-09, S3-11, S3-B8, S3-B9, S3-B11.
func TestAnEditReachesAKubernetesSecretByItsEventAlone(t *testing.T) {
	c := newCluster(t, map[string]awslocal.SeedRule{"native": {Pattern: nativeRule, Targets: []string{"queue/changes"}}, "trail": {Pattern: trailRule, Targets: []string{"queue/changes"}}})
	db := "prod/" + c.namespace + "/db"
	c.put(db, `{"username": "app", "password": "`+canary+`-one"}`)
	c.write("secretsync.yaml", c.config)
	d := c.serve()
	c.until("the first run has made the copy", c.holds("db", "password", canary+"-one"))
	if o := c.secret("db"); o.Type != "Opaque" || o.Metadata.Labels["app.kubernetes.io/managed-by"] != "secretsync" || o.Metadata.Annotations["secretsync.dev/source"] != "sm/"+account+"/us-east-1/"+db {
		t.Errorf("got %s, %+v", o.Type, o.Metadata)
	}
	c.until("the events of the creation are done", func() bool { return len(c.aws.QueueMessages("arn:aws:sqs:us-east-1:"+account+":changes")) == 0 })

	c.aws.Ledger().Reset()
	gets, patches := d.kubernetesCalls("get secrets"), d.kubernetesCalls("patch secrets")
	c.put(db, `{"username": "app", "password": "`+canary+`-two"}`)
	c.until("the edit has arrived", c.holds("db", "password", canary+"-two"))
	c.until("its event is done", func() bool { return len(c.aws.QueueMessages("arn:aws:sqs:us-east-1:"+account+":changes")) == 0 })
	calls := c.calls()
	if calls["ListSecrets"] > 0 || calls["GetSecretValue"]+calls["BatchGetSecretValue"] != 1 || calls["DescribeSecret"] > 2 {
		t.Errorf("the calls to AWS were %v", calls)
	}
	if gets, patches = d.kubernetesCalls("get secrets")-gets, d.kubernetesCalls("patch secrets")-patches; gets != 1 || patches != 1 || d.kubernetesCalls("list secrets") != 1 {
		t.Errorf("the event took %d reads and %d writes of the copy, want one of each; and %d listings, want that of the start alone", gets, patches, d.kubernetesCalls("list secrets"))
	}

	// A secret that is new, one that is for another cluster, and one whose name leads out of the namespaces.
	c.put("prod/"+c.namespace+"/plain", "not JSON: "+canary)
	c.put("stage/"+c.namespace+"/other", canary)
	c.put("prod/kube-system/intruder", canary)
	c.until("the new secret has arrived", c.holds("plain", "value", "not JSON: "+canary))
	if c.secret("other") != nil {
		t.Error("a secret for another cluster has arrived")
	}
	if status, _ := apiserver.Do(t, http.MethodGet, "/api/v1/namespaces/kube-system/secrets/intruder", nil); status != http.StatusNotFound {
		t.Error("a name leads into any namespace")
	}

	// A deletion waits for its window, and is taken back with the source.
	if _, err := c.hub().DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &db}); err != nil {
		t.Fatal(err)
	}
	c.until("the deletion is scheduled", func() bool {
		o := c.secret("db")
		at, err := time.Parse(time.RFC3339, o.Metadata.Annotations["secretsync.dev/delete-after"])
		return err == nil && time.Until(at) > 6*24*time.Hour && string(o.Data["password"]) == canary+"-two"
	})
	if _, err := c.hub().RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &db}); err != nil {
		t.Fatal(err)
	}
	c.until("the deletion is taken back", func() bool { return c.secret("db").Metadata.Annotations["secretsync.dev/delete-after"] == "" })

	if _, metrics := d.get("/metrics"); !strings.Contains(metrics, `secretsync_calls_total{account="",operation="patch secrets",outcome="ok",region="",service="Kubernetes"}`) || !strings.Contains(metrics, `secretsync_last_success_timestamp_seconds{sync="hub-to-prod"}`) {
		t.Errorf("the metrics are\n%s", metrics)
	}
	d.stop()
	if out, code := c.run("status", "-o", "json"); code != 0 || strings.Contains(out, "unknown") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// S3-14, fault 14: what events don't tell, the schedule finds; at the latest when the daemon starts.
func TestAnEditWhoseEventIsLostIsFoundByTheNextRun(t *testing.T) {
	c := newCluster(t, nil)
	c.put("prod/"+c.namespace+"/db", `{"password": "one"}`)
	c.write("secretsync.yaml", strings.Replace(c.config, "rate(30 days)", "rate(1 minute)", 1))
	d := c.serve()
	c.until("the first run has made the copy", c.holds("db", "password", "one"))
	d.stop()
	c.put("prod/"+c.namespace+"/db", `{"password": "two"}`)
	d = c.serve()
	c.until("the run at the start has found the edit", c.holds("db", "password", "two"))

	// A configuration that is not valid changes nothing; one that is counts at once.
	c.write("secretsync.yaml", "version: 2\n")
	c.signal(d, syscall.SIGHUP)
	c.until("the reload is refused", func() bool { return strings.Contains(d.log(), "not reloaded") })
	c.put("prod/"+c.namespace+"/late", "x")
	c.write("secretsync.yaml", c.config)
	c.signal(d, syscall.SIGHUP)
	c.until("the reload runs what has changed", c.holds("late", "value", "x"))
	d.stop()
}

// Several replicas: one leads by a Lease, and the next leads as soon as it ends.
func TestOfTwoReplicasOneLeadsAndTheOtherTakesOver(t *testing.T) {
	c := newCluster(t, nil)
	apiserver.Allow(t, c.user, c.namespace, storetest.KubernetesRule{Group: "coordination.k8s.io", Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}})
	db := "prod/" + c.namespace + "/db"
	c.put(db, "one")
	c.write("secretsync.yaml", strings.Replace(c.config, "schedule: rate(30 days)", "schedule: rate(30 days), lease: {namespace: "+c.namespace+"}", 1))
	first := c.serve()
	c.until("the first leads", func() bool { return first.leads() })
	c.until("it has made the copy", c.holds("db", "value", "one"))
	second := c.start()
	c.until("the second is up", func() bool { status, _ := second.get("/healthz"); return status == http.StatusOK })
	if second.leads() {
		t.Error("two lead")
	}
	c.put(db, "two")
	first.stop()
	c.until("the second leads", second.leads)
	c.until("it has found what changed", c.holds("db", "value", "two"))
	second.stop()
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

// S3-01, S3-04, S3-07, S3-B3, S3-B4, S3-B6, S3-B7, S3-B10.
func TestTheProgramIsAFunctionThatTurnsEventsIntoKubernetesSecrets(t *testing.T) {
	c := newCluster(t, map[string]awslocal.SeedRule{"all": {Pattern: `{"source": ["aws.secretsmanager"]}`, Targets: []string{"queue/changes"}}})
	c.write("secretsync.yaml", c.config)
	f := c.function()
	db := "prod/" + c.namespace + "/db"
	c.put(db, `{"n": 12345678901234567890, "f": 1.0e3, "nothing": null, "nested": {"a": [1, 2]}, "text": "`+canary+`"}`)
	var bodies []string
	for _, m := range c.aws.QueueMessages("arn:aws:sqs:us-east-1:" + account + ":changes") {
		bodies = append(bodies, m.Body)
	}
	if len(bodies) != 2 {
		t.Fatalf("%d events of a creation, want the native one and CloudTrail's", len(bodies))
	}
	for _, body := range bodies {
		if got := f.Invoke(body); got.Error != nil {
			t.Errorf("got %+v", got.Error)
		}
	}
	o := c.secret("db")
	if o == nil {
		t.Fatalf("there is no Secret\n%s", f.Log())
	}
	for key, want := range map[string]string{"n": "12345678901234567890", "f": "1.0e3", "nothing": "null", "nested": `{"a": [1, 2]}`, "text": canary} {
		if got := string(o.Data[key]); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}

	// A batch of a queue: one message about a secret whose copy can't be written now, one malformed, one unknown to us, one good.
	c.put("prod/"+c.namespace+"/good", "x")
	records, err := json.Marshal(map[string]any{"Records": []any{
		record("1", `{"secret": "prod/`+c.namespace+`/good"}`), record("2", `{"version":`),
		record("3", `{"version":"0","source":"aws.s3","detail-type":"Object Created","account":"`+account+`","region":"us-east-1","detail":{}}`),
		record("4", `{"secret": "prod/`+c.namespace+`/none"}`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := f.Invoke(string(records))
	if got.Error != nil || !strings.Contains(string(got.Body), `"itemIdentifier":"2"`) || strings.Count(string(got.Body), "itemIdentifier") != 1 {
		t.Errorf("got %s, %+v", got.Body, got.Error)
	}
	if !c.holds("good", "value", "x")() {
		t.Error("the good message did nothing")
	}
	// By hand, from the console's own test event.
	c.put("prod/"+c.namespace+"/later", "x")
	if got := f.Invoke(`{"key1": "value1", "key2": "value2", "key3": "value3"}`); got.Error != nil || !c.holds("later", "value", "x")() {
		t.Errorf("got %s, %+v", got.Body, got.Error)
	}

	// What fails is an error, so that Lambda tries again and keeps the event in the end.
	c.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Code: "InternalServiceError"})
	if got := f.Invoke(bodies[0]); got.Error == nil {
		t.Errorf("got %s, want an error", got.Body)
	}
	c.aws.Faults().Clear()
	if got := f.Invoke(bodies[0]); got.Error != nil {
		t.Errorf("got %+v", got.Error)
	}
	if log := f.Log(); strings.Contains(log, canary) || !strings.Contains(log, `"_aws"`) {
		t.Errorf("the log is\n%s", log)
	}
}

func record(id, body string) map[string]any {
	return map[string]any{"messageId": id, "receiptHandle": "h", "body": body, "attributes": map[string]string{}, "messageAttributes": map[string]any{},
		"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:" + account + ":changes", "awsRegion": "us-east-1"}
}

func TestTheFunctionsConfigurationMayBeASecret(t *testing.T) {
	c := newCluster(t, nil)
	c.put("secretsync/configuration", c.config)
	c.put("prod/"+c.namespace+"/db", "x")
	f := c.function("SECRETSYNC_CONFIG=secretsmanager:secretsync/configuration")
	if got := f.Invoke(`{}`); got.Error != nil || !c.holds("db", "value", "x")() {
		t.Errorf("got %s, %+v\n%s", got.Body, got.Error, f.Log())
	}
	f.Stop()
	f = c.function("SECRETSYNC_CONFIG=secretsmanager:none")
	if got := f.Invoke(`{}`); got.Error == nil || !strings.Contains(got.Error.Message, "GetSecretValue") {
		t.Errorf("got %s, %+v", got.Body, got.Error)
	}
}

// S3-15: Vault's secrets become Secrets of Kubernetes, by AppRole, over plain polling.
func TestVaultSecretsBecomeKubernetesSecrets(t *testing.T) {
	h := newHybrid(t)
	c := newCluster(t, nil)
	h.write(h.mount, "hybrid-aws-secrets/db", `{"username": "app", "port": 5432, "password": "`+canary+`"}`)
	c.env = append(c.env, "VAULT_ADDR="+h.proxy(server.Addr(t)), "VAULT_TOKEN="+h.readerToken())
	c.write("secretsync.yaml", fmt.Sprintf(`version: 1
owner: vault
stores:
  vault: {type: vault, mount: %s}
  prod: {type: kubernetes, context: test, namespace: %s}
syncs:
  - {name: vault-to-prod, from: vault, select: {prefix: [hybrid-aws-secrets/]}, to: [{store: prod, name: "{{ .Base }}"}]}
`, h.mount, c.namespace))
	out, code := c.run("sync")
	o := c.secret("db")
	if code != 0 || o == nil || string(o.Data["port"]) != "5432" || string(o.Data["password"]) != canary {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	if out, code := c.run("sync"); code != 0 || !strings.Contains(out, "1 unchanged") {
		t.Errorf("again: exit code %d\n%s", code, out)
	}
	if after := c.secret("db"); after.Metadata.ResourceVersion != o.Metadata.ResourceVersion {
		t.Error("a run without a change has written")
	}
	if out, code := c.run("verify"); code != 0 {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
}
