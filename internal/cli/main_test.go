package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

func noEnv(string) (string, bool) { return "", false }

// mainHere runs the program in this process.
func mainHere(t *testing.T, env func(string) (string, bool), args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &out, &err, env, "v0.0.0-test")
	return code, out.String(), err.String()
}

func TestAPanicIsReportedWithoutItsValue(t *testing.T) {
	code, stdout, stderr := mainHere(t, func(string) (string, bool) { panic(errors.New(canary)) }, "validate")
	if code != exitNothing || stdout != "" {
		t.Errorf("code %d, stdout %q", code, stdout)
	}
	if strings.Contains(stderr, canary) || strings.Contains(stderr, "0x") {
		t.Errorf("stderr shows too much:\n%s", stderr)
	}
	for _, want := range []string{"internal error: a panic of type *errors.errorString", "please report it", "main_test.go:"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
}

func TestNoArgumentsShowTheHelpAndNotThoseOfTheProcess(t *testing.T) {
	code, stdout, stderr := mainHere(t, noEnv)
	if code != exitOK || !strings.Contains(stdout, "Usage:") || stderr != "" {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAResultThatCannotBePrintedIsAnError(t *testing.T) {
	var stderr bytes.Buffer
	code := Main(t.Context(), []string{"version"}, strings.NewReader(""), brokenWriter{}, &stderr, noEnv, "")
	if code != exitPartly || !strings.Contains(stderr.String(), "the result could not be printed") {
		t.Errorf("code %d, stderr %q", code, stderr.String())
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	interrupted, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want int
	}{
		"nothing to say":                      {t.Context(), nil, 0},
		"a server that was interrupted":       {interrupted, nil, 0},
		"a bad configuration":                 {t.Context(), errors.New("x"), 1},
		"a stale plan":                        {t.Context(), &engine.StaleError{Why: "x"}, 1},
		"an interruption before anything":     {interrupted, errors.New("x"), 130},
		"a code of its own":                   {t.Context(), exit(4), 4},
		"a code of its own, then interrupted": {interrupted, exit(3), 3},
	} {
		if got, _ := codeOf(c.ctx, c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	failed := []engine.Result{{Outcome: engine.Failed}}
	for name, c := range map[string]struct {
		report engine.Report
		want   int
	}{
		"all applied":                      {engine.Report{Changes: []engine.Result{{Outcome: engine.Applied}}}, 0},
		"an orphan that is kept":           {engine.Report{Changes: []engine.Result{{Change: plan.Change{Action: plan.Keep}, Outcome: engine.Skipped}}}, 0},
		"a failure":                        {engine.Report{Changes: failed}, 3},
		"a brake wins over a failure":      {engine.Report{Changes: failed, Brakes: []plan.Brake{{}}}, 4},
		"an interruption wins over brakes": {engine.Report{Changes: failed, Brakes: []plan.Brake{{}}, Interrupted: true}, 130},
		"a target that was not looked at":  {engine.Report{Problems: []plan.Problem{{}}}, 3},
	} {
		if got := codeOfReport(&c.report); got != c.want {
			t.Errorf("report: %s: %d, want %d", name, got, c.want)
		}
	}
	changes := plan.Plan{Summary: plan.Summary{Create: 1, Refuse: 1}}
	refusals := plan.Plan{Summary: plan.Summary{Refuse: 1, Keep: 1}, Brakes: []plan.Brake{{}}}
	partial := plan.Plan{Summary: plan.Summary{Create: 1}, Problems: []plan.Problem{{}}}
	for name, c := range map[string]struct {
		plan     plan.Plan
		detailed bool
		want     int
	}{
		"changes":                 {changes, false, 0},
		"changes, detailed":       {changes, true, 2},
		"refusals only, detailed": {refusals, true, 0},
		"a part is missing":       {partial, true, 3},
	} {
		if got := codeOfPlan(&c.plan, c.detailed); got != c.want {
			t.Errorf("plan: %s: %d, want %d", name, got, c.want)
		}
	}
}
