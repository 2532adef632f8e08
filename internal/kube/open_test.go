package kube_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// list lists Secrets as the driver does, without their data.
func list(ctx context.Context, c *kube.Cluster, namespace string) error {
	client, err := c.Metadata(ctx)
	if err != nil {
		return err
	}
	if _, err = client.Resource(secrets).Namespace(namespace).List(ctx, metav1.ListOptions{}); err != nil {
		return kube.Error("list secrets", "", place(c, namespace), err)
	}
	return nil
}

// calls collects what is observed.
type calls struct {
	mu  sync.Mutex
	all []string
}

func (c *calls) observe(call awscfg.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf("%s %s: %s", call.Service, call.Operation, call.Outcome))
}

func (c *calls) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.all, "\n")
}

func TestTheCurrentContextOfKUBECONFIGIsTheCluster(t *testing.T) {
	ns := server.Namespace(t, "apps")
	c := as(t, user(t, ns, allSecrets), ns)
	if c.Name() != "test" || c.Namespace() != ns {
		t.Errorf("got %q, %q", c.Name(), c.Namespace())
	}
	if err := list(t.Context(), c, ns); err != nil {
		t.Error(err)
	}
	if err := list(t.Context(), c, "default"); !errors.Is(err, store.ErrNotPermitted) {
		t.Errorf("the user may look into one namespace only: got %v", err)
	}
}

func TestEveryRequestIsReportedByVerbAndResource(t *testing.T) {
	ns := server.Namespace(t, "apps")
	t.Setenv("KUBECONFIG", server.Kubeconfig(t, user(t, ns, allSecrets), ns))
	var seen calls
	c := open(t, kube.Settings{Context: "test"}, awscfg.Options{Observe: seen.observe})
	if err := apply(t.Context(), c, ns, "app-db", data("k", canary)); err != nil {
		t.Fatal(err)
	}
	if err := list(t.Context(), c, ns); err != nil {
		t.Fatal(err)
	}
	if err := list(t.Context(), c, ""); err == nil {
		t.Fatal("all namespaces were listed")
	}
	want := "Kubernetes patch secrets: ok\nKubernetes list secrets: ok\nKubernetes list secrets: refused"
	if got := seen.text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestACredentialPluginOfTheKubeconfigIsRun(t *testing.T) {
	ns := server.Namespace(t, "apps")
	u := user(t, ns, allSecrets)
	dir := t.TempDir()
	plugin := filepath.Join(dir, "plugin")
	script := fmt.Sprintf("#!/bin/sh\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"%s\"}}'\n", u.Token)
	if err := os.WriteFile(plugin, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	kubeconfig := func(command string) {
		file := filepath.Join(dir, "kubeconfig")
		text := fmt.Sprintf(`{apiVersion: v1, kind: Config,
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}],
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: Never}}}],
contexts: [{name: plugged, context: {cluster: c, user: u}}]}`, server.URL(t), server.CAFile(t), command)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("KUBECONFIG", file)
	}
	kubeconfig(plugin)
	c := open(t, kube.Settings{Context: "plugged"}, awscfg.Options{})
	if err := list(t.Context(), c, ns); err != nil {
		t.Error(err)
	}
	if c.Namespace() != "default" {
		t.Errorf("got namespace %q", c.Namespace())
	}
	kubeconfig(filepath.Join(dir, "absent"))
	if err := list(t.Context(), open(t, kube.Settings{Context: "plugged"}, awscfg.Options{}), ns); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("got %v", err)
	}
}

func TestAClusterThatIsNotSaidIsNeverGuessed(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "{apiVersion: v1, kind: Config, current-context: here, clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], contexts: [{name: here, context: {cluster: c}}]}"
	if err := os.WriteFile(filepath.Join(home, ".kube", "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", "")
	c := open(t, kube.Settings{}, awscfg.Options{})
	if _, err := c.Config(t.Context()); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "KUBECONFIG") {
		t.Errorf("got %v", err)
	}
	if c.Name() != "in-cluster" {
		t.Errorf("got %q", c.Name())
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "1")
	if _, err := c.Config(t.Context()); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "service account") {
		t.Errorf("in a pod without a service account: got %v", err)
	}
}

func TestSettingsThatCannotBeMeantAreErrors(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	for name, test := range map[string]struct {
		kubeconfig string
		settings   kube.Settings
		opens      bool
		says       string
	}{
		"KUBECONFIG that is not there": {absent, kube.Settings{}, false, "no current context"},
		"no such context":              {absent, kube.Settings{Context: "prod"}, true, `no context "prod" in ` + absent},
		"context and EKS":              {"", kube.Settings{Context: "a", EKS: &kube.EKS{Cluster: "a"}}, false, "one of them"},
		"EKS without a name":           {"", kube.Settings{EKS: &kube.EKS{}}, false, "without a name"},
		"role that is a name":          {"", kube.Settings{EKS: &kube.EKS{Cluster: "a", Role: "Reader"}}, false, "must be an ARN"},
		"external id without a role":   {"", kube.Settings{EKS: &kube.EKS{Cluster: "a", ExternalID: "x"}}, false, "with a role only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", test.kubeconfig)
			c, err := kube.Open(awscfg.New(awscfg.Options{}), test.settings)
			if (err == nil) != test.opens {
				t.Fatalf("got %v", err)
			}
			if test.opens {
				_, err = c.Config(t.Context())
			}
			if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want one that says %q", err, test.says)
			}
		})
	}
}

func TestAnAddressThatIsNoClusterProvesNothing(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusNotFound
		if strings.Contains(r.URL.Path, "/busy/") {
			status = http.StatusBadGateway
		}
		http.Error(w, "<html>"+canary, status)
	}))
	defer page.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, test := range map[string]struct {
		server string
		kind   error
		says   string
	}{
		"another server":   {page.URL, store.ErrInvalid, "not in Kubernetes' form"},
		"a proxy":          {page.URL + "/busy", store.ErrUnavailable, "HTTP status 502"},
		"nobody":           {gone.URL, store.ErrUnavailable, "connection refused"},
		"plain HTTP":       {strings.Replace(page.URL, "http:", "https:", 1), store.ErrUnavailable, "http://"},
		"nobody's address": {"https://cluster.invalid", store.ErrUnavailable, "does the server run"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kubeconfig")
			text := fmt.Sprintf("{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: %q}}], users: [{name: u, user: {token: %q}}], contexts: [{name: here, context: {cluster: c, user: u}}]}", test.server, canary)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("KUBECONFIG", file)
			c := open(t, kube.Settings{Context: "here"}, awscfg.Options{})
			client, err := c.Metadata(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Resource(secrets).Namespace("apps").Get(t.Context(), "a", metav1.GetOptions{})
			e := kube.Error("get secrets", secret.Name("a"), place(c, "apps"), err)
			if !errors.Is(e, test.kind) || errors.Is(e, store.ErrNotFound) || !strings.Contains(e.Error(), test.says) {
				t.Errorf("got %v, want %v that says %q", e, test.kind, test.says)
			}
			noCanary(t, e)
		})
	}
}

func TestACallThatItsCallerEndsIsNoFailureOfTheCluster(t *testing.T) {
	c := as(t, storetest.KubernetesAdmin(), "")
	if _, err := c.Config(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := list(ctx, c, "default")
	if e := (*store.Error)(nil); !errors.As(err, &e) || e.Kind != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	err = list(ctx, c, "default")
	if e := (*store.Error)(nil); !errors.As(err, &e) || e.Kind != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
