package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/mem"
)

const canary = "CANARY-4c0e-b1d3-92aa"

// bootstrapEnv makes the test binary a function: its value is a file that counts how often the configuration was opened.
const bootstrapEnv = "SECRETSYNC_TEST_BOOTSTRAP"

// failOpensEnv is how many times opening fails; opensEnv, how long a session stays.
const (
	failOpensEnv  = "SECRETSYNC_TEST_FAIL_OPENS"
	panicOpensEnv = "SECRETSYNC_TEST_PANIC_OPENS"
	reopenEnv     = "SECRETSYNC_TEST_REOPEN"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(bootstrapEnv); file != "" {
		reopen, _ := time.ParseDuration(os.Getenv(reopenEnv))
		err := Run(context.Background(), Options{Open: opener(file), Reopen: reopen, Log: NewLog(os.Stderr, slog.LevelInfo), Metrics: os.Stdout})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// opener returns an Open that fails as often as the environment says.
func opener(file string) func(context.Context) (*daemon.Session, error) {
	return func(context.Context) (*daemon.Session, error) {
		data, _ := os.ReadFile(file)
		opened := len(data)
		if err := os.WriteFile(file, append(data, 'x'), 0o600); err != nil {
			return nil, err
		}
		if opened < number(panicOpensEnv) {
			panic(canary)
		}
		if opened < number(failOpensEnv) {
			return nil, errors.New(`read configuration "secretsmanager:secretsync": not permitted`)
		}
		return &daemon.Session{Syncs: []daemon.Sync{{Name: "one"}, {Name: "two"}}, Run: run, Step: stepper(file + ".steps")}, nil
	}
}

func number(env string) int {
	n := 0
	_, _ = fmt.Sscan(os.Getenv(env), &n)
	return n
}

var target = plan.Target{Store: "spokes", Place: secret.Place{Kind: secret.SecretsManager, Account: "111111111111", Region: "us-east-1"}}

// result is a change of a secret, whose name says what becomes of it.
func result(name secret.Name) engine.Result {
	r := engine.Result{Change: plan.Change{Action: plan.Update, Reason: plan.NewVersion, Sync: "one", Source: plan.SourceRef{Store: "hub", Name: name}, Target: &target, Name: name}, Outcome: engine.Applied}
	switch {
	case strings.HasPrefix(string(name), "fail"):
		r.Outcome, r.Error = engine.Failed, `PutSecretValue "`+string(name)+`": throttled`
	case strings.HasPrefix(string(name), "refuse"):
		r.Action, r.Reason, r.Outcome, r.Error = plan.Refusal, plan.Foreign, engine.Refused, "it carries no mark"
	case strings.HasPrefix(string(name), "away"):
		r.Action, r.Reason, r.Outcome, r.Error = plan.Refusal, plan.Unreachable, engine.Refused, "the target did not answer"
	case strings.HasPrefix(string(name), "brake"):
		r.Action, r.Reason, r.Outcome, r.Error = plan.Remove, plan.Unwanted, engine.Skipped, "held back"
	}
	return r
}

// run does what the names in a job say.
func run(ctx context.Context, job daemon.Job) (*engine.Report, error) {
	r := &engine.Report{Version: 1, Owner: "platform-test"}
	r.Summary.Unchanged = 7
	var names []secret.Name
	for _, h := range job.Hints {
		names = append(names, h.Names[0])
	}
	for _, s := range job.Syncs {
		names = append(names, secret.Name(s))
	}
	for _, name := range names {
		switch name {
		case "error":
			return nil, errors.New(`list "hub": throttled`)
		case "panic":
			panic(canary)
		case "panic-in-the-engine":
			panic(&engine.PanicError{Type: "string", Where: "  engine.apply\n"})
		case "slow":
			return slow(ctx)
		case "hang":
			select {}
		case "exit":
			os.Exit(7)
		case "problem":
			r.Problems = append(r.Problems, plan.Problem{Sync: "two", Error: `list "dr": unreachable`})
			continue
		case "elsewhere":
			name = "fail/whole" // a copy that is made of several
		case "deadline":
			d, ok := ctx.Deadline()
			if left := time.Until(d); !ok || left > 9500*time.Millisecond {
				return nil, fmt.Errorf("%v are left of ten seconds", left)
			}
		}
		c := result(name)
		if c.Action == plan.Remove {
			r.Brakes = append(r.Brakes, plan.Brake{Target: target, Deletes: 1, Of: 2, Limit: 0})
		}
		r.Changes = append(r.Changes, c)
	}
	if job.Hints != nil {
		r.Summary.Unchanged = 0
	}
	return r, nil
}

// slow is a real run of the real engine, whose writes end when ctx does.
func slow(ctx context.Context) (*engine.Report, error) {
	hub, spoke := &mem.Store{At: secret.Place{Account: "123456789012", Region: "us-east-1"}}, &mem.Store{At: target.Place}
	for n := range 20 {
		hub.Place(hub.At).Put(secret.Name(fmt.Sprintf("app/%02d", n)), secret.Text([]byte(canary)))
	}
	spoke.Place(spoke.At).Before = func(c mem.Call) error {
		if c.Op == "Write" {
			<-ctx.Done()
		}
		return nil
	}
	e := engine.New(engine.Setup{Owner: "platform-test", Stores: map[secret.StoreName]store.Store{"hub": hub, "spokes": spoke},
		Rules: []plan.Rule{{Name: "one", From: "hub", RecoveryDays: 30, To: []plan.Route{{Store: "spokes"}}}}})
	p, err := e.Plan(ctx, engine.Options{})
	if err != nil {
		return nil, err
	}
	return e.Apply(ctx, p), nil
}

// batch is one of SQS, with direct calls as bodies: the name of a secret each.
func batch(names ...string) string {
	type record struct {
		MessageID   string `json:"messageId"`
		EventSource string `json:"eventSource"`
		Body        string `json:"body"`
	}
	var records []record
	for _, name := range names {
		body := fmt.Sprintf(`{"secret": %q}`, name)
		if name == "malformed" {
			body = `{"password": "` + canary
		}
		if name == "everything" {
			body = "{}"
		}
		if name == "ignored" {
			body = `{"detail-type": "x", "source": "y", "detail": {}}`
		}
		records = append(records, record{MessageID: "id-" + name, EventSource: "aws:sqs", Body: body})
	}
	data, _ := json.Marshal(map[string]any{"Records": records})
	return string(data)
}

// hint names one secret.
func hint(name secret.Name) event.Hint { return event.Hint{Names: []secret.Name{name}, Sweep: true} }
