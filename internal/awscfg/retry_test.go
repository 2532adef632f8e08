package awscfg

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
)

func TestRetriesEndWhereTheBudgetDoes(t *testing.T) {
	for _, test := range []struct {
		name      string
		calls     int
		successes int
		throttled bool
		want      int
	}{
		{"an outage from the start", 1, 0, false, 10},
		{"an outage of a few calls", 50, 0, false, 10},
		{"an outage after many calls", 1000, 500, false, 100},
		{"throttled from the start", 50, 0, true, 10},
		{"throttled now and then", 1000, 600, true, 600},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b budget
			for range test.calls {
				b.call()
			}
			for range test.successes {
				b.success()
			}
			got := 0
			for got < 10_000 && b.take(test.throttled) {
				got++
			}
			if got != test.want {
				t.Errorf("%d retries, want %d", got, test.want)
			}
			b.reset()
			if !b.take(test.throttled) {
				t.Error("a new run starts without a budget")
			}
		})
	}
}

func TestABreakerOpensAfterCallsWithoutAnAnswerAndAProbeClosesIt(t *testing.T) {
	b := &breaker{}
	enter := func(want string) {
		t.Helper()
		probe, err := b.enter(t.Context())
		got := "a call"
		switch {
		case err != nil:
			got = err.Error()
		case probe:
			got = "a probe"
		}
		if got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	fail := func(n int) {
		for range n {
			b.record(Failed, false)
		}
	}
	fail(breakerLimit - 1)
	b.record(Refused, false) // an answer
	b.record(Canceled, false)
	fail(breakerLimit - 1)
	enter("a call")
	b.record(Throttled, false)
	b.record(OK, false) // a straggler
	enter("a probe")
	waiting := make(chan bool)
	go func() {
		probe, err := b.enter(context.WithoutCancel(t.Context()))
		waiting <- probe || err != nil
	}()
	b.record(OK, true)
	if <-waiting {
		t.Fatal("whoever waited for a probe that was answered does not go on as usual")
	}
	fail(breakerLimit)
	for range probeLimit {
		enter("a probe")
		b.record(TimedOut, true)
	}
	enter("not tried: the target failed 8 times in a row")
	b.reset()
	enter("a call")
}

func TestAThrottledLimiterSlowsDownAndRecovers(t *testing.T) {
	l := newLimiter(50)
	for range 100 {
		l.learn(Throttled) // at the same moment: one signal
	}
	if got, want := l.Limit(), l.full*slowerBy; got != want {
		t.Errorf("the pace is %v, want %v", got, want)
	}
	for range 50 {
		l.slowed = time.Time{}
		l.learn(Throttled)
	}
	if got, want := l.Limit(), l.full*slowest; got != want {
		t.Errorf("the pace is %v, want %v", got, want)
	}
	for range 1000 {
		l.learn(OK)
	}
	if l.Limit() != l.full {
		t.Errorf("the pace is %v, want %v", l.Limit(), l.full)
	}
}

func TestASessionNameIsOneThatSTSTakes(t *testing.T) {
	for run, want := range map[string]string{
		"":                       "secretsync",
		"2026-01-02T03:04:05Z/ä": "secretsync-2026-01-02T03-04-05Z--",
		strings.Repeat("x", 99):  "secretsync-" + strings.Repeat("x", 53),
	} {
		if got := roleSessionName(run); got != want || len(got) > 64 {
			t.Errorf("%q: got %q, want %q", run, got, want)
		}
	}
}

func TestWaitsDoubleUpToTheLongestAndAreLongerAfterThrottling(t *testing.T) {
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException"}
	for _, test := range []struct {
		name string
		err  error
		want []time.Duration // the longest that each may be
	}{
		{"no answer", errors.New("reset"), []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}},
		{"throttled", throttled, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i, most := range test.want {
				for range 100 {
					got, err := newBackoff(5*time.Second)(i+1, test.err)
					if err != nil || got < most/2 || got > most {
						t.Fatalf("wait %d is %s, want %s to %s (%v)", i+1, got, most/2, most, err)
					}
				}
			}
		})
	}
	if got, _ := newBackoff(time.Millisecond)(1, throttled); got > time.Millisecond {
		t.Errorf("a wait of %s where 1ms is the longest", got)
	}
}
