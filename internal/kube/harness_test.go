package kube_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

const canary = "c4n4ry-0f-kub3"

var server storetest.KubernetesServer

func TestMain(m *testing.M) {
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "KUBE") {
			_ = os.Unsetenv(name) // the tests say what they need
		}
	}
	code := m.Run()
	server.Close()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// user returns somebody who may do what the rules say in a namespace, once the server knows it.
func user(t *testing.T, ns string, rules ...storetest.KubernetesRule) storetest.KubernetesUser {
	t.Helper()
	u := server.User(t, ns, rules...)
	for _, r := range rules {
		attributes := map[string]any{"namespace": ns, "verb": r.Verbs[0], "group": r.Group, "resource": r.Resources[0]}
		if len(r.Names) > 0 {
			attributes["name"] = r.Names[0]
		}
		for range 200 {
			var review struct{ Status struct{ Allowed bool } }
			server.Must(t, http.MethodPost, "/apis/authorization.k8s.io/v1/subjectaccessreviews", map[string]any{"spec": map[string]any{"user": u.Name, "resourceAttributes": attributes}}, &review)
			if review.Status.Allowed {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return u
}

// as returns the server as a user of it sees it, by a kubeconfig.
func as(t *testing.T, u storetest.KubernetesUser, namespace string) *kube.Cluster {
	t.Helper()
	t.Setenv("KUBECONFIG", server.Kubeconfig(t, u, namespace))
	return open(t, kube.Settings{}, awscfg.Options{})
}

func open(t *testing.T, s kube.Settings, o awscfg.Options) *kube.Cluster {
	t.Helper()
	c, err := kube.Open(awscfg.New(o), s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func noCanary(t *testing.T, err error) {
	t.Helper()
	if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, canary) {
		t.Errorf("the error tells the value: %s", text)
	}
}
