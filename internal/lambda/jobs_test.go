package lambda

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// asked returns the jobs that an event leads to.
func asked(t *testing.T, payload string) (jobs []daemon.Job) {
	t.Helper()
	var mu sync.Mutex
	f := newFunction(Options{Open: func(context.Context) (*daemon.Session, error) {
		return &daemon.Session{Run: func(_ context.Context, j daemon.Job) (*engine.Report, error) {
			mu.Lock()
			defer mu.Unlock()
			jobs = append(jobs, j)
			return &engine.Report{}, nil
		}}, nil
	}})
	if _, err := f.Invoke(t.Context(), []byte(payload)); err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestHintsAreOneRunAndAWholeRunIsOneOfItsOwn(t *testing.T) {
	body := func(texts ...string) string {
		records := ""
		for n, text := range texts {
			if n > 0 {
				records += ","
			}
			records += fmt.Sprintf(`{"eventSource": "aws:sqs", "messageId": "id-%d", "body": %q}`, n, text)
		}
		return `{"Records": [` + records + `]}`
	}
	a, b := `{"secret": "a"}`, `{"secret": "b"}`
	hints := daemon.Job{Hints: []event.Hint{hint("a"), hint("b")}}
	for _, c := range []struct {
		payload string
		want    []daemon.Job
	}{
		{body(a, b, a), []daemon.Job{hints}},
		{body("{}", a, "null", b), []daemon.Job{hints, {}}},
		{body(`{"sync": "x"}`, `{"syncs": ["x"]}`, `{"syncs": ["y", "x"]}`, `{"only": ["p*"]}`), []daemon.Job{
			{Syncs: []secret.SyncName{"x"}}, {Syncs: []secret.SyncName{"y", "x"}}, {Only: []string{"p*"}}}},
		{body(`{"sync": "x"}`, "{}", `{"only": ["p*"]}`), []daemon.Job{{}}},
		{body(`{"detail-type": "x", "source": "y"}`), nil},
	} {
		if diff := cmp.Diff(c.want, asked(t, c.payload)); diff != "" {
			t.Errorf("%s:\n%s", c.payload, diff)
		}
	}
}

func TestWithoutItsSettingsTheFunctionDoesNotBegin(t *testing.T) {
	t.Setenv(runtimeEnv, "")
	if err := Run(t.Context(), Options{Open: func(context.Context) (*daemon.Session, error) { return nil, nil }}); err == nil {
		t.Error("it ran without Lambda")
	}
	t.Setenv(runtimeEnv, "127.0.0.1:1")
	if err := Run(t.Context(), Options{}); err == nil {
		t.Error("it ran with nothing to open")
	}
}
