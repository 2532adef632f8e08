package lambda

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/lambda/lambdatest"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// stepper returns a Session.Step that writes what it is given into a file, a line each, and does what the secret's name says. A step needs the one before it, as steps do.
func stepper(file string) func(context.Context, event.Step) error {
	return func(ctx context.Context, s event.Step) error {
		name := string(s.Secret.Names[0])
		kind, at, _ := strings.Cut(name, "/")
		data, _ := os.ReadFile(file)
		before := strings.Split(string(data), "\n")
		line := fmt.Sprintf("%s %s %s", s.Step, name, s.Token)
		done := func(step string) bool {
			return slices.Contains(before, fmt.Sprintf("%s %s %s ok", step, name, s.Token))
		}
		end := "ok"
		defer func() {
			_ = os.WriteFile(file, append(data, line+" "+end+"\n"...), 0o600)
		}()
		switch {
		case s.Secret.Kind != secret.SecretsManager || s.Secret.Account != "111122223333" || s.Secret.Region != "us-east-1" || len(s.Secret.Names) != 1:
			end = "misread"
			return errors.New("not the secret of the ARN")
		case kind == "token" && string(s.RotationToken.Reveal()) != canary:
			end = "misread"
			return errors.New("no rotation token")
		case kind == "fail" && at == s.Step && !slices.Contains(before, line+" failed"):
			end = "failed"
			return fmt.Errorf("%s %q: the service can't be reached", s.Step, name)
		case kind == "panic" && !slices.Contains(before, line+" broke"):
			end = "broke"
			panic(canary)
		case kind == "exit" && at == s.Step && !slices.Contains(before, line+" ended"):
			_ = os.WriteFile(file, append(data, line+" ended\n"...), 0o600)
			os.Exit(3)
		case kind == "slow":
			<-ctx.Done()
			end = "interrupted"
			return fmt.Errorf("%s %q: %w", s.Step, name, ctx.Err())
		case kind == "long":
			return errors.New(strings.Repeat("ü", 10_000))
		case s.Step == "setSecret" && !done("createSecret"), s.Step == "testSecret" && !done("setSecret"), s.Step == "finishSecret" && !done("testSecret"):
			end = "early"
			return fmt.Errorf("%s %q: conflict: the version is not pending", s.Step, name)
		}
		return nil
	}
}

// rotated returns a rotation of a secret, and what reads which steps were done for it.
func rotated(t *testing.T, f *lambdatest.Function, file, name string) (lambdatest.Rotation, func() string) {
	t.Helper()
	r := lambdatest.Rotation{Function: f, Secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:" + name + "-a1B2c3", Version: "f6d1a8b2-3c4e-4f5a-9b6c-7d8e9f0a1b2c", Token: canary}
	return r, func() string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for line := range strings.Lines(string(data)) {
			if part := strings.Fields(line); part[1] == name && part[2] == r.Version {
				all = append(all, strings.TrimSuffix(part[0], "Secret")+" "+part[3])
			}
		}
		return strings.Join(all, ", ")
	}
}

// startSteps is start, with the file that says which steps were done.
func startSteps(t *testing.T, timeout time.Duration) (f *lambdatest.Function, file string) {
	t.Helper()
	opened := filepath.Join(t.TempDir(), "opened")
	return startWith(t, timeout, opened), opened + ".steps"
}

func TestSecretsManagerRotatesThroughTheFunction(t *testing.T) {
	t.Parallel()
	f, file := startSteps(t, 0)
	const whole = "create ok, set ok, test ok, finish ok"
	for _, name := range []string{"rds/app", "token/app"} {
		r, steps := rotated(t, f, file, name)
		if err := r.Run(); err != nil || steps() != whole {
			t.Errorf("%s: %s, %v", name, steps(), err)
		}
	}
	r, steps := rotated(t, f, file, "rds/twice")
	for _, step := range r.Steps() {
		for range 2 {
			wants(t, r.Step(step), "ok: null")
		}
	}
	if got := steps(); got != "create ok, create ok, set ok, set ok, test ok, test ok, finish ok, finish ok" {
		t.Errorf("got %s", got)
	}
	if err := r.Run(); err != nil { // after it is done
		t.Error(err)
	}
	f.Stop()
	if log := f.Log(); !strings.Contains(log, `"step":"finishSecret","secret":"rds/app"`) || !strings.Contains(log, `"RotationSteps":1`) {
		t.Errorf("the log says\n%s", log)
	}
}

func TestAStepThatFailsIsAnErrorAndSecretsManagerTriesTheWholeAgain(t *testing.T) {
	t.Parallel()
	f, file := startSteps(t, 0)
	for n, step := range (lambdatest.Rotation{}).Steps() {
		for _, kind := range []string{"fail", "exit", "panic"} {
			r, steps := rotated(t, f, file, kind+"/"+step)
			err := r.Run()
			for range 4 { // a panic is one of every step
				if err != nil {
					want := map[string]string{"fail": "RotationFailed: " + step + ` "fail/` + step + `": the service can't be reached`, "exit": "Runtime.ExitError", "panic": "RotationFailed: internal error: a panic of type string"}[kind]
					if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
						t.Errorf("%s at %s: %v", kind, step, err)
					}
					err = r.Run()
				}
			}
			if got := steps(); err != nil || !strings.HasSuffix(got, "create ok, set ok, test ok, finish ok") {
				t.Errorf("%s at %s: %s, %v", kind, step, got, err)
			}
			if got, want := strings.Count(steps(), "ok"), 4+n; kind != "panic" && got != want {
				t.Errorf("%s at %s: %d steps were done, want %d", kind, step, got, want)
			}
		}
	}
}

func TestStepsOutOfTheirOrderFailAndSpoilNothing(t *testing.T) {
	t.Parallel()
	f, file := startSteps(t, 0)
	r, steps := rotated(t, f, file, "rds/disorder")
	for _, step := range []string{"finishSecret", "testSecret", "setSecret"} {
		wants(t, r.Step(step), `RotationFailed: `+step+` "rds/disorder": conflict: the version is not pending`)
	}
	wants(t, r.Step("createSecret"), "ok: null")
	wants(t, r.Step("finishSecret"), `RotationFailed: finishSecret "rds/disorder": conflict`)
	if err := r.Run(); err != nil || !strings.HasSuffix(steps(), "create ok, set ok, test ok, finish ok") {
		t.Errorf("%s, %v", steps(), err)
	}
}

func TestAStepEndsBeforeItsDeadlineAndItsErrorIsShort(t *testing.T) {
	t.Parallel()
	f, file := startSteps(t, 3*time.Second)
	slow, steps := rotated(t, f, file, "slow/app")
	wants(t, slow.Step("setSecret"), `RotationFailed: setSecret "slow/app": context deadline exceeded`)
	if steps() != "set interrupted" {
		t.Errorf("got %s", steps())
	}
	long, _ := rotated(t, f, file, "long/app")
	if a := long.Step("setSecret"); a.Error == nil || len(a.Error.Message) > 2000 {
		t.Errorf("got %s %+v", a.Body, a.Error)
	}
	wants(t, f.Invoke(`{"Step": "createSecret", "SecretId": "`+canary+`", "ClientRequestToken": "f6d1a8b2-3c4e-4f5a-9b6c-7d8e9f0a1b2c"}`), `EventInvalid: SecretId: want the whole ARN`)
	wants(t, f.Invoke(`{"secret": "app/db"}`), `ok: {"messages":1,"runs":1,`+oneDone) // the same function syncs, too
}
