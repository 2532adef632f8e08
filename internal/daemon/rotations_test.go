package daemon

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const day = 24 * time.Hour

// kept is a secret that is rotated, and does as it is told.
type kept struct {
	Rotation
	mu     sync.Mutex
	age    time.Duration // at the start; negative: nobody can tell
	begun  bool
	sticky bool // begun stays what it is
	fails  int  // so many rotations fail, and leave one that is begun
	blind  int  // so many times nobody says when it was rotated
	stuck  bool // nobody ever says, until whoever asks gives up
	slow   time.Duration
	last   time.Time
	story  []string
	asked  []time.Duration
	busy   *int // rotations that are going on at a time, in the whole lab
}

func (k *kept) rotation(l *lab, config string) Rotation {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.Rotation
	if k.last.IsZero() && k.age >= 0 {
		k.last = l.start.Add(-k.age)
	}
	r.Secret = secret.Name(r.Name[strings.Index(r.Name, " ")+1:])
	r.Last = func(ctx context.Context) (time.Time, bool, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.asked = append(k.asked, time.Since(l.start))
		if k.stuck {
			<-ctx.Done()
			return time.Time{}, false, ctx.Err()
		}
		if k.blind > 0 {
			k.blind--
			return time.Time{}, false, errors.New("describe: throttled")
		}
		return k.last, k.begun, nil
	}
	r.Rotate = func(ctx context.Context) error {
		k.mu.Lock()
		k.story = append(k.story, time.Since(l.start).String()+config)
		slow, fails := k.slow, k.fails > 0
		if k.busy != nil {
			*k.busy++
			if *k.busy > 1 {
				l.t.Error("two rotations at a time")
			}
			defer func() { *k.busy-- }()
		}
		k.mu.Unlock()
		time.Sleep(slow)
		k.mu.Lock()
		defer k.mu.Unlock()
		if ctx.Err() != nil {
			k.begun = true
			k.story = append(k.story, "interrupted")
			return ctx.Err()
		}
		if fails {
			k.fails--
			k.begun = k.sticky || k.begun
			return errors.New("setSecret: the service can't be reached")
		}
		k.begun = k.begun && k.sticky
		k.last = time.Now()
		return nil
	}
	return r
}

func (k *kept) wants(l *lab, want ...string) {
	l.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(k.story, want) {
		l.t.Errorf("%s was rotated\n  %v\nwant\n  %v", k.Name, k.story, want)
	}
}

// rotating returns a lab with one sync that runs once, and these secrets.
func rotating(t *testing.T, all ...*kept) *lab {
	l := newLab(t, Sync{Name: "a", Schedule: "rate(365 days)"})
	l.kept = all
	return l
}

func every(name string, every, age time.Duration) *kept {
	return &kept{Rotation: Rotation{Name: name, Every: every}, age: age}
}

func TestASecretIsRotatedWhenItsCredentialIsAsOldAsItMayBecome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := every("hub rds/a", 2*day, 10*time.Hour), every("hub rds/b", 12*time.Hour, 30*time.Hour)
		byHand := &kept{Rotation: Rotation{Name: "hub by-hand"}, age: 900 * day}
		l := rotating(t, a, b, byHand)
		l.serve()
		l.at(3 * day)
		a.wants(l, "38h0m0s")
		b.wants(l, "0s", "12h0m0s", "24h0m0s", "36h0m0s", "48h0m0s", "60h0m0s", "72h0m0s")
		byHand.wants(l)
		if len(byHand.asked) > 0 {
			t.Error("one that is rotated by hand only is asked for")
		}
		if got := l.metric(`secretsync_rotations_total{outcome="success"}`); got != 8 {
			t.Errorf("%v rotations are counted", got)
		}
		for series, want := range map[string]time.Duration{
			`secretsync_rotation_last_success_timestamp_seconds{rotation="hub rds/a"}`: 38 * time.Hour,
			`secretsync_rotation_due_timestamp_seconds{rotation="hub rds/a"}`:          86 * time.Hour,
			`secretsync_rotation_due_timestamp_seconds{rotation="hub rds/b"}`:          84 * time.Hour,
		} {
			if got := l.metric(series) - float64(l.start.Unix()); got != want.Seconds() {
				t.Errorf("%s: got %v, want %v", series, got, want.Seconds())
			}
		}
		if l.metric(`secretsync_rotation_due_timestamp_seconds{rotation="hub by-hand"}`) != -1 {
			t.Error("one that is rotated by hand only is due")
		}
		l.stop()
	})
}

func TestAtLeastEveryHourItIsAskedAgainAndARotationByOthersCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := every("hub rds/a", day, 20*time.Hour)
		l := rotating(t, k)
		l.serve()
		l.at(90 * time.Minute)
		if !slices.Equal(k.asked, []time.Duration{0, time.Hour}) {
			t.Errorf("asked at %v", k.asked)
		}
		k.mu.Lock()
		k.last = time.Now()
		k.mu.Unlock()
		l.at(25 * time.Hour)
		k.wants(l)
		l.at(26 * time.Hour)
		k.wants(l, "25h30m0s")
		l.stop()
	})
}

// It is midnight, a Saturday.
func TestARotationThatIsDueWaitsForItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		night := every("hub night", day, 26*time.Hour)
		night.Window = &Window{From: 2 * time.Hour, To: 4 * time.Hour}
		weekend := every("hub weekend", day, 2*day)
		weekend.Window = &Window{From: 22 * time.Hour, To: 2 * time.Hour, Days: []time.Weekday{time.Sunday}}
		begun := every("hub begun", 30*day, day)
		begun.Window, begun.begun = night.Window, true
		l := rotating(t, night, weekend, begun)
		l.serve()
		l.at(10 * time.Minute)
		for name, want := range map[string]time.Duration{"night": 2 * time.Hour, "weekend": 46 * time.Hour, "begun": 30*day + 2*time.Hour} {
			if got := l.metric(`secretsync_rotation_due_timestamp_seconds{rotation="hub `+name+`"}`) - float64(l.start.Unix()); got != want.Seconds() {
				t.Errorf("%s is due at %v, want %v", name, got, want.Seconds())
			}
		}
		l.at(3 * day)
		night.wants(l, "2h0m0s", "26h0m0s", "50h0m0s")
		weekend.wants(l, "46h0m0s")
		begun.wants(l, "0s")
		l.stop()
	})
}

func TestARotationBySchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cron := &kept{Rotation: Rotation{Name: "hub cron", Schedule: "cron(30 3 * * ? *)"}, age: 2 * time.Hour}
		missed := &kept{Rotation: Rotation{Name: "hub missed", Schedule: "30 3 * * *"}, age: 22 * time.Hour}
		rate := &kept{Rotation: Rotation{Name: "hub rate", Schedule: "rate(1 day)"}, age: 2 * time.Hour}
		over := &kept{Rotation: Rotation{Name: "hub over", Schedule: "cron(0 3 * * ? 1999)"}, age: 2 * time.Hour}
		l := rotating(t, cron, missed, rate, over)
		l.serve()
		l.at(2 * day)
		cron.wants(l, "3h30m0s", "27h30m0s")
		missed.wants(l, "0s", "3h30m0s", "27h30m0s")
		rate.wants(l, "22h0m0s", "46h0m0s")
		over.wants(l)
		if !l.logged(`by itself; rotate it once by hand, or correct its schedule" rotation="hub over"`) {
			t.Error("nothing is said of a schedule that is over")
		}
		l.stop()
	})
}

func TestAnAgeThatNobodyCanTellRotatesNothingAndIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := every("hub rds/a", 12*time.Hour, -1)
		l := rotating(t, k)
		l.serve()
		l.at(3 * day)
		k.wants(l)
		if n := strings.Count(l.log.String(), "can't be told when a secret is due"); n != 1 {
			t.Errorf("it is said %d times", n)
		}
		if l.metric(`secretsync_rotation_due_timestamp_seconds{rotation="hub rds/a"}`) != 0 {
			t.Error("it is due")
		}
		k.mu.Lock()
		k.last = time.Now() // by hand
		k.mu.Unlock()
		l.at(4 * day)
		k.wants(l, "84h0m0s", "96h0m0s")
		l.stop()
	})
}

func TestAFailureIsTriedAgainAfterOneTwoFourMinutesUpToAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := every("hub rds/a", day, 3*day)
		k.fails, k.sticky, k.begun = 9, true, false
		blind := every("hub rds/b", day, 3*day)
		blind.blind = 3
		l := rotating(t, k, blind)
		l.serve()
		l.at(4 * time.Hour)
		k.wants(l, "0s", "1m0s", "3m0s", "7m0s", "15m0s", "31m0s", "1h3m0s", "2h3m0s", "3h3m0s")
		blind.wants(l, "7m0s")
		if l.metric(`secretsync_rotations_total{outcome="failure"}`) != 9 || !l.logged("describe: throttled") || !l.logged("setSecret: the service") {
			t.Error("the failures are not counted, or not in the log")
		}
		if got := l.metric(`secretsync_rotation_due_timestamp_seconds{rotation="hub rds/a"}`) - float64(l.start.Unix()); got != 60 {
			t.Errorf("due %v seconds after the start: want when it was first seen as begun", got)
		}
		k.mu.Lock()
		k.sticky = false
		k.mu.Unlock()
		l.at(30 * time.Hour)
		k.wants(l, "0s", "1m0s", "3m0s", "7m0s", "15m0s", "31m0s", "1h3m0s", "2h3m0s", "3h3m0s", "4h3m0s", "28h3m0s")
		l.stop()
	})
}

func TestAFailureThatLeftNothingBehindWaitsForTheNextWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := every("hub rds/a", day, 3*day)
		k.Window, k.fails = &Window{From: 0, To: 10 * time.Minute}, 6
		l := rotating(t, k)
		l.serve()
		l.at(25 * time.Hour)
		k.wants(l, "0s", "1m0s", "3m0s", "7m0s", "24h0m0s", "24h1m0s", "24h3m0s")
		l.stop()
	})
}

func TestASecretThatSaysForeverThatItIsBegunIsNotRotatedWithoutAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := every("hub rds/a", 30*day, 0)
		k.begun, k.sticky = true, true
		l := rotating(t, k)
		l.serve()
		l.at(150 * time.Minute)
		k.wants(l, "0s", "1h0m0s", "2h0m0s")
		if !l.logged("still says that one was begun") {
			t.Error("nothing is said of it")
		}
		l.stop()
	})
}

func TestWhoeverDoesNotAnswerHoldsUpTheOthersForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, k := every("hub stuck", day, 3*day), every("hub rds/a", day, 3*day)
		stuck.stuck = true
		l := rotating(t, stuck, k)
		l.serve()
		l.at(90 * time.Second)
		k.wants(l, "1m0s")
		stuck.wants(l)
		l.stop()
	})
}

func TestRotationsAreMadeOneAfterTheOtherAndNeitherTheyNorRunsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := 0
		a, b := every("hub rds/a", day, 3*day), every("hub rds/b", day, 3*day)
		a.slow, b.slow, a.busy, b.busy = 20*time.Minute, 20*time.Minute, &busy, &busy
		l := rotating(t, a, b)
		l.syncs = []Sync{{Name: "long", Schedule: "rate(2 hours)"}}
		l.queue = newQueue()
		l.run = func(_ context.Context, job Job) (*engine.Report, error) {
			if job.Hints == nil {
				time.Sleep(time.Hour)
			}
			return &engine.Report{}, nil
		}
		l.serve()
		l.at(5 * time.Minute)
		l.queue.send(secretEvent("rds/a"))
		l.at(50 * time.Minute)
		a.wants(l, "0s")
		b.wants(l, "20m0s")
		l.wants("0s all", "5m0s secrets rds/a")
		l.stop()
	})
}

func TestTheEndWaitsForTheRotationThatIsGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := every("hub rds/a", day, 3*day), every("hub rds/b", day, 3*day)
		a.slow = 10 * time.Minute
		l := rotating(t, a, b)
		l.serve()
		l.at(time.Minute)
		l.cancel()
		if err := <-l.done; err != nil {
			t.Error(err)
		}
		l.done = nil
		a.wants(l, "0s", "interrupted")
		b.wants(l)
		if l.metric(`secretsync_rotations_total{outcome="interrupted"}`) != 1 || l.metric(`secretsync_rotations_total{outcome="failure"}`) != 0 {
			t.Error("it is not counted as interrupted")
		}
	})
}

func TestAPanicInARotationEndsThatRotationOnlyAndShowsNoValue(t *testing.T) {
	const canary = "canary-77a1"
	synctest.Test(t, func(t *testing.T) {
		l := rotating(t, every("hub rds/b", day, 3*day))
		l.serve()
		l.at(time.Second)
		panics := 0
		l.d.mu.Lock()
		e := l.d.book.all[0]
		e.Rotate = func(context.Context) error {
			if panics++; panics < 2 {
				panic(canary)
			}
			return nil
		}
		e.look, e.done = time.Now(), time.Time{}
		last := e.Last
		e.Last = func(ctx context.Context) (time.Time, bool, error) {
			_, _, err := last(ctx)
			if panics == 0 {
				return l.start.Add(-3 * day), false, err
			}
			if panics == 1 && time.Since(l.start) < 2*time.Minute {
				panic(canary)
			}
			return l.start.Add(-3 * day), false, err
		}
		l.d.mu.Unlock()
		l.d.booked <- struct{}{}
		l.at(time.Hour)
		if panics != 2 || l.metric(`secretsync_rotations_total{outcome="panic"}`) != 1 || l.logged(canary) || !l.logged("type=string") {
			t.Errorf("%d panics; the log says:\n%s", panics, l.log.String())
		}
		l.stop()
	})
}

func TestOnlyTheLeaderRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := every("hub rds/a", 10*time.Minute, 3*day)
		l := rotating(t, k)
		l.lease = &Lease{Name: "secretsync"}
		l.options.Lead = func(ctx context.Context, _ Lease, do func(context.Context)) error {
			sleep(ctx, 5*time.Minute) // another leads
			term, end := context.WithTimeout(ctx, 15*time.Minute)
			defer end()
			do(term)
			sleep(ctx, day)
			return errors.New("the lease was lost")
		}
		const due = `secretsync_rotation_due_timestamp_seconds{rotation="hub rds/a"}`
		l.serve()
		l.at(4 * time.Minute)
		if l.metric(due) != -1 {
			t.Error("a replica that follows says when it is due")
		}
		l.at(6 * time.Minute)
		if l.metric(due) <= 0 {
			t.Error("the leader does not say when it is due")
		}
		l.at(10 * time.Hour)
		k.wants(l, "5m0s", "15m0s")
		if l.metric(due) != -1 {
			t.Error("a replica that led says when it is due")
		}
		l.stop()
	})
}

func TestAReloadReplacesRotationsAndKeepsWhenAFailureIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		same, other, gone, ready := every("hub same", day, 3*day), every("hub other", day, 3*day), every("hub gone", day, 20*time.Hour), every("hub ready", day, 20*time.Hour)
		same.fails, other.fails = 6, 6
		same.Digest, other.Digest = "1", "1"
		l := rotating(t, same, other, gone, ready)
		l.serve()
		l.at(10 * time.Minute)
		l.configured(func() {
			l.config = " new"
			other.Digest = "2"
			ready.Every = 12 * time.Hour
			ready.Digest = "2"
			l.kept = []*kept{ready, other, same}
		})
		l.at(20 * time.Minute)
		same.wants(l, "0s", "1m0s", "3m0s", "7m0s", "15m0s new")
		other.wants(l, "0s", "1m0s", "3m0s", "7m0s", "10m0s new", "11m0s new", "13m0s new")
		ready.wants(l, "10m0s new")
		l.at(6 * time.Hour)
		gone.wants(l)
		if l.metric(`secretsync_rotation_due_timestamp_seconds{rotation="hub gone"}`) != -1 {
			t.Error("a rotation that is gone is still told")
		}
		l.configured(func() { l.kept[0].Schedule, l.kept[0].Every = "rate(999999 days)", 0 })
		l.at(7 * time.Hour)
		if !l.logged("ten years") || l.metric("secretsync_config_last_reload_successful") != 0 {
			t.Error("a schedule that can't be kept is taken")
		}
		l.stop()
	})
}

func TestARotationThatAReloadTakesAwayWhileItGoesOnLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, next := every("hub gone", 30*day, day), every("hub next", 30*day, day)
		gone.slow = 10 * time.Minute
		l := rotating(t, gone, next)
		l.queue = newQueue()
		l.serve()
		l.at(30 * time.Second)
		l.queue.send(`{"rotate": ["gone", "next"]}`)
		l.at(time.Minute)
		l.configured(func() { l.kept = nil })
		l.at(11 * time.Minute)
		gone.wants(l, "30s")
		next.wants(l)
		if l.metric(`secretsync_rotation_last_success_timestamp_seconds{rotation="hub gone"}`) != -1 || l.queue.left() == "" {
			t.Error("a rotation that is gone is still told, or its message is taken for done")
		}
		l.stop()
	})
}

func TestRotationsThatCanNotBeKeptEndTheStart(t *testing.T) {
	for want, all := range map[string][]Rotation{
		`rotation "hub a": schedule "rate(999999 days)"`: {{Name: "hub a", Schedule: "rate(999999 days)"}},
		`there are two of that name`:                     {{Name: "hub a"}, {Name: "hub a"}},
	} {
		err := Serve(t.Context(), Options{Open: func(context.Context) (*Session, Settings, error) {
			return &Session{Syncs: []Sync{{Name: "a"}}, Rotations: all}, Settings{}, nil
		}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v", err)
		}
	}
}

func TestTheMetricsOfRotationsAreThereBeforeAnythingIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rotating(t, every("hub rds/a", day, 3*day), every("hub rds/blind", day, 3*day))
		l.kept[1].blind = 1000
		l.serve()
		l.at(time.Minute)
		for series, want := range map[string]bool{"hub rds/a": true, "hub rds/blind": false} {
			for _, metric := range []string{"last_success", "due"} {
				got := l.metric(`secretsync_rotation_` + metric + `_timestamp_seconds{rotation="` + series + `"}`)
				if got < 0 || got > 0 != want {
					t.Errorf("%s of %s: %v", metric, series, got)
				}
			}
		}
		problems, err := testutil.GatherAndLint(l.d.metrics.registry)
		if _, text := l.get("/metrics"); err != nil || len(problems) > 0 || strings.Count(text, "{rotation=") != 4 {
			t.Errorf("%v %v\n%s", err, problems, text)
		}
		l.stop()
	})
}
