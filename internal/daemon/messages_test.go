package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestAnEventDoesNotWaitForAScheduledRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if job.Hints == nil {
				time.Sleep(30 * time.Minute)
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(10 * time.Minute)
		l.queue.send(secretEvent("app/db"))
		l.at(11 * time.Minute)
		l.wants("0s all", "10m0s secrets app/db")
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %s", left)
		}
		if l.metric("secretsync_event_latency_seconds_count") != 1 || l.metric(`secretsync_events_total{result="accepted"}`) != 1 {
			t.Error("the message is not counted")
		}
		l.stop()
	})
}

func TestTenThousandEventsAboutOneSecretMakeTwoRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.serve()
		l.at(time.Minute)
		l.queue.batch = 100 // for the test's own speed
		for range 10_000 {
			l.queue.send(secretEvent("app/db"))
		}
		l.at(2 * time.Minute)
		if got := l.story(); len(got) > 3 { // with the scheduled one
			t.Errorf("%d runs: %v", len(got), got)
		}
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %s", left)
		}
		l.stop()
	})
}

func TestAFailedSecretKeepsItsMessagesAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if job.Hints == nil || time.Since(l.start) > 5*time.Minute {
				return &engine.Report{}, nil
			}
			return failing("a", "bad"), nil
		}
		l.serve()
		l.at(time.Minute)
		l.queue.send(secretEvent("good"), secretEvent("bad"), secretEvent("good", "bad"))
		l.at(2 * time.Minute)
		if left := l.queue.left(); left != "m2 m3" {
			t.Errorf("in the queue: %q, want those of the secret that failed", left)
		}
		l.at(10 * time.Minute)
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %q after it went well", left)
		}
		if l.metric(`secretsync_queue_settled_total{outcome="left"}`) < 2 || !l.logged("write: denied") {
			t.Error("the failure is not counted, or not in the log")
		}
		l.stop()
	})
}

func TestWhatBecomesOfMessagesFollowsFromTheReport(t *testing.T) {
	change := func(name string, o engine.Outcome, r plan.Reason) engine.Result {
		return engine.Result{Change: plan.Change{Source: plan.SourceRef{Name: secret.Name(name)}, Reason: r}, Outcome: o}
	}
	x, y := &wish{hint: event.Hint{Names: []secret.Name{"x", "x-AbCdEf"}}}, &wish{hint: event.Hint{Names: []secret.Name{"y"}}}
	for name, c := range map[string]struct {
		v      verdict
		xFails bool
		yFails bool
	}{
		"all is well":              {verdict{report: &engine.Report{}}, false, false},
		"nothing was attempted":    {verdict{err: errors.New("no credentials")}, true, true},
		"one failed":               {verdict{report: &engine.Report{Changes: []engine.Result{change("x-AbCdEf", engine.Failed, ""), change("y", engine.Applied, "")}}}, true, false},
		"one was refused":          {verdict{report: &engine.Report{Changes: []engine.Result{change("x", engine.Refused, plan.Foreign)}}}, false, false},
		"one is out of reach":      {verdict{report: &engine.Report{Changes: []engine.Result{change("y", engine.Refused, plan.Unreachable)}}}, false, true},
		"a brake holds one back":   {verdict{report: &engine.Report{Changes: []engine.Result{change("y", engine.Skipped, "")}}}, false, false},
		"a target is away":         {verdict{report: &engine.Report{Problems: []plan.Problem{{Target: &plan.Target{}, Error: "away"}}}}, true, true},
		"it can't be told of whom": {verdict{report: &engine.Report{Changes: []engine.Result{change("z", engine.Failed, "")}}}, true, true},
	} {
		failed := c.v.failed([]*wish{x, y})
		if failed(x) != c.xFails || failed(y) != c.yFails {
			t.Errorf("%s: got %v and %v", name, failed(x), failed(y))
		}
	}
}

func TestRunsAboutOneSecretComeOneAfterTheOtherAndDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if job.Hints != nil && job.Hints[0].Names[0] == "slow" {
				time.Sleep(time.Minute)
			}
			return &engine.Report{}, nil
		}
		l.serve()
		for _, after := range []time.Duration{10, 20, 30} {
			l.at(after * time.Second)
			l.queue.send(secretEvent("slow"))
		}
		l.at(40 * time.Second)
		l.queue.send(secretEvent("quick"))
		l.at(5 * time.Minute)
		l.wants("0s all", "10s secrets slow", "40s secrets quick", "1m10s secrets slow")
		l.stop()
	})
}

func TestMalformedMessagesStayAndIgnoredOnesGo(t *testing.T) {
	const canary = "canary-9be2"
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.serve()
		l.at(time.Minute)
		l.queue.send(`{"broken":`+canary, `{"detail-type":"EC2 Instance State-change Notification","source":"aws.ec2","detail":{"x":"`+canary+`"}}`,
			secretEvent("good"), `[{"secret":"half"},{"oops":1}]`)
		l.at(90 * time.Second)
		l.wants("0s all", "1m0s secrets good,half")
		if left := l.queue.left(); left != "m1 m4" {
			t.Errorf("in the queue: %q", left)
		}
		for result, want := range map[string]float64{"malformed": 2, "ignored": 1, "accepted": 1} {
			if got := l.metric(`secretsync_events_total{result="` + result + `"}`); got != want {
				t.Errorf("%s: %v are counted", result, got)
			}
		}
		if !l.logged("malformed") || !l.logged("m1") || l.logged(canary) {
			t.Errorf("the log says:\n%s", l.log.String())
		}
		l.stop()
	})
}

func TestAMessageIsHiddenForAsLongAsItsRunTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if job.Hints != nil {
				time.Sleep(20 * time.Minute)
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(time.Minute)
		l.queue.send(secretEvent("app/db"))
		l.at(15 * time.Minute)
		l.queue.send(secretEvent("app/db")) // waits for the run, and is hidden too
		l.at(time.Hour - time.Minute)
		l.wants("0s all", "1m0s secrets app/db", "21m0s secrets app/db")
		if l.queue.times["m1"] != 1 || l.queue.times["m2"] != 1 || l.queue.left() != "" {
			t.Errorf("handed out %v times; left %q", l.queue.times, l.queue.left())
		}
		l.stop()
	})
}

func TestTheEndReturnsWhatIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(ctx context.Context, job Job) (*engine.Report, error) {
			switch {
			case job.Hints == nil:
			case job.Hints[0].Names[0] == "finishes":
				<-ctx.Done()
				time.Sleep(5 * time.Second)
			default:
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(time.Minute)
		l.queue.send(secretEvent("finishes"))
		synctest.Wait()
		l.queue.send(secretEvent("does-not"))
		synctest.Wait()
		l.queue.send(secretEvent("does-not")) // waits for the run about it
		synctest.Wait()
		l.stop()
		if left := l.queue.left(); left != "m2* m3*" {
			t.Errorf("in the queue: %q, want the two, for others to take", left)
		}
		if got := l.metric(`secretsync_queue_settled_total{outcome="returned"}`); got != 2 {
			t.Errorf("%v are counted as returned", got)
		}
	})
}

func TestAQueueThatDoesNotAnswerIsAskedAgainMoreAndMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.queue.broken = errors.New("receive messages: AccessDenied")
		l.serve()
		l.at(10 * time.Minute)
		if l.queue.polls < 8 || l.queue.polls > 20 {
			t.Errorf("asked %d times in ten minutes", l.queue.polls)
		}
		if got := l.metric(`secretsync_queue_errors_total{operation="receive"}`); got != float64(l.queue.polls) {
			t.Errorf("%v errors are counted", got)
		}
		l.queue.mu.Lock()
		l.queue.broken = nil
		l.queue.mu.Unlock()
		l.queue.send(secretEvent("app/db"))
		l.at(12 * time.Minute)
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %q", left)
		}
		l.stop()
	})
}

func TestAMessageMayAskForARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"}, Sync{Name: "b"})
		l.queue = newQueue()
		l.serve()
		l.at(time.Minute)
		l.queue.send(`{}`, `{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)
		l.at(2 * time.Minute)
		l.queue.send(`{"sync":"b"}`)
		l.at(3 * time.Minute)
		l.queue.send(`{"only":["app/*"]}`)
		l.at(4 * time.Minute)
		l.queue.send(`{"sync":"nobody"}`)
		l.at(5 * time.Minute)
		l.wants("0s all", "1m0s all", "2m0s b", "3m0s only app/*")
		if left := l.queue.left(); left != "m5" {
			t.Errorf("in the queue: %q", left)
		}
		l.at(61 * time.Minute)
		if got := l.story()[4:]; !slices.Equal(got, []string{"1h0m0s all"}) {
			t.Errorf("the schedule goes on with %v", got)
		}
		l.stop()
	})
}

func TestNoMoreIsReceivedThanThereIsRoomFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox()
		var first *ticket
		for i := range maxHeld {
			tk := &ticket{Message: Message{ID: fmt.Sprint(i)}}
			if first == nil {
				first = tk
			}
			b.add(arrival{ticket: tk, hints: []event.Hint{{Names: []secret.Name{secret.Name(fmt.Sprint(i))}}}})
		}
		got := make(chan error)
		go func() { got <- b.room(t.Context()) }()
		synctest.Wait()
		select {
		case <-got:
			t.Error("there is room beyond the limit")
		default:
		}
		taken := b.take(t.Context())
		if len(taken) != maxHints || taken[0].tickets[0] != first {
			t.Errorf("%d were taken at once; the oldest first: %v", len(taken), taken[0].tickets[0] == first)
		}
		b.done(taken, func(*wish) bool { return false })
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

// TestEveryMessageIsCoveredByARunThatBeganAfterItWasReceived sends messages about a few secrets in bursts, twice at times, while runs take long or fail.
func TestEveryMessageIsCoveredByARunThatBeganAfterItWasReceived(t *testing.T) {
	type burst struct {
		After   int
		Secrets []int
	}
	rapid.Check(t, func(rt *rapid.T) {
		bursts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) burst {
			return burst{rapid.IntRange(0, 90).Draw(t, "after"), rapid.SliceOfN(rapid.IntRange(0, 5), 1, 12).Draw(t, "secrets")}
		}), 1, 8).Draw(rt, "bursts")
		takes := rapid.SliceOfN(rapid.IntRange(0, 200), 1, 5).Draw(rt, "takes")
		fails := rapid.SliceOfN(rapid.Bool(), 1, 7).Draw(rt, "fails")
		restart := rapid.IntRange(0, 400).Draw(rt, "restart")
		var problems []string
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, Sync{Name: "a"})
			l.queue = newQueue()
			about := map[string]secret.Name{}
			good := map[secret.Name][]*made{}
			running := map[secret.Name]int{}
			n := 0
			l.run = func(_ context.Context, job Job) (*engine.Report, error) {
				if job.Hints == nil {
					return &engine.Report{}, nil
				}
				l.mu.Lock()
				m := &made{job: job, begun: time.Now()}
				take, fail := takes[n%len(takes)], fails[n%len(fails)] && time.Since(l.start) < time.Hour
				n++
				for _, h := range job.Hints {
					if running[h.Names[0]]++; running[h.Names[0]] > 1 {
						problems = append(problems, "two runs are about "+string(h.Names[0]))
					}
				}
				l.mu.Unlock()
				time.Sleep(time.Duration(take) * time.Second)
				l.mu.Lock()
				defer l.mu.Unlock()
				r := &engine.Report{}
				for i, h := range job.Hints {
					running[h.Names[0]]--
					if fail && i%2 == 0 {
						r.Changes = append(r.Changes, failing("a", string(h.Names[0])).Changes...)
						continue
					}
					good[h.Names[0]] = append(good[h.Names[0]], m)
				}
				return r, nil
			}
			l.serve()
			for i, b := range bursts {
				time.Sleep(time.Duration(b.After) * time.Second)
				for _, s := range b.Secrets {
					name := fmt.Sprintf("s%d", s)
					l.queue.send(secretEvent(name))
					about[fmt.Sprintf("m%d", l.queue.sent)] = secret.Name(name)
				}
				if i == len(bursts)/2 {
					time.Sleep(time.Duration(restart) * time.Second)
					l.stop()
					l.serve()
				}
			}
			l.at(3 * time.Hour)
			l.stop()
			if left := l.queue.left(); left != "" {
				problems = append(problems, "left in the queue: "+left)
			}
			for id, name := range about {
				received, gone := l.queue.received[id], l.queue.deleted[id]
				if !slices.ContainsFunc(good[name], func(m *made) bool { return !m.begun.Before(received) && !m.begun.After(gone) }) {
					problems = append(problems, fmt.Sprintf("%s about %s, received %v, deleted %v: no good run in between", id, name, received.Sub(l.start), gone.Sub(l.start)))
				}
			}
		})
		if len(problems) > 0 {
			rt.Fatal(strings.Join(problems, "\n"))
		}
	})
}

func TestAMessageAboutSeveralSecretsGoesWhenTheLastIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if job.Hints != nil && job.Hints[0].Names[0] == "slow" {
				time.Sleep(time.Minute)
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(time.Minute)
		l.queue.send(secretEvent("slow"))
		synctest.Wait()
		l.queue.send(secretEvent("slow", "quick"))
		l.at(90 * time.Second)
		l.wants("0s all", "1m0s secrets slow", "1m0s secrets quick")
		l.at(150 * time.Second)
		if left := l.queue.left(); left != "m2" {
			t.Errorf("in the queue: %q", left)
		}
		l.at(4 * time.Minute)
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %q", left)
		}
		l.stop()
	})
}

func TestWhatThereIsNoRoomForStaysInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, Sync{Name: "a"})
		l.queue = newQueue()
		l.queue.batch = 1000 // for the test's own speed
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if time.Since(l.start) < 10*time.Minute {
				time.Sleep(10 * time.Minute)
			}
			return &engine.Report{}, nil
		}
		bodies := make([]string, maxHeld+3000)
		for i := range bodies {
			bodies[i] = secretEvent(fmt.Sprintf("s%d", i%5000))
		}
		l.queue.send(bodies...)
		l.serve()
		l.at(5 * time.Minute)
		if got := len(l.queue.times); got != maxHeld || l.metric("secretsync_queue_messages_held") != maxHeld {
			t.Errorf("%d messages were received, want %d", got, maxHeld)
		}
		l.at(30 * time.Minute)
		if left := l.queue.left(); left != "" {
			t.Errorf("in the queue: %.100s…", left)
		}
		l.stop()
	})
}
