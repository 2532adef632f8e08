package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

func TestAtTheStartEverythingRunsAtOnceAndThenEachSyncByItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a", Schedule: "rate(20 minutes)"}, Sync{Name: "b"}, Sync{Name: "c", Schedule: "cron(30 0 * * ? *)"}) // it is midnight
		l.serve()
		l.at(80 * time.Minute)
		l.wants("0s all", "20m0s a", "30m0s c", "40m0s a", "1h0m0s a+b", "1h20m0s a")
		l.stop()
	})
}

func TestWhatIsDueTogetherIsOneRunOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a", Schedule: "rate(1 hour)"}, Sync{Name: "b"}, Sync{Name: "c", Schedule: "0 * * * *"})
		l.serve()
		l.at(150 * time.Minute)
		l.wants("0s all", "1h0m0s all", "2h0m0s all")
		l.stop()
	})
}

func TestARunThatTakesTooLongIsFollowedByOneAndNoneOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a", Schedule: "rate(10 minutes)"}, Sync{Name: "b", Schedule: "rate(2 hours)"})
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if job.Syncs == nil {
				time.Sleep(35 * time.Minute)
			} else {
				time.Sleep(time.Minute)
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(65 * time.Minute)
		l.wants("0s all", "35m0s a", "40m0s a", "50m0s a", "1h0m0s a")
		runs := l.made()
		for i := 1; i < len(runs); i++ {
			if runs[i].begun.Before(runs[i-1].end) {
				t.Errorf("%v begins before %v is over", runs[i], runs[i-1])
			}
		}
		l.stop()
	})
}

func TestWhatCouldNotBeAttemptedIsTriedAgainBeforeItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a", Schedule: "rate(1 hour)"}, Sync{Name: "nightly", Schedule: "cron(0 3 * * ? *)"})
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if time.Since(l.start) < 20*time.Minute {
				return nil, errors.New("nothing was attempted: no credentials")
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(30 * time.Second)
		if l.ready() {
			t.Error("ready, although nothing could be attempted")
		}
		l.at(2 * time.Hour)
		l.wants("0s all", "1m0s all", "3m0s all", "7m0s all", "15m0s all", "31m0s all", "1h0m0s a", "2h0m0s a")
		if got := l.metric(`secretsync_runs_total{outcome="not-attempted",trigger="schedule"}`); got != 5 {
			t.Errorf("%v runs count as not attempted", got)
		}
		l.stop()
	})
}

func TestASyncThatCanNotBeAttemptedIsTriedAgainAloneAndNotBeyondItsSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "good"}, Sync{Name: "bad", Schedule: "rate(10 minutes)"})
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			return &engine.Report{Problems: []plan.Problem{{Sync: "bad", Error: "list: sealed"}}}, nil
		}
		l.serve()
		l.at(25 * time.Minute)
		l.wants("0s all", "1m0s bad", "3m0s bad", "7m0s bad", "10m0s bad", "20m0s bad")
		if !l.ready() {
			t.Error("not ready because of one sync")
		}
		if good, bad := l.metric(`secretsync_last_success_timestamp_seconds{sync="good"}`), l.metric(`secretsync_last_success_timestamp_seconds{sync="bad"}`); good <= 0 || bad != 0 {
			t.Errorf("last success: good %v, bad %v", good, bad)
		}
		l.stop()
	})
}

func TestAScheduleThatIsOverStillRunsAtTheStartAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "once", Schedule: "cron(0 3 * * ? 1999)"})
		l.serve()
		l.at(48 * time.Hour)
		l.wants("0s all")
		if !l.logged("no time any more") {
			t.Error("nothing is said of it")
		}
		l.stop()
	})
}

func TestAScheduleThatCanNotBeKeptEndsTheStart(t *testing.T) {
	l := newLab(t, Sync{Name: "a", Schedule: "rate(999999 days)"})
	err := Serve(t.Context(), Options{Open: l.open})
	if err == nil || !strings.Contains(err.Error(), `sync "a": schedule "rate(999999 days)"`) {
		t.Errorf("got %v", err)
	}
}

func TestAnUnusableStartIsAnError(t *testing.T) {
	broken := errors.New("secretsync.yaml:3:1: unknown key")
	for name, o := range map[string]Options{
		"configuration": {Open: func(context.Context) (*Session, Settings, error) { return nil, Settings{}, broken }},
		"queue": {Open: func(context.Context) (*Session, Settings, error) {
			return &Session{Syncs: []Sync{{Name: "a"}}}, Settings{Queue: "x"}, nil
		}},
		"lease": {Open: func(context.Context) (*Session, Settings, error) {
			return &Session{Syncs: []Sync{{Name: "a"}}}, Settings{Lease: &Lease{}}, nil
		}},
		"no syncs": {Open: func(context.Context) (*Session, Settings, error) { return &Session{}, Settings{}, nil }},
		"address": {Open: func(context.Context) (*Session, Settings, error) {
			return &Session{Syncs: []Sync{{Name: "a"}}}, Settings{Listen: "nowhere:-1"}, nil
		}},
	} {
		if err := Serve(t.Context(), o); err == nil {
			t.Errorf("%s: the daemon starts", name)
		}
	}
}

func TestAPanicInARunEndsThatRunOnlyAndShowsNoValue(t *testing.T) {
	const canary = "canary-51f0"
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a", Schedule: "rate(1 hour)"})
		l.run = func(context.Context, Job) (*engine.Report, error) {
			if time.Since(l.start) < time.Minute {
				panic(canary)
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(90 * time.Second)
		l.wants("0s all", "1m0s all")
		if got := l.metric(`secretsync_runs_total{outcome="panic",trigger="schedule"}`); got != 1 {
			t.Errorf("%v panics are counted", got)
		}
		if !l.logged("type=string") || !l.logged("schedules_test.go") || l.logged(canary) {
			t.Errorf("the log says:\n%s", l.log.String())
		}
		l.stop()
	})
}

func TestTheEndFinishesTheRunThatIsGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		finished := false
		l.run = func(ctx context.Context, _ Job) (*engine.Report, error) {
			<-ctx.Done()
			time.Sleep(7 * time.Second) // the write in flight
			finished = true
			return &engine.Report{Interrupted: true}, nil
		}
		l.serve()
		l.at(time.Minute)
		l.cancel()
		if err := <-l.done; err != nil || !finished {
			t.Errorf("ended with %v, the write finished: %v", err, finished)
		}
		l.done = nil
		if got := l.metric(`secretsync_runs_total{outcome="interrupted",trigger="schedule"}`); got != 1 {
			t.Errorf("%v interrupted runs are counted", got)
		}
	})
}

func TestAReloadThatIsNotValidKeepsTheOldConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.config = "old"
		l.serve()
		l.at(time.Minute)
		l.configured(func() { l.config, l.openIs = "new", errors.New("secretsync.yaml:3:1: unknown key") })
		l.at(2 * time.Minute)
		l.configured(func() { l.openIs, l.syncs = nil, []Sync{{Name: "a", Schedule: "rate(999999 days)"}} })
		l.at(61 * time.Minute)
		l.wants("0s all", "1h0m0s all")
		if runs := l.made(); runs[1].config != "old" || !l.logged("unknown key") || !l.logged("ten years") {
			t.Errorf("the %s configuration runs", runs[1].config)
		}
		if l.metric(`secretsync_config_reloads_total{outcome="failure"}`) != 2 || l.metric("secretsync_config_last_reload_successful") != 0 {
			t.Error("the failure is not counted")
		}
		l.stop()
	})
}

func TestAReloadRunsWhatChangedAndKeepsTheTimesOfTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "same"}, Sync{Name: "other", Digest: "1"}, Sync{Name: "gone"})
		l.config = "old"
		l.serve()
		l.at(10 * time.Minute)
		l.configured(func() {
			l.config, l.lease = "new", &Lease{Name: "x"}
			l.syncs = []Sync{{Name: "same"}, {Name: "other", Digest: "2"}, {Name: "added", Schedule: "rate(45 minutes)"}}
		})
		l.at(75 * time.Minute)
		l.wants("0s all", "10m0s other+added", "55m0s added", "1h0m0s same", "1h10m0s other")
		if slices.ContainsFunc(l.made()[1:], func(m made) bool { return m.config != "new" }) {
			t.Error("the old configuration still runs")
		}
		if !l.logged("serve.lease") {
			t.Error("that a lease takes a restart is not said")
		}
		if l.metric(`secretsync_last_success_timestamp_seconds{sync="gone"}`) != -1 {
			t.Error("a sync that is gone is still counted")
		}
		l.stop()
	})
}

func TestARunThatIsGoingOnEndsWithTheOldConfigurationAndTheNewOneFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a", Digest: "1"})
		l.config = "old"
		l.run = func(context.Context, Job) (*engine.Report, error) {
			time.Sleep(10 * time.Minute)
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(time.Minute)
		l.configured(func() { l.config, l.syncs = "new", []Sync{{Name: "a", Digest: "2"}} })
		l.at(15 * time.Minute)
		l.wants("0s all", "10m0s all")
		if runs := l.made(); runs[0].config != "old" || runs[1].config != "new" {
			t.Error("the configurations are mixed up")
		}
		l.stop()
	})
}

func TestAReplicaRunsOnlyWhileItLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.lease, l.queue = &Lease{Namespace: "ops", Name: "secretsync"}, newQueue()
		l.queue.send(secretEvent("x"))
		l.options.Lead = func(ctx context.Context, lease Lease, do func(context.Context)) error {
			if lease.Name != "secretsync" {
				t.Errorf("led by %v", lease)
			}
			sleep(ctx, 5*time.Minute) // another leads
			term, end := context.WithTimeout(ctx, 10*time.Minute)
			defer end()
			do(term)
			return errors.New("the lease was lost")
		}
		l.serve()
		l.at(time.Minute)
		l.wants()
		if !l.ready() || l.queue.polls > 0 || l.metric("secretsync_leader") != 0 {
			t.Error("a replica that follows is ready, and leaves the queue alone")
		}
		l.at(6 * time.Minute)
		if l.metric("secretsync_leader") != 1 {
			t.Error("it does not say that it leads")
		}
		l.at(21 * time.Minute)
		l.wants("5m0s all", "5m0s secrets x", "20m5s all")
		l.stop()
	})
}

func TestAnElectionThatIsRefusedIsTriedAgainAndTheReplicaIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.lease = &Lease{Name: "secretsync"}
		elections := 0
		l.options.Lead = func(context.Context, Lease, func(context.Context)) error {
			if elections++; elections == 3 {
				panic("canary")
			}
			return errors.New("lead: not permitted: leases.coordination.k8s.io")
		}
		l.serve()
		l.at(10 * time.Minute)
		if elections < 8 || elections > 20 || l.ready() || !l.logged("not permitted") || l.logged("canary") {
			t.Errorf("%d elections in ten minutes, ready: %v", elections, l.ready())
		}
		l.wants()
		l.stop()
	})
}
