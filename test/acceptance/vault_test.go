package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	vault "github.com/hashicorp/vault/api"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// hybrid is a real Vault behind a proxy that counts, and an embedded AWS in which the program runs as a role with S1's own policy, word for word.
type hybrid struct {
	t      *testing.T
	binary string
	vault  *vault.Client // as root
	mount  string
	aws    *awslocal.Server
	url    string
	config string
	key    string // the program's access key

	mu     sync.Mutex
	asked  []string // of Vault, by the program: "LIST metadata/x"
	sealed atomic.Bool
}

const (
	account    = "111122223333"
	topic      = "arn:aws:sns:us-east-1:111122223333:failed-replications"
	connection = "hybrid-aws-secrets/vault-connection-secret"
	keyID      = "0a1b2c3d-4e5f-4a6b-8c7d-0a1b2c3d4e5f"
	keyARN     = "arn:aws:kms:us-east-1:111122223333:key/" + keyID

	// As S1 prints it.
	hybridPolicy = `{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"},
  {"Effect": "Allow", "Action": ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource"],
   "Resource": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hybrid-aws-secrets/*"},
  {"Effect": "Deny", "Action": ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource"],
   "NotResource": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hybrid-aws-secrets/*"},
  {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hybrid-aws-secrets/vault-connection-secret-??????"},
  {"Effect": "Allow", "Action": "sns:Publish", "Resource": "` + topic + `"},
  {"Effect": "Deny", "Action": "sns:*", "NotResource": "` + topic + `"},
  {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "` + keyARN + `"},
  {"Effect": "Deny", "Action": "kms:*", "NotResource": "` + keyARN + `"}]}`
)

var server storetest.VaultServer

func newHybrid(t *testing.T) *hybrid {
	t.Helper()
	h := &hybrid{t: t, key: "FUNCTION", binary: filepath.Join(t.TempDir(), "secretsync"), mount: "kv-" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))}
	root := server.Addr(t)
	if out, err := exec.Command("go", "build", "-o", h.binary, "../../cmd/secretsync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if h.vault, err = vault.NewClient(&vault.Config{Address: root}); err != nil {
		t.Fatal(err)
	}
	h.vault.SetToken(storetest.VaultRoot)
	for _, engine := range []string{h.mount, "super-secret-engine-" + h.mount} {
		if err := h.vault.Sys().Mount(engine, &vault.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}); err != nil {
			t.Fatal(err)
		}
	}
	h.write("super-secret-engine-"+h.mount, "hybrid-aws-secrets/not-this-one", `{"k": "`+canary+`"}`)
	proxy := h.proxy(root)

	role, err := policy.ParseIdentity([]byte(hybridPolicy))
	if err != nil {
		t.Fatal(err)
	}
	said, err := json.Marshal(map[string]string{"vaultAddress": proxy, "vaultToken": h.readerToken()})
	if err != nil {
		t.Fatal(err)
	}
	h.aws, err = awslocal.New(awslocal.Options{EnforceIAM: true, Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{account: {
		Users: map[string]awslocal.SeedUser{"admin": {AccessKeyID: account}},
		Roles: map[string]awslocal.SeedRole{"Function": {AccessKeyID: "FUNCTION", Policies: []policy.Document{role}}},
		Regions: map[string]awslocal.SeedRegion{"us-east-1": {
			Keys:    map[string]awslocal.SeedKey{"alias/hybrid-aws-secrets-encryption-key": {ID: keyID}},
			Topics:  map[string]awslocal.SeedTopic{"failed-replications": {}},
			Secrets: map[string]awslocal.SeedSecret{connection: {Value: string(said), KMSKey: keyARN}},
		}},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.aws.Close() })
	if h.url, err = h.aws.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	h.config = fmt.Sprintf(`version: 1
owner: hybrid
stores:
  aws: {type: aws-secrets-manager, region: us-east-1, kmsKey: %q}
  vault: {type: vault, mount: %s, connection: {store: aws, secret: %s}}
syncs:
  - name: vault-to-aws
    from: vault
    select: {prefix: [hybrid-aws-secrets/]}
    to: [{store: aws}]
    schedule: rate(30 minutes)
notify:
  - sns: {topicArn: %q}
`, keyARN, h.mount, connection, topic)
	return h
}

// readerToken returns a token that may read and list the prefix only.
func (h *hybrid) readerToken() string {
	h.t.Helper()
	rules := fmt.Sprintf(`
path "%[1]s/metadata/hybrid-aws-secrets/*" { capabilities = ["read", "list"] }
path "%[1]s/data/hybrid-aws-secrets/*" { capabilities = ["read"] }`, h.mount)
	if err := h.vault.Sys().PutPolicy(h.mount, rules); err != nil {
		h.t.Fatal(err)
	}
	s, err := h.vault.Auth().Token().Create(&vault.TokenCreateRequest{Policies: []string{h.mount}, TTL: "1h"})
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Auth.ClientToken
}

func (h *hybrid) proxy(root string) string {
	target, err := url.Parse(root)
	if err != nil {
		h.t.Fatal(err)
	}
	reverse := httputil.NewSingleHostReverseProxy(target)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if r.URL.Query().Get("list") == "true" {
			method = "LIST"
		}
		h.mu.Lock()
		h.asked = append(h.asked, method+" "+strings.TrimPrefix(r.URL.Path, "/v1/"+h.mount+"/"))
		h.mu.Unlock()
		if h.sealed.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"errors":["Vault is sealed"]}`))
			return
		}
		reverse.ServeHTTP(w, r)
	}))
	h.t.Cleanup(s.Close)
	return s.URL
}

func (h *hybrid) write(mount, path, data string) {
	h.t.Helper()
	if _, err := h.vault.Logical().WriteBytes(mount+"/data/"+path, []byte(`{"data": `+data+`}`)); err != nil {
		h.t.Fatal(err)
	}
}

// copyOf returns the current value of a secret in AWS; empty where there is none.
func (h *hybrid) copyOf(name string) string {
	h.t.Helper()
	out, err := h.admin().GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return ""
	}
	return aws.ToString(out.SecretString)
}

func (h *hybrid) admin() *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{Region: "us-east-1", BaseEndpoint: &h.url, Credentials: credentials.NewStaticCredentialsProvider(account, "x", "")})
}

// sync runs the program and looks for the canary in all that it prints and sends.
func (h *hybrid) sync(args ...string) (r result, asked []string) {
	h.t.Helper()
	h.mu.Lock()
	h.asked = nil
	h.mu.Unlock()
	h.aws.Ledger().Reset()
	dir := h.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secretsync.yaml"), []byte(h.config), 0o600); err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(h.binary, append([]string{"sync", "-o", "json", "--log-level", "debug"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+h.url, "AWS_ACCESS_KEY_ID="+h.key, "AWS_SECRET_ACCESS_KEY=y", "AWS_REGION=us-east-1", "HOME="+dir)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.code = exit.ExitCode()
	} else if err != nil {
		h.t.Fatal(err)
	}
	all := string(out) + errs.String()
	for _, m := range h.aws.Published(topic) {
		all += m.Subject + m.Message
	}
	if strings.Contains(all, canary) {
		h.t.Error("a value, or a part of one, is in the output or in a message")
	}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &r); err != nil {
			h.t.Fatalf("%v\n%s", err, out)
		}
	}
	r.calls = map[string]int{}
	for _, c := range h.aws.Ledger().Calls() {
		if !c.Internal {
			r.calls[c.Operation]++
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.code != 0 {
		h.t.Logf("exit %d: %s", r.code, errs.String()[max(0, errs.Len()-1000):])
	}
	return r, slices.Clone(h.asked)
}

func (h *hybrid) messages() []string {
	var all []string
	for _, m := range h.aws.Published(topic) {
		all = append(all, m.Message)
	}
	return all
}

func lines(r result) string {
	var all []string
	for _, c := range r.Changes {
		all = append(all, strings.Join([]string{c.Outcome, c.Action, c.Reason, c.Name}, " "))
	}
	return strings.Join(all, "\n")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

// S1-01, S1-05 to S1-07, S1-11 to S1-13, S1-B1, S1-B5, S1-B10
func TestVaultIsReplicatedByPrefixAndWhatDidNotChangeIsNotRead(t *testing.T) {
	h := newHybrid(t)
	h.write(h.mount, "hybrid-aws-secrets/app-one", `{"password": "`+canary+`1", "port": 5432}`)
	h.write(h.mount, "hybrid-aws-secrets/team/app-two", `{"password": "`+canary+`2"}`)
	h.write(h.mount, "elsewhere/app", `{"password": "`+canary+`3"}`)

	r, _ := h.sync()
	want(t, "first run", lines(r), "applied create missing hybrid-aws-secrets/app-one\napplied create missing hybrid-aws-secrets/team/app-two")
	if got := h.copyOf("hybrid-aws-secrets/app-one"); got != `{"password":"`+canary+`1","port":5432}` {
		t.Errorf("the copy holds %s", got)
	}
	if r.code != 0 || len(h.messages()) != 0 {
		t.Errorf("exit code %d, %d messages", r.code, len(h.messages()))
	}

	r, asked := h.sync()
	slices.Sort(asked)
	want(t, "what an unchanged run asks of Vault", strings.Join(asked, "\n"), strings.Join([]string{
		"GET metadata/hybrid-aws-secrets/app-one", "GET metadata/hybrid-aws-secrets/team/app-two",
		"LIST metadata/hybrid-aws-secrets/", "LIST metadata/hybrid-aws-secrets/team/",
	}, "\n"))
	want(t, "and of AWS", fmt.Sprint(r.calls), "map[GetSecretValue:1 ListSecrets:1]")
	want(t, "second run", lines(r), "")

	h.write(h.mount, "hybrid-aws-secrets/app-one", `{"password": "`+canary+`4"}`)
	r, asked = h.sync()
	want(t, "after an update", lines(r), "applied update new-version hybrid-aws-secrets/app-one")
	if got := h.copyOf("hybrid-aws-secrets/app-one"); got != `{"password":"`+canary+`4"}` {
		t.Errorf("the copy holds %s", got)
	}
	if n := len(slices.DeleteFunc(asked, func(s string) bool { return !strings.HasPrefix(s, "GET data/") })); n != 1 || r.calls["PutSecretValue"] != 1 || r.calls["TagResource"] != 0 {
		t.Errorf("%d values read, AWS was called %v", n, r.calls)
	}
}

// S1-B7
func TestASecretThatIsDeletedInVaultAndMadeAnewAtVersionOneArrives(t *testing.T) {
	h := newHybrid(t)
	h.write(h.mount, "hybrid-aws-secrets/app", `{"k": "`+canary+`1"}`)
	h.sync()
	if _, err := h.vault.Logical().Delete(h.mount + "/metadata/hybrid-aws-secrets/app"); err != nil {
		t.Fatal(err)
	}
	h.write(h.mount, "hybrid-aws-secrets/app", `{"k": "`+canary+`2"}`)
	r, _ := h.sync()
	want(t, "the run", lines(r), "applied update new-version hybrid-aws-secrets/app")
	if got := h.copyOf("hybrid-aws-secrets/app"); got != `{"k":"`+canary+`2"}` {
		t.Errorf("the copy holds %s", got)
	}
}

// S1-08 to S1-10, S1-B2, S1-B4, S1-B6, S1-B8
func TestEverythingIsAttemptedAlthoughOneFailsAndOneMessageIsSent(t *testing.T) {
	h := newHybrid(t)
	h.write(h.mount, "hybrid-aws-secrets/a", `{"k": "`+canary+`1"}`)
	h.write(h.mount, "hybrid-aws-secrets/b", `{"k": "`+canary+`2"}`)
	h.write(h.mount, "hybrid-aws-secrets/c", `{"k": "`+canary+`3"}`)
	h.write(h.mount, "hybrid-aws-secrets/theirs", `{"k": "`+canary+`4"}`)
	h.write(h.mount, "hybrid-aws-secrets/going", `{"k": "`+canary+`5"}`)
	h.write(h.mount, "hybrid-aws-secrets/vault-connection-secret", `{"k": "`+canary+`6"}`)
	for _, name := range []string{"hybrid-aws-secrets/theirs", "hybrid-aws-secrets/going"} {
		if _, err := h.admin().CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("before")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.admin().DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String("hybrid-aws-secrets/going")}); err != nil {
		t.Fatal(err)
	}
	h.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Resource: "hybrid-aws-secrets/b", Code: "InternalServiceError", Status: 500})
	before := h.copyOf(connection)

	r, _ := h.sync()
	want(t, "the run", lines(r), `applied create missing hybrid-aws-secrets/a
failed create missing hybrid-aws-secrets/b
applied create missing hybrid-aws-secrets/c
refused refuse scheduled-for-deletion hybrid-aws-secrets/going
refused refuse foreign hybrid-aws-secrets/theirs
refused refuse not-allowed hybrid-aws-secrets/vault-connection-secret`)
	if r.code != 3 || h.copyOf(connection) != before || h.copyOf("hybrid-aws-secrets/theirs") != "before" {
		t.Errorf("exit code %d, or something was written over", r.code)
	}
	sent := h.messages()
	if len(sent) != 1 {
		t.Fatalf("%d messages, want 1", len(sent))
	}
	for _, part := range []string{"Account: " + account + ", Region: us-east-1. Failed to create/update the following secrets", "hybrid-aws-secrets/b", "InternalServiceError",
		"hybrid-aws-secrets/theirs", "Secrets created: 2"} {
		if !strings.Contains(sent[0], part) {
			t.Errorf("the message does not say %q:\n%s", part, sent[0])
		}
	}

	h.sealed.Store(true)
	r, _ = h.sync()
	if sent = h.messages(); r.code != 1 || len(sent) != 2 || !strings.Contains(sent[1], "sealed") {
		t.Errorf("Vault is sealed: exit code %d, %d messages, the last is\n%s", r.code, len(sent), sent[len(sent)-1])
	}
}

// S1-B3
func TestMoreSecretsThanAPageHoldsAreEachMadeOnce(t *testing.T) {
	h := newHybrid(t)
	for i := range 120 {
		h.write(h.mount, fmt.Sprintf("hybrid-aws-secrets/app-%03d", i), `{"k": "`+canary+`"}`)
	}
	if r, _ := h.sync(); r.Summary.Create != 120 || r.code != 0 {
		t.Errorf("first run: %+v", r.Summary)
	}
	if r, asked := h.sync(); r.Summary.Unchanged != 120 || r.Summary.Create != 0 || len(asked) != 121 {
		t.Errorf("second run: %+v, %d calls to Vault", r.Summary, len(asked))
	}
}

// S1-17 (3), fault 36
func TestOnlyMetadataThatAreGoneDeleteACopyAndACopyCanComeBack(t *testing.T) {
	h := newHybrid(t)
	h.key = account // S1's role may not delete
	h.config = strings.Replace(h.config, "    schedule:", "    deletion: delete\n    schedule:", 1)
	h.write(h.mount, "hybrid-aws-secrets/a", `{"k": "`+canary+`1"}`)
	h.write(h.mount, "hybrid-aws-secrets/b", `{"k": "`+canary+`2"}`)
	h.sync()

	if _, err := h.vault.Logical().Delete(h.mount + "/data/hybrid-aws-secrets/a"); err != nil {
		t.Fatal(err)
	}
	r, _ := h.sync()
	want(t, "a deleted version", lines(r), "refused refuse no-value hybrid-aws-secrets/a")
	if h.copyOf("hybrid-aws-secrets/a") == "" {
		t.Error("the copy is gone")
	}

	if _, err := h.vault.Logical().Delete(h.mount + "/metadata/hybrid-aws-secrets/a"); err != nil {
		t.Fatal(err)
	}
	r, _ = h.sync()
	want(t, "metadata that are gone", lines(r), "applied delete source-deleted hybrid-aws-secrets/a")

	h.write(h.mount, "hybrid-aws-secrets/a", `{"k": "`+canary+`3"}`)
	r, _ = h.sync()
	want(t, "made anew", lines(r), "applied restore scheduled-for-deletion hybrid-aws-secrets/a")
	if got := h.copyOf("hybrid-aws-secrets/a"); got != `{"k":"`+canary+`3"}` {
		t.Errorf("the copy holds %s", got)
	}
}
