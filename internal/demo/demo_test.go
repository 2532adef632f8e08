package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

// page collects what is shown: plans and reports as their whole JSON, so that whatever a renderer could print is there.
type page struct{ bytes.Buffer }

func (p *page) show() Show {
	dump := func(v any) error {
		data, err := json.Marshal(v)
		p.Write(append(data, '\n'))
		return err
	}
	return Show{
		Text: func(s string) error { p.WriteString(s); return nil },
		Plan: func(v *plan.Plan) error { return dump(v) }, Report: func(v *engine.Report) error { return dump(v) },
		Code: func(r *engine.Report) int {
			if r.NotAsWanted() {
				return 3
			}
			return 0
		},
	}
}

func TestTheStoryComesOutAsToldAndLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	// What a user may have set, and what must not count.
	t.Setenv("AWS_PROFILE", "does-not-exist")
	t.Setenv("AWS_CA_BUNDLE", "/does/not/exist")
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://192.0.2.1")
	t.Setenv("AWS_MAX_ATTEMPTS", "many")
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("TMPDIR", dir)
	var p page
	began := time.Now()
	steps, err := Run(t.Context(), p.show())
	if err != nil {
		t.Fatalf("%v\n%s", err, p.String())
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if len(steps) != len(chapters()) {
		t.Errorf("%d steps", len(steps))
	}
	for _, c := range chapters() {
		if !strings.Contains(p.String(), ". "+c.title+"\n") {
			t.Errorf("%q is not told", c.title)
		}
	}
	for _, want := range []string{"API calls: ", "Exit code 0", "Exit code 1", "Exit code 3", "Shown and checked: 9 steps"} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("%q is not told", want)
		}
	}
	for _, canary := range []string{"demo-value", base64.StdEncoding.EncodeToString([]byte(certificate)), groups} {
		if strings.Contains(p.String(), canary) {
			t.Errorf("a value is told: %q", canary)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files are left behind: %v %v", left, err)
	}
	if os.Getenv("AWS_PROFILE") != "does-not-exist" || os.Getenv("AWS_MAX_ATTEMPTS") != "many" {
		t.Error("the environment is not as it was")
	}
}

func TestAStepThatDoesNotComeOutAsToldEndsTheStory(t *testing.T) {
	for _, c := range chapters() {
		t.Run(c.title, func(t *testing.T) {
			defer setAside("AWS_")()
			var p page
			w, err := newWorld()
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			// Every chapter is told of a world in which somebody's secret took a copy's place, the hub can be written but its spokes can't.
			if err := w.create(t.Context(), spokeD, east, "dev/token", foreign, nil); err != nil {
				t.Fatal(err)
			}
			w.aws.Faults().Add(awslocal.Fault{Service: "secretsmanager", Operation: "CreateSecret", Account: spokeA, Code: "AccessDeniedException"})
			s := &story{ctx: t.Context(), show: p.show(), world: w}
			s.begin(1, c.title)
			c.tell(s)
			if s.err == nil || !strings.Contains(s.err.Error(), c.title) {
				t.Errorf("got %v\n%s", s.err, p.String())
			}
		})
	}
}

func TestAnInterruptedStoryEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var p page
	show := p.show()
	show.Report = func(*engine.Report) error { cancel(); return nil }
	steps, err := Run(ctx, show)
	if !errors.Is(err, context.Canceled) || len(steps) > 2 {
		t.Errorf("%d steps, %v", len(steps), err)
	}
}

func TestAnOutputThatIsGoneEndsTheStory(t *testing.T) {
	var p page
	gone := errors.New("gone")
	show := p.show()
	show.Plan = func(*plan.Plan) error { return gone }
	if _, err := Run(t.Context(), show); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}
