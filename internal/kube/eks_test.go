package kube_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// authenticator is what EKS runs beside its API servers: it sends the request that is in a token to STS, and learns from the answer who made it.
type authenticator struct {
	t       *testing.T
	cluster string

	mu     sync.Mutex
	sts    string            // the URL that tokens must be for
	users  map[string]string // of Kubernetes, by ARN
	tokens []string          // that were asked about, without repetition
}

func (a *authenticator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review struct{ Spec struct{ Token string } }
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		a.t.Error(err)
	}
	status := map[string]any{"authenticated": false}
	if user, err := a.user(r, review.Spec.Token); err != nil {
		status["error"] = err.Error()
	} else {
		status = map[string]any{"authenticated": true, "user": map[string]any{"username": user}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status})
}

func (a *authenticator) user(r *http.Request, token string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.tokens) == 0 || a.tokens[len(a.tokens)-1] != token {
		a.tokens = append(a.tokens, token)
	}
	encoded, ours := strings.CutPrefix(token, "k8s-aws-v1.")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ours || err != nil {
		return "", errors.New("no such token")
	}
	u, err := url.Parse(string(text))
	if err != nil {
		return "", err
	}
	q := u.Query()
	signed, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	switch {
	case u.Scheme+"://"+u.Host != a.sts || q.Get("Action") != "GetCallerIdentity":
		return "", errors.New("not for STS")
	case err != nil || time.Since(signed) > 15*time.Minute || q.Get("X-Amz-Expires") != "60":
		return "", errors.New("expired")
	case !strings.Contains(q.Get("X-Amz-SignedHeaders"), "x-k8s-aws-id") || q.Get("X-Amz-Signature") == "":
		return "", errors.New("not signed for a cluster")
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("X-K8s-Aws-Id", a.cluster)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var who struct {
		Arn string `xml:"GetCallerIdentityResult>Arn"`
	}
	if err := xml.NewDecoder(resp.Body).Decode(&who); err != nil {
		return "", err
	}
	for arn, user := range a.users {
		if strings.HasPrefix(who.Arn, arn) {
			return user, nil
		}
	}
	return "", fmt.Errorf("%s has no access entry", who.Arn)
}

// know says where tokens are for, and who is who.
func (a *authenticator) know(sts string, users map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sts, a.users = sts, users
}

// seen returns how many tokens were used.
func (a *authenticator) seen() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.tokens)
}

// eksAPI answers DescribeCluster, also with what EKS would hardly say.
type eksAPI struct {
	mu       sync.Mutex
	clusters map[string]map[string]any
	calls    int
}

func (e *eksAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls++
	w.Header().Set("Content-Type", "application/json")
	cluster := e.clusters[strings.TrimPrefix(r.URL.Path, "/clusters/")]
	if cluster == nil {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"message": "No cluster found"}`))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"cluster": cluster})
}

// onAWS has the SDK call an embedded AWS with these clusters in one account's eu-west-1.
func onAWS(t *testing.T, clusters map[string]awslocal.SeedCluster) (cloud *awslocal.Server, url string) {
	t.Helper()
	cloud, err := awslocal.New(awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
		"222222222222": {Regions: map[string]awslocal.SeedRegion{"eu-west-1": {Clusters: clusters}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	if url, err = cloud.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]string{
		"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "111111111111", "AWS_SECRET_ACCESS_KEY": "x",
		"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, v)
	}
	return cloud, url
}

func TestAClusterOfEKSIsCalledAsARole(t *testing.T) {
	door := &authenticator{t: t, cluster: "prod"}
	hook := httptest.NewServer(door)
	t.Cleanup(hook.Close)
	file := filepath.Join(t.TempDir(), "webhook")
	text := fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}], users: [{name: u}], contexts: [{name: c, context: {cluster: c, user: u}}]}", hook.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	own := storetest.KubernetesServer{Flags: []string{"--authentication-token-webhook-config-file=" + file, "--authentication-token-webhook-version=v1"}}
	t.Cleanup(own.Close)
	ns := own.Namespace(t, "apps")
	ca, err := os.ReadFile(own.CAFile(t))
	if err != nil {
		t.Fatal(err)
	}
	cloud, url := onAWS(t, map[string]awslocal.SeedCluster{"prod": {Endpoint: own.URL(t), CertificateAuthority: base64.StdEncoding.EncodeToString(ca)}})
	door.know(url, map[string]string{"arn:aws:sts::222222222222:assumed-role/Deployer/": own.User(t, ns, allSecrets).Name})
	const role = "arn:aws:iam::222222222222:role/Deployer"

	c := open(t, kube.Settings{EKS: &kube.EKS{Cluster: "prod", Region: "eu-west-1", Role: role}}, awscfg.Options{})
	for range 3 {
		if err := apply(t.Context(), c, ns, "a", data("k", canary)); err != nil {
			t.Fatal(err)
		}
	}
	if c.Name() != "prod" || c.Namespace() != "default" {
		t.Errorf("got %q, %q", c.Name(), c.Namespace())
	}
	described := 0
	for _, call := range cloud.Ledger().Calls() {
		if call.Operation == "DescribeCluster" {
			described++
		}
	}
	if n := door.seen(); described != 1 || n != 1 {
		t.Errorf("three requests took %d tokens and %d calls of DescribeCluster", n, described)
	}

	other := open(t, kube.Settings{EKS: &kube.EKS{Cluster: "prod", Region: "eu-west-1", Role: "arn:aws:iam::222222222222:role/Stranger"}}, awscfg.Options{})
	if err := list(t.Context(), other, ns); !errors.Is(err, store.ErrCredentials) || !strings.Contains(err.Error(), "access entry") {
		t.Errorf("as somebody whom the cluster does not know: got %v", err)
	}
}

func TestAClusterOfEKSThatCannotBeCalledSaysWhyAndIsAskedForAgain(t *testing.T) {
	api := &eksAPI{clusters: map[string]map[string]any{
		"new":      {"name": "new", "status": "CREATING"},
		"headless": {"name": "headless", "status": "ACTIVE"},
		"garbled":  {"name": "garbled", "status": "ACTIVE", "endpoint": "https://127.0.0.1:1", "certificateAuthority": map[string]any{"data": "?"}},
	}}
	onAWS(t, nil)
	e := httptest.NewServer(api)
	t.Cleanup(e.Close)
	t.Setenv("AWS_ENDPOINT_URL_EKS", e.URL)
	for name, test := range map[string]struct {
		kind error
		says string
	}{
		"absent":   {store.ErrInvalid, `DescribeCluster "absent" in us-east-1: invalid: ResourceNotFoundException`},
		"new":      {store.ErrUnavailable, `DescribeCluster "new" in us-east-1: unavailable: the cluster is CREATING`},
		"headless": {store.ErrUnavailable, "no endpoint"},
		"garbled":  {store.ErrUnavailable, "not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, kube.Settings{EKS: &kube.EKS{Cluster: name}, Cluster: "main"}, awscfg.Options{})
			_, err := c.Config(t.Context())
			if !errors.Is(err, test.kind) || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v that says %q", err, test.kind, test.says)
			}
			if c.Name() != "main" {
				t.Errorf("got %q", c.Name())
			}
			before := api.calls
			if _, err := c.Config(t.Context()); err == nil || api.calls != before+1 {
				t.Errorf("got %v after %d more calls", err, api.calls-before)
			}
		})
	}
}
