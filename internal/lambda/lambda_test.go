package lambda

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/lambda/lambdatest"
)

// start starts this test binary as a function. Variables are "NAME=value".
func start(t *testing.T, timeout time.Duration, variables ...string) (*lambdatest.Function, func() int) {
	t.Helper()
	opened := filepath.Join(t.TempDir(), "opened")
	return startWith(t, timeout, opened, variables...), func() int {
		data, _ := os.ReadFile(opened)
		return len(data)
	}
}

// startWith is start with the file that says how often the configuration was opened.
func startWith(t *testing.T, timeout time.Duration, opened string, variables ...string) *lambdatest.Function {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := &lambdatest.Function{Timeout: timeout, Command: func() *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = append(append(cmd.Environ(), bootstrapEnv+"="+opened), variables...)
		return cmd
	}}
	t.Cleanup(func() {
		f.Stop()
		if log := f.Log(); strings.Contains(log, "CANARY") {
			t.Errorf("a value is in the log:\n%s", log)
		}
	})
	return f.Start(t)
}

// wants compares an answer with "ok: JSON", or "TYPE: a part of the message".
func wants(t *testing.T, got lambdatest.Answer, want string) {
	t.Helper()
	kind, text, _ := strings.Cut(want, ": ")
	switch {
	case strings.Contains(string(got.Body), "CANARY") || got.Error != nil && strings.Contains(got.Error.Message, "CANARY"):
		t.Errorf("a value is in the answer: %s %v", got.Body, got.Error)
	case kind == "ok" && (got.Error != nil || string(got.Body) != text):
		t.Errorf("got %s %+v, want %s", got.Body, got.Error, text)
	case kind != "ok" && (got.Error == nil || got.Error.Type != kind || !strings.Contains(got.Error.Message, text)):
		t.Errorf("got %s %+v, want %s", got.Body, got.Error, want)
	}
}

const (
	none    = `"created":0,"updated":0,"metadata":0,"restored":0,"deleted":0,"kept":0,"unchanged":0,"refused":0,"heldBack":0}`
	oneDone = `"created":0,"updated":1,"metadata":0,"restored":0,"deleted":0,"kept":0,"unchanged":0,"refused":0,"heldBack":0}`
)

func TestTheFunctionAnswersEveryKindOfEvent(t *testing.T) {
	t.Parallel()
	f, opened := start(t, 0)
	large := `{"secret": "` + strings.Repeat(canary, event.MaxMessage/len(canary)+1) + `"}`
	for _, c := range []struct{ name, payload, want string }{
		{"a cold start", `{"secret": "app/db"}`, `ok: {"messages":1,"runs":1,` + oneDone},
		{"a test in the console", `{"key1": "value1", "key2": "value2", "key3": "value3"}`, `ok: {"messages":1,"runs":1,` + strings.Replace(none, `"unchanged":0`, `"unchanged":7`, 1)},
		{"a schedule", `{"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}`, `ok: {"messages":1,"runs":1,` + strings.Replace(none, `"unchanged":0`, `"unchanged":7`, 1)},
		{"an event", `{"detail-type": "Secret Label Updated", "source": "aws.secretsmanager", "account": "111122223333", "region": "us-east-1", "detail": {"name": "app/db", "labelUpdated": "AWSCURRENT"}}`,
			`ok: {"messages":1,"runs":1,` + oneDone},
		{"an unsupported event", `{"detail-type": "x", "source": "y"}`, `ok: {"messages":1,"ignored":["unsupported event type"],"runs":0,` + none},
		{"a failure", `{"secret": "fail/db"}`, `RunFailed: 1 failed; first: update "fail/db" in spokes 111111111111/us-east-1: PutSecretValue "fail/db": throttled`},
		{"after a failure", `{"secret": "app/db"}`, `ok: {"messages":1,"runs":1,` + oneDone},
		{"a refusal", `{"secret": "refuse/db"}`, `ok: {"messages":1,"runs":1,` + strings.Replace(none, `"refused":0`, `"refused":1`, 1)},
		{"a target out of reach", `{"secret": "away/db"}`, `RunFailed: 1 failed; first: refuse "away/db" in spokes 111111111111/us-east-1: the target did not answer`},
		{"a brake", `{"secret": "brake/db"}`, `ok: {"messages":1,"runs":1,` + strings.Replace(none, `"heldBack":0`, `"heldBack":1`, 1)},
		{"a problem", `{"secret": "problem"}`, `RunFailed: 1 could not be looked at; first: list "dr": unreachable`},
		{"nothing attempted", `{"secret": "error"}`, `RunFailed: list "hub": throttled`},
		{"several", `{"secrets": ["app/db", "fail/db", "fail/other"]}`, `RunFailed: 2 failed, 1 applied; first: `},
		{"its own deadline", `{"secret": "deadline"}`, `ok: {"messages":1,"runs":1,` + oneDone},
		{"malformed", `{"secret": "` + canary, `EventInvalid: not JSON`},
		{"an unknown key", `{"snyc": "x"}`, `EventInvalid: unknown key "snyc"`},
		{"oversized", large, `EventInvalid: too large: more than 1 MiB`},
		{"a panic", `{"secret": "panic"}`, `RunFailed: internal error: a panic of type string`},
		{"a panic in the engine", `{"secret": "panic-in-the-engine"}`, `RunFailed: internal error: a panic of type string`},
		{"after a panic", `{"secret": "app/db"}`, `ok: {"messages":1,"runs":1,` + oneDone},
	} {
		t.Run(c.name, func(t *testing.T) { wants(t, f.Invoke(c.payload), c.want) })
	}
	if n := opened(); n != 3 {
		t.Errorf("the configuration was opened %d times, want once, and once after each panic", n)
	}
}

func TestOfABatchOnlyTheMessagesWhoseSecretsFailedStayInTheQueue(t *testing.T) {
	t.Parallel()
	f, _ := start(t, 0)
	for _, c := range []struct {
		names []string
		want  string // the ids that failed
	}{
		{[]string{"app/a", "app/b"}, ""},
		{[]string{"app/a", "fail/b", "app/c", "fail/d"}, "id-fail/b id-fail/d"},
		{[]string{"app/a", "malformed", "ignored", "refuse/x", "brake/x"}, "id-malformed"},
		{[]string{"malformed"}, "id-malformed"},
		{[]string{"app/a", "problem"}, "id-app/a id-problem"},
		{[]string{"app/a", "error"}, "id-app/a id-error"},
		{[]string{"app/a", "panic", "ignored"}, "id-app/a id-panic"},
		{[]string{"app/a", "elsewhere"}, "id-app/a id-elsewhere"}, // no message names what failed
		{[]string{"fail/a", "everything"}, "id-fail/a"},           // the whole run, after it, did well
		{[]string{"ignored"}, ""},
	} {
		answer := f.Invoke(batch(c.names...))
		var got struct {
			BatchItemFailures []struct{ ItemIdentifier string }
		}
		if answer.Error != nil || json.Unmarshal(answer.Body, &got) != nil || got.BatchItemFailures == nil {
			t.Errorf("%q: %s %+v", c.names, answer.Body, answer.Error)
			continue
		}
		var ids []string
		for _, item := range got.BatchItemFailures {
			ids = append(ids, item.ItemIdentifier)
		}
		if strings.Join(ids, " ") != c.want {
			t.Errorf("%q: got %q, want %q", c.names, ids, c.want)
		}
	}
}

func TestAListWithAFailureThatHasNoIDFailsAsAWhole(t *testing.T) {
	t.Parallel()
	f, _ := start(t, 0)
	queued := `{"messageId": "id-1", "eventSource": "aws:sqs", "body": "{\"secret\": \"app/db\"}"}`
	wants(t, f.Invoke(`[`+queued+`, {"secret": "fail/db"}]`), `RunFailed: 1 failed, 1 applied; first: update "fail/db"`)
	wants(t, f.Invoke(`[`+queued+`, {"secret": "app/other"}]`), `ok: {"batchItemFailures":[]}`)
	wants(t, f.Invoke(`[`+queued+`, {"snyc": "x"}]`), `RunFailed: 1 malformed, 1 applied; first: read event: malformed: unknown key "snyc"`)
}

// Fault 34.
func TestAtItsDeadlineTheFunctionFinishesTheWritesInFlightAndSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	f, _ := start(t, 4*time.Second)
	wants(t, f.Invoke(`{"sync": "slow"}`), `RunFailed: 12 not reached before the deadline, 8 applied; first: create "app/`)
	wants(t, f.Invoke(`{"secret": "app/db"}`), `ok: {"messages":1,"runs":1,`+oneDone)
}

// S3-B6
func TestAProcessThatEndsOrHangsIsStartedAnew(t *testing.T) {
	t.Parallel()
	f, opened := start(t, 2*time.Second)
	wants(t, f.Invoke(`{"secret": "exit"}`), `Runtime.ExitError: `)
	wants(t, f.Invoke(`{"secret": "hang"}`), `Sandbox.Timedout: `)
	wants(t, f.Invoke(`{"secret": "app/db"}`), `ok: {"messages":1,"runs":1,`+oneDone)
	if n := opened(); n != 3 {
		t.Errorf("the configuration was opened %d times by three processes", n)
	}
}

func TestAConfigurationThatCanNotBeOpenedFailsTheInvocationAndNotTheProcess(t *testing.T) {
	t.Parallel()
	f, opened := start(t, 0, failOpensEnv+"=3")
	wants(t, f.Invoke("{}"), `NotOpened: read configuration "secretsmanager:secretsync": not permitted`)
	wants(t, f.Invoke(batch("app/a")), `NotOpened: read configuration`) // the whole batch stays
	wants(t, f.Invoke(`{"detail-type": "x", "source": "y"}`), `ok: {"messages":1,"ignored":["unsupported event type"],"runs":0,`+none)
	wants(t, f.Invoke(`{"secret": "app/db"}`), `ok: {"messages":1,"runs":1,`+oneDone)
	wants(t, f.Invoke(`{"secret": "app/db"}`), `ok: {"messages":1,"runs":1,`+oneDone)
	if n := opened(); n != 4 { // at the start, twice in vain, once well
		t.Errorf("the configuration was opened %d times", n)
	}
}

func TestAPanicWhileOpeningIsAnErrorWithoutItsValue(t *testing.T) {
	t.Parallel()
	f, _ := start(t, 0, panicOpensEnv+"=2")
	wants(t, f.Invoke("{}"), `NotOpened: internal error: a panic of type string`)
	wants(t, f.Invoke(`{"secret": "app/db"}`), `ok: {"messages":1,"runs":1,`+oneDone)
}

func TestAnOldConfigurationIsOpenedAnew(t *testing.T) {
	t.Parallel()
	f, opened := start(t, 0, reopenEnv+"=1ns")
	for range 3 {
		wants(t, f.Invoke(`{"secret": "app/db"}`), `ok: {"messages":1,"runs":1,`+oneDone)
	}
	if n := opened(); n != 4 {
		t.Errorf("the configuration was opened %d times", n)
	}
}

func TestTheLogSaysWhatFailedAndForWhichRequest(t *testing.T) {
	t.Parallel()
	f, _ := start(t, 0)
	f.Invoke(`{"secrets": ["fail/db", "refuse/db", "app/db"]}`)
	f.Invoke(batch("malformed"))
	f.Stop()
	var got []map[string]any
	for _, line := range f.Lines() {
		if line["message"] == nil {
			continue
		}
		if line["timestamp"] == nil || line["level"] == nil || line["requestId"] == nil {
			t.Errorf("a line without a time, a level or a request: %v", line)
		}
		delete(line, "timestamp")
		delete(line, "requestId")
		delete(line, "durationMs")
		got = append(got, line)
	}
	change := func(level, message, name, action, reason, err string) map[string]any {
		return map[string]any{"level": level, "message": message, "sync": "one", "source": name, "store": "hub", "name": name, "target": "spokes 111111111111/us-east-1",
			"action": action, "reason": reason, "error": err}
	}
	want := []map[string]any{
		change("ERROR", "a change failed", "fail/db", "update", "new-version", `PutSecretValue "fail/db": throttled`),
		change("WARN", "a change is refused", "refuse/db", "refuse", "foreign", "it carries no mark"),
		{"level": "ERROR", "message": "run", "owner": "platform-test", "applied": 1., "unchanged": 0., "failed": 1., "late": 0., "notSeen": 0., "refused": 1., "heldBack": 0., "interrupted": false},
		{"level": "ERROR", "message": "a message can't be read", "messageId": "id-malformed", "error": "read event: malformed: not JSON"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for line := range strings.Lines(f.Log()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line that is no JSON: %s", line)
		}
	}
}
