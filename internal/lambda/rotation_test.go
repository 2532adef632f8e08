package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const day = 24 * time.Hour

// rotator is a configuration with rotations, in a function.
type rotator struct {
	t       *testing.T
	f       *function
	last    map[string]time.Time // when each was rotated
	begun   map[string]bool
	rotated []string
	metrics strings.Builder
	log     strings.Builder
}

// newRotator has rotations of "hub NAME": their names say what becomes of them.
func newRotator(t *testing.T, all ...daemon.Rotation) *rotator {
	r := &rotator{t: t, last: map[string]time.Time{}, begun: map[string]bool{}}
	for n := range all {
		name := all[n].Name
		all[n].Secret = secret.Name(strings.TrimPrefix(strings.TrimPrefix(name, "hub "), "dr "))
		kind, _, _ := strings.Cut(string(all[n].Secret), "/")
		r.last[name] = time.Now().Add(-40 * day)
		all[n].Last = func(context.Context) (time.Time, bool, error) {
			switch kind {
			case "blind":
				return time.Time{}, false, errors.New("describe: throttled")
			case "unknown":
				return time.Time{}, false, nil
			}
			return r.last[name], r.begun[name], nil
		}
		all[n].Rotate = func(ctx context.Context) error {
			r.rotated = append(r.rotated, name)
			switch kind {
			case "fail":
				r.begun[name] = true
				return errors.New("setSecret: the service can't be reached")
			case "panic":
				panic(canary)
			case "slow":
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(4 * time.Minute):
				}
			}
			time.Sleep(1500 * time.Millisecond)
			r.last[name], r.begun[name] = time.Now(), false
			return nil
		}
	}
	r.f = newFunction(Options{Metrics: &r.metrics, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Open: func(context.Context) (*daemon.Session, error) {
		return &daemon.Session{Owner: "platform-test", Run: run, Rotations: all}, nil
	}})
	return r
}

// invoke returns the answer, or the error, of one invocation, and what it rotated.
func (r *rotator) invoke(payload string) (answer, rotated string) {
	r.t.Helper()
	r.rotated = nil
	r.metrics.Reset()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	data, err := r.f.Invoke(ctx, []byte(payload))
	answer = string(data)
	var e messages.InvokeResponse_Error
	if errors.As(err, &e) {
		answer = e.Type + ": " + e.Message
	}
	if strings.Contains(answer+r.log.String()+r.metrics.String(), "CANARY") {
		r.t.Errorf("a value is told: %s", answer)
	}
	return answer, strings.Join(r.rotated, ", ")
}

// counted returns the rotations in the answer.
func counted(t *testing.T, answer string) string {
	t.Helper()
	var a struct{ Rotations json.RawMessage }
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		return answer
	}
	return string(a.Rotations)
}

func TestACallRotatesWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is midnight, a Saturday
		r := newRotator(t, daemon.Rotation{Name: "hub old", Every: 30 * day}, daemon.Rotation{Name: "hub young", Every: 90 * day}, daemon.Rotation{Name: "hub by-hand"},
			daemon.Rotation{Name: "hub later", Every: 30 * day, Window: &daemon.Window{From: 2 * time.Hour, To: 3 * time.Hour}}, daemon.Rotation{Name: "hub nightly", Schedule: "cron(0 3 * * ? *)"},
			daemon.Rotation{Name: "hub unknown", Every: day})
		if answer, rotated := r.invoke(`{"rotate": "due"}`); rotated != "hub old, hub nightly" || counted(t, answer) != `{"rotated":2,"notDue":2,"fresh":0,"unknown":1}` {
			t.Errorf("%s: %s", rotated, answer)
		}
		if !strings.Contains(r.log.String(), `rotate it once by hand, or correct its schedule" rotation="hub unknown"`) {
			t.Errorf("the log says\n%s", r.log.String())
		}
		if answer, rotated := r.invoke(`{"rotate": "due"}`); rotated != "" || counted(t, answer) != `{"rotated":0,"notDue":4,"fresh":0,"unknown":1}` {
			t.Errorf("again: %s: %s", rotated, answer)
		}
		r.begun["hub later"], r.begun["hub by-hand"] = true, true
		if answer, rotated := r.invoke(`{"rotate": "due"}`); rotated != "hub later" {
			t.Errorf("begun: %s: %s", rotated, answer)
		}
	})
}

func TestACallRotatesWhatItNamesAndNothingTwiceWhenLambdaRepeatsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotator(t, daemon.Rotation{Name: "hub young", Every: 90 * day}, daemon.Rotation{Name: "hub fail/a"}, daemon.Rotation{Name: "dr young"}, daemon.Rotation{Name: "hub by-hand"})
		if answer, rotated := r.invoke(`{"rotate": ["by-hand", "hub young"]}`); rotated != "hub young, hub by-hand" || counted(t, answer) != `{"rotated":2,"notDue":0,"fresh":0,"unknown":0}` {
			t.Errorf("%s: %s", rotated, answer)
		}
		if answer, rotated := r.invoke(`{"rotate": ["by-hand"]}`); rotated != "" || counted(t, answer) != `{"rotated":0,"notDue":0,"fresh":1,"unknown":0}` {
			t.Errorf("a minute later: %s: %s", rotated, answer)
		}
		time.Sleep(10 * time.Minute)
		call := `{"rotate": ["by-hand", "fail/a", "dr young"]}`
		if answer, rotated := r.invoke(call); rotated != "hub fail/a, dr young, hub by-hand" || answer != "RotationFailed: 1 not rotated, 2 rotated; first: setSecret: the service can't be reached" {
			t.Errorf("%s: %s", rotated, answer)
		}
		if _, rotated := r.invoke(call); rotated != "hub fail/a" {
			t.Errorf("repeated: %s", rotated)
		}
		for payload, want := range map[string]string{
			`{"rotate": ["young"]}`:             `RotationFailed: 1 not rotated; first: rotate "young": invalid: in several stores: say which, as in "hub young"`,
			`{"rotate": ["by-hand", "nobody"]}`: `RotationFailed: 1 not rotated; first: rotate "nobody": not found: the configuration has no such rotation`,
		} {
			if answer, rotated := r.invoke(payload); rotated != "" || answer != want {
				t.Errorf("%s: %s: %s", payload, rotated, answer)
			}
		}
	})
}

func TestAFailureIsAnErrorOfTheInvocationAndTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotator(t, daemon.Rotation{Name: "hub blind", Every: day}, daemon.Rotation{Name: "hub fail/a", Every: day}, daemon.Rotation{Name: "hub panic/a", Every: day},
			daemon.Rotation{Name: "hub never", Schedule: "rate(x)"}, daemon.Rotation{Name: "hub good", Every: day})
		answer, rotated := r.invoke(`{"rotate": "due"}`)
		if rotated != "hub fail/a, hub panic/a, hub good" || answer != "RotationFailed: 4 not rotated, 1 rotated; first: describe: throttled" {
			t.Errorf("%s: %s", rotated, answer)
		}
		var got []string
		for line := range strings.Lines(r.metrics.String()) {
			got = append(got, checkEMF(t, line))
		}
		want := []string{"Rotations:1 RotationFailures:1 RotationDurationMs:0", "Rotations:1 RotationFailures:1 RotationDurationMs:0", "Rotations:1 RotationFailures:1 RotationDurationMs:0",
			"Rotations:1 RotationFailures:1 RotationDurationMs:0", "Rotations:1 RotationFailures:0 RotationDurationMs:1500"}
		for i := range want {
			want[i] = "Owner=platform-test " + want[i]
		}
		if diff := cmp.Diff(want, got[:min(len(got), 5)]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatIsNotReachedBeforeTheDeadlineIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotator(t, daemon.Rotation{Name: "hub slow/a", Every: day}, daemon.Rotation{Name: "hub slow/b", Every: day}, daemon.Rotation{Name: "hub good", Every: day})
		answer, rotated := r.invoke(`{"rotate": "due"}`)
		if rotated != "hub slow/a, hub slow/b" || answer != "RotationFailed: 1 not rotated, 1 rotations not reached before the deadline, 1 rotated; first: context deadline exceeded" {
			t.Errorf("%s: %s", rotated, answer)
		}
	})
}

func TestOfABatchTheMessagesWhoseRotationsFailedStayInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotator(t, daemon.Rotation{Name: "hub fail/a", Every: 90 * day}, daemon.Rotation{Name: "hub good"}, daemon.Rotation{Name: "hub new"})
		r.last["hub new"] = time.Now().Add(-time.Minute)
		record := func(id, body string, sent time.Time) string {
			return fmt.Sprintf(`{"eventSource": "aws:sqs", "messageId": %q, "attributes": {"SentTimestamp": "%d"}, "body": %q}`, id, sent.UnixMilli(), body)
		}
		now := time.Now()
		batch := `{"Records": [` + strings.Join([]string{
			record("good", `{"rotate": ["good"]}`, now), record("both", `{"rotate": ["good", "fail/a"]}`, now), record("before", `{"rotate": ["new"]}`, now.Add(-2*time.Minute)),
			record("secret", `{"secret": "app/db"}`, now), record("nobody", `{"rotate": ["nobody"]}`, now), record("due", `{"rotate": "due"}`, now),
		}, ",") + `]}`
		answer, rotated := r.invoke(batch)
		if rotated != "hub fail/a, hub good" || answer != `{"batchItemFailures":[{"itemIdentifier":"both"},{"itemIdentifier":"nobody"}]}` {
			t.Errorf("%s: %s", rotated, answer)
		}
		if _, rotated := r.invoke(batch); rotated != "hub fail/a" { // they come again
			t.Errorf("again: %s", rotated)
		}
		later := `{"Records": [` + record("later", `{"rotate": ["new"]}`, now) + `]}`
		if _, rotated := r.invoke(later); rotated != "hub new" {
			t.Errorf("later: %s", rotated)
		}
	})
}

func TestWithoutAStoreForItAStepIsAnErrorThatSaysSo(t *testing.T) {
	r := newRotator(t)
	answer, _ := r.invoke(`{"Step": "createSecret", "SecretId": "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds/app-a1B2c3", "ClientRequestToken": "f6d1a8b2-3c4e-4f5a-9b6c-7d8e9f0a1b2c"}`)
	if answer != `RotationFailed: createSecret "rds/app": invalid: the configuration has no store for the secrets of 111122223333 in us-east-1` {
		t.Errorf("got %s", answer)
	}
	if got := checkEMF(t, r.metrics.String()); got != "Owner=platform-test RotationSteps:1 RotationFailures:1 RotationDurationMs:0" {
		t.Errorf("got %s", got)
	}
}
