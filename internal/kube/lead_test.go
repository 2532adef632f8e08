package kube_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

var mayLead = storetest.KubernetesRule{Group: "coordination.k8s.io", Verbs: []string{"get", "create", "update"}, Resources: []string{"leases"}}

// leader is one replica that leads, or wants to.
type leader struct {
	terms chan context.Context // what each of its terms was given
	stop  func() error         // ends it, and waits
}

func lead(t *testing.T, c *kube.Cluster, ns, identity string) *leader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	l := &leader{terms: make(chan context.Context, 10)}
	l.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = l.stop() })
	go func() {
		ended <- c.Lead(ctx, kube.LeaseOptions{Namespace: ns, Name: "secretsync", Identity: identity, Duration: 2 * time.Second}, func(ctx context.Context) {
			l.terms <- ctx
			<-ctx.Done()
		})
	}()
	return l
}

// holder returns whom the Lease names.
func holder(t *testing.T, ns string) string {
	t.Helper()
	var lease struct {
		Spec struct{ HolderIdentity string }
	}
	server.Must(t, http.MethodGet, "/apis/coordination.k8s.io/v1/namespaces/"+ns+"/leases/secretsync", nil, &lease)
	name, _, _ := strings.Cut(lease.Spec.HolderIdentity, "_")
	return name
}

func TestOfTwoReplicasOneLeadsAndTheOtherFollowsItsEnd(t *testing.T) {
	ns := server.Namespace(t, "apps")
	c := as(t, user(t, ns, mayLead), ns)
	one := lead(t, c, "", "one")
	<-one.terms
	two := lead(t, c, "", "two")
	if h := holder(t, ns); h != "one" {
		t.Errorf("the Lease is %q's", h)
	}
	if err := one.stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if h := holder(t, ns); h == "one" {
		t.Error("it was not given up")
	}
	<-two.terms
	if h := holder(t, ns); h != "two" {
		t.Errorf("the Lease is %q's", h)
	}
}

func TestALeaderThatDiedIsFollowed(t *testing.T) {
	ns := server.Namespace(t, "apps")
	server.Must(t, http.MethodPost, "/apis/coordination.k8s.io/v1/namespaces/"+ns+"/leases", map[string]any{
		"metadata": map[string]any{"name": "secretsync"},
		"spec":     map[string]any{"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "2999-01-01T00:00:00.000000Z", "leaseTransitions": 4},
	}, nil)
	l := lead(t, as(t, user(t, ns, mayLead), ns), ns, "next")
	<-l.terms
	var lease struct {
		Spec struct{ LeaseTransitions int }
	}
	server.Must(t, http.MethodGet, "/apis/coordination.k8s.io/v1/namespaces/"+ns+"/leases/secretsync", nil, &lease)
	if h := holder(t, ns); h != "next" || lease.Spec.LeaseTransitions != 5 {
		t.Errorf("the Lease is %q's, after %d transitions", h, lease.Spec.LeaseTransitions)
	}
}

func TestALeaderThatLosesContactStopsAndLeadsAgainAfterwards(t *testing.T) {
	ns := server.Namespace(t, "apps")
	u := user(t, ns, mayLead)
	wire := cutter(t, server.URL(t))
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}], users: [{name: u, user: {token: %q}}], contexts: [{name: here, context: {cluster: c, user: u}}]}",
		"https://"+wire.addr, server.CAFile(t), u.Token)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", file)
	l := lead(t, open(t, kube.Settings{Context: "here"}, awscfg.Options{}), ns, "us")
	first := <-l.terms
	wire.cut(true)
	<-first.Done()
	wire.cut(false)
	<-l.terms
}

func TestAReplicaThatMayNotLeadSaysSo(t *testing.T) {
	ns := server.Namespace(t, "apps")
	c := as(t, server.User(t, ns), ns)
	err := c.Lead(t.Context(), kube.LeaseOptions{Name: "secretsync"}, func(context.Context) { t.Error("it leads") })
	if !errors.Is(err, store.ErrNotPermitted) || !strings.Contains(err.Error(), "grant get on leases in namespace "+ns) {
		t.Errorf("got %v", err)
	}
	err = as(t, storetest.KubernetesAdmin(), ns).Lead(t.Context(), kube.LeaseOptions{Namespace: "nowhere", Name: "secretsync"}, func(context.Context) { t.Error("it leads") })
	if !errors.Is(err, store.ErrUnwritable) {
		t.Errorf("got %v", err)
	}
	if err = c.Lead(t.Context(), kube.LeaseOptions{}, nil); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestWorkThatEndsByItselfEndsLeading(t *testing.T) {
	ns := server.Namespace(t, "apps")
	c := as(t, user(t, ns, mayLead), ns)
	if err := c.Lead(t.Context(), kube.LeaseOptions{Name: "secretsync"}, func(context.Context) {}); err != nil {
		t.Error(err)
	}
	if h := holder(t, ns); h != "" {
		t.Errorf("the Lease is still %q's", h)
	}
}

// wire is a connection to the server that can be cut.
type wire struct {
	addr string

	mu    sync.Mutex
	off   bool
	conns map[net.Conn]bool
}

func cutter(t *testing.T, server string) *wire {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: l.Addr().String(), conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); w.cut(true) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to.Host)
			if err != nil || !w.add(in, out) {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	return w
}

func (w *wire) add(in, out net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.off {
		_ = out.Close()
		return false
	}
	w.conns[in], w.conns[out] = true, true
	return true
}

func (w *wire) cut(off bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off = off
	for c := range w.conns {
		_ = c.Close()
	}
	clear(w.conns)
}
