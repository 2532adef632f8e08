package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

var spoke = plan.Target{Store: "spokes", Place: secret.Place{Kind: secret.SecretsManager, Account: "111111111111", Region: "us-east-1"}}

// report is one with something of everything.
func report() *engine.Report {
	return &engine.Report{
		Changes: []engine.Result{
			{Change: plan.Change{Action: plan.Create, Sync: "a", Source: plan.SourceRef{Name: "app/db"}, Target: &spoke}, Outcome: engine.Applied},
			{Change: plan.Change{Action: plan.Refusal, Reason: plan.Foreign, Sync: "a", Source: plan.SourceRef{Name: "app/x"}, Target: &spoke}, Outcome: engine.Refused},
		},
		Targets: []engine.TargetState{{Target: spoke, States: map[plan.State]int{plan.InSync: 41, plan.NotOurs: 1}, Took: 1500 * time.Millisecond}},
	}
}

func (l *lab) get(path string) (int, string) {
	w := httptest.NewRecorder()
	l.d.handler(l.t.Context()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestMetricsTellWhatRunsDidAndKeepTheRulesOfPrometheus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(context.Context, Job) (*engine.Report, error) { return report(), nil }
		l.serve()
		l.queue.send(secretEvent("app/db"))
		l.d.metrics.Observe(awscfg.Call{Service: "Secrets Manager", Operation: "CreateSecret", Account: "111111111111", Region: "us-east-1", Outcome: awscfg.OK})
		l.at(time.Minute)
		for series, want := range map[string]float64{
			`secretsync_last_success_timestamp_seconds{sync="a"}`:            946684800, // when bubbles begin
			`secretsync_changes_total{action="create",outcome="applied"}`:    2,
			`secretsync_changes_total{action="refuse",outcome="refused"}`:    2,
			`secretsync_runs_total{outcome="incomplete",trigger="schedule"}`: 1,
			`secretsync_runs_total{outcome="incomplete",trigger="event"}`:    1,
			`secretsync_run_duration_seconds_count{trigger="event"}`:         1,
			`secretsync_queue_settled_total{outcome="deleted"}`:              1,
			`secretsync_leader`:                           1,
			`secretsync_config_last_reload_successful`:    1,
			`secretsync_last_whole_run_timestamp_seconds`: 946684800,
			`secretsync_queue_messages_held`:              0,
			`secretsync_copies{account="111111111111",cluster="",mount="",namespace="",region="us-east-1",state="in-sync",store="spokes"}`:                41,
			`secretsync_copies{account="111111111111",cluster="",mount="",namespace="",region="us-east-1",state="foreign",store="spokes"}`:                1,
			`secretsync_copies{account="111111111111",cluster="",mount="",namespace="",region="us-east-1",state="behind",store="spokes"}`:                 0,
			`secretsync_target_last_success_timestamp_seconds{account="111111111111",cluster="",mount="",namespace="",region="us-east-1",store="spokes"}`: 946684800,
			`secretsync_target_run_duration_seconds{account="111111111111",cluster="",mount="",namespace="",region="us-east-1",store="spokes"}`:           1.5,
			`secretsync_calls_total{account="111111111111",operation="CreateSecret",outcome="ok",region="us-east-1",service="Secrets Manager"}`:           1,
		} {
			got := l.metric(series)
			if got >= 946684800 && got < 946684860 {
				got = 946684800
			}
			if got != want {
				t.Errorf("%s: got %v, want %v", series, got, want)
			}
		}
		problems, err := testutil.GatherAndLint(l.d.metrics.registry)
		if err != nil {
			t.Error(err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
		if _, text := l.get("/metrics"); strings.Contains(text, "app/") || !strings.Contains(text, "go_goroutines") || !strings.Contains(text, `secretsync_build_info{goversion="`) {
			t.Error("metrics hold the name of a secret, or not those of the process")
		}
		l.stop()
	})
}

func TestATargetThatIsAwayKeepsItsCopiesAndLosesOnlyItsOwnSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := spoke
		other.Account = "222222222222"
		l := newLab(t, Sync{Name: "a"})
		l.run = func(context.Context, Job) (*engine.Report, error) {
			r := report()
			r.Targets = append(r.Targets, engine.TargetState{Target: other, States: map[plan.State]int{plan.InSync: 7}})
			switch time.Since(l.start) {
			case time.Hour:
				r.Targets[1] = engine.TargetState{Target: other, Err: "the role can't be assumed"}
				r.Problems = []plan.Problem{{Target: &other, Error: "the role can't be assumed"}}
			case 2 * time.Hour:
				r.Targets = r.Targets[:1]
			}
			return r, nil
		}
		const rest = `",cluster="",mount="",namespace="",region="us-east-1",`
		copies := func(account string) float64 {
			return l.metric(`secretsync_copies{account="` + account + rest + `state="in-sync",store="spokes"}`)
		}
		success := func(account string) float64 {
			return l.metric(`secretsync_target_last_success_timestamp_seconds{account="`+account+rest+`store="spokes"}`) - float64(l.start.Unix())
		}
		l.serve()
		l.at(time.Hour + time.Minute)
		if copies("222222222222") != 7 || success("222222222222") != 0 || success("111111111111") != 3600 {
			t.Errorf("%v copies, last success %v and %v", copies("222222222222"), success("222222222222"), success("111111111111"))
		}
		if code, _ := l.get("/readyz"); code != 200 {
			t.Error("not ready because of one account")
		}
		l.at(2*time.Hour + time.Minute)
		if copies("222222222222") != -1 || copies("111111111111") != 41 || success("222222222222") > 0 {
			t.Error("a target that is no more is still counted")
		}
		l.stop()
	})
}

func TestReadyIsWhoMadeARunAndIsNotEnding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.run = func(ctx context.Context, _ Job) (*engine.Report, error) {
			sleep(ctx, time.Minute)
			return &engine.Report{}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		l.serve()
		ask := func(path string) int {
			w := httptest.NewRecorder()
			l.d.handler(ctx).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			return w.Code
		}
		l.at(30 * time.Second)
		if ask("/readyz") != 503 || ask("/healthz") != 200 {
			t.Error("before the first run is over: alive and not ready")
		}
		l.at(2 * time.Minute)
		if ask("/readyz") != 200 || ask("/healthz") != 200 {
			t.Error("after the first run: alive and ready")
		}
		cancel()
		if ask("/readyz") != 503 || ask("/healthz") != 200 {
			t.Error("at the end: alive and not ready")
		}
		l.stop()
	})
}

func TestALoopThatIsStuckShowsAndALongRunDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(context.Context, Job) (*engine.Report, error) {
			time.Sleep(6 * time.Hour)
			return &engine.Report{}, nil
		}
		l.serve()
		for h := range 20 {
			l.at(time.Duration(h) * time.Hour)
			if code, text := l.get("/healthz"); code != 200 {
				t.Errorf("after %d hours: %s", h, text)
			}
		}
		l.stop()
		var p pulse
		p.expect("queue", time.Now().Add(time.Minute))
		time.Sleep(90 * time.Second)
		if len(p.stuck(time.Now())) > 0 {
			t.Error("stuck too early")
		}
		time.Sleep(time.Minute)
		if stuck := p.stuck(time.Now()); len(stuck) != 1 || stuck[0] != "queue" {
			t.Errorf("got %v", stuck)
		}
	})
}

func TestHTTPAnswersHealthAndMetricsAndNothingElse(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address, begun, done := make(chan net.Addr, 1), make(chan struct{}), make(chan error)
	go func() {
		done <- Serve(ctx, Options{
			Open: func(context.Context) (*Session, Settings, error) {
				run := func(ctx context.Context, _ Job) (*engine.Report, error) {
					close(begun)
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return &Session{Syncs: []Sync{{Name: "a"}}, Run: run}, Settings{Listen: "127.0.0.1:0"}, nil
			},
			Listening: func(a net.Addr) { address <- a },
		})
	}()
	base := "http://" + (<-address).String()
	<-begun
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, c := range []struct {
		method, path string
		code         int
		text         string
	}{
		{"GET", "/healthz", 200, "ok\n"}, {"HEAD", "/healthz", 200, ""}, {"GET", "/readyz", 503, "no run was attempted yet\n"}, {"GET", "/metrics", 200, "secretsync_leader 1"},
		{"GET", "/", 404, ""}, {"GET", "/debug/pprof/", 404, ""}, {"GET", "/healthz/x", 404, ""}, {"POST", "/metrics", 405, ""}, {"POST", "/", 404, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, base+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.code || !strings.Contains(string(body), c.text) {
			t.Errorf("%s %s: got %d %q", c.method, c.path, resp.StatusCode, body)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
