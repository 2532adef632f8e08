package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

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
