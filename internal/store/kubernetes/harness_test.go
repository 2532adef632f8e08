package kubernetes_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/kubernetes"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

const canary = "c4n4ry-0f-kub3"

func role(verbs ...string) storetest.KubernetesRule {
	return storetest.KubernetesRule{Verbs: verbs, Resources: []string{"secrets"}}
}

// The Roles of docs/kubernetes.md.

func reader() storetest.KubernetesRule { return role("get", "list") }

func writer() storetest.KubernetesRule { return role("get", "list", "create", "patch", "delete") }

func restarter() storetest.KubernetesRule {
	return storetest.KubernetesRule{Group: "apps", Verbs: []string{"list", "patch"}, Resources: []string{"deployments", "statefulsets", "daemonsets"}}
}

var app storetest.KubernetesUser // who writes, in one namespace after another

// appUser returns a user that has no right but those of the namespaces that it was let into.
func appUser(t *testing.T) storetest.KubernetesUser {
	t.Helper()
	if app.Name == "" {
		app = server.User(t, "")
	}
	return app
}

// bench is a namespace of its own, with a way in front of the server that sees every request, and can answer in its place.
type bench struct {
	t    *testing.T
	ns   string
	back backdoor
	*front
}

func newBench(t *testing.T, rules ...storetest.KubernetesRule) *bench {
	t.Helper()
	server.Start(t)
	if rules == nil {
		rules = []storetest.KubernetesRule{writer()}
	}
	ns := server.Namespace(t, "ns")
	allow(t, appUser(t), ns, rules...)
	b := &bench{t: t, ns: ns, front: newFront(t)}
	b.as(appUser(t))
	b.back = newBackdoor(t, ns)
	return b
}

// allow lets a user do something, and waits until the server knows it.
func allow(t *testing.T, u storetest.KubernetesUser, ns string, rules ...storetest.KubernetesRule) {
	t.Helper()
	server.Allow(t, u, ns, rules...)
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
}

// as makes stores that are opened from now on those of a user.
func (b *bench) as(u storetest.KubernetesUser) {
	b.t.Helper()
	b.t.Setenv("KUBECONFIG", b.kubeconfig(u, b.ns))
}

// open opens a store of settings, as YAML, without the braces.
func (b *bench) open(settings string) store.Store {
	b.t.Helper()
	s, err := open("{" + settings + "}")
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func open(settings string) (store.Store, error) { return openAs("test", settings) }

func openAs(name secret.StoreName, settings string) (store.Store, error) {
	return kubernetes.Driver(awscfg.New(awscfg.Options{})).Open(store.Definition{
		Name: name, Decode: func(into any) error { return yaml.Load([]byte(settings), into, yaml.WithKnownFields()) },
	})
}

type dest interface {
	store.Destination
	store.Deleter
	store.Verifier
	store.Comparer
}

func (b *bench) dest(settings string) dest {
	b.t.Helper()
	return b.named("test", settings)
}

// named opens the destination of a store of that name.
func (b *bench) named(name secret.StoreName, settings string) dest {
	b.t.Helper()
	s, err := openAs(name, "{"+settings+"}")
	if err != nil {
		b.t.Fatal(err)
	}
	at, _ := s.Fixed()
	d, err := s.Destination(b.t.Context(), at)
	if err != nil {
		b.t.Fatal(err)
	}
	return d.(dest)
}

func (b *bench) source(settings string) store.Source {
	b.t.Helper()
	s, err := b.open(settings).Source(b.t.Context(), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// id is the version that test writes write, and mark their mark.
func id(n int) secret.Version {
	return secret.Version(fmt.Sprintf("%08x-0000-4000-8000-00000000cafe", n))
}

var mark = secret.Mark{Owner: "platform-test", Sync: "app", Source: "sm/111111111111/us-east-1/app/db"}

func writing(n int, have *secret.Copy) store.Write {
	return store.Write{
		Name: "app.db", Have: have, Versions: []secret.Version{id(n)}, Mark: mark,
		Value: secret.Text(fmt.Appendf(nil, `{"username":"app","password":"%s%d"}`, canary, n)),
	}
}

func mustWrite(t *testing.T, d store.Destination, w store.Write) secret.Copy {
	t.Helper()
	c, err := d.Write(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stat(t *testing.T, d store.Destination) *secret.Copy {
	t.Helper()
	c, err := d.Stat(t.Context(), "app.db")
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// wantErr fails unless err is of a kind, says all texts and holds no value.
func wantErr(t *testing.T, err, kind error, texts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got the error %v, want one of kind %q", err, kind)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Error("the error holds the value")
	}
}

func wantCalls(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
