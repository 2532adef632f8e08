//go:build unix

package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/command"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	canary  = "CANARY-81f2-77aa" // in what is current
	fresh   = "CANARY-c0de-19b3" // in what is pending
	masters = "CANARY-5a5a-0f0f"
)

func text(s string) secret.Value { return secret.Text([]byte(s)) }

// maker stands for the engine of generated values.
type maker struct{ rotate.Engine }

func (maker) Next(context.Context, rotate.Change) (secret.Value, error) {
	return text("generated"), nil
}

// change is a rotation by a shell script; nothing else than the script is on its command line.
func change(t *testing.T, script string) rotate.Change {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rotate-app")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return rotate.Change{
		Place: secret.Place{Kind: secret.SecretsManager, Account: "111122223333", Region: "us-east-1"}, Name: "rds/app",
		Current: text(`{"username":"app","password":"` + canary + `"}`), Pending: text(`{"username":"app","password":"` + fresh + `"}`),
		Master:   func(context.Context) (secret.Value, error) { return text(masters), nil },
		Settings: rotate.Settings{Command: rotate.Command{Args: []string{file}}, Master: &store.Ref{Secret: "rds/master"}},
	}
}

func engine() rotate.Engine { return command.New(command.Options{Generate: maker{}}) }

// steps are all but next.
func steps(e rotate.Engine) map[string]func(context.Context, rotate.Change) error {
	return map[string]func(context.Context, rotate.Change) error{"set": e.Set, "test": e.Test, "undo": e.Undo, "done": e.Done}
}

func TestAProgramIsToldOfAStepOnItsInputAndNowhereElse(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("OUT", dir)
	c := change(t, `cat > "$OUT/in"; echo "$0 $*" > "$OUT/args"; env > "$OUT/env"; pwd > "$OUT/pwd"`)
	c.Command.Args = append(c.Command.Args, "-x", "a b; c")
	c.Previous, c.Strategy = secret.Binary([]byte{0xff, 0}), rotate.AlternatingUsers
	e := engine()
	for name, do := range steps(e) {
		if err := do(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		var got, want any
		in, err := os.ReadFile(filepath.Join(dir, "in"))
		if err != nil || json.Unmarshal(in, &got) != nil {
			t.Fatal(err)
		}
		text := `{"version":1,"step":"` + name + `","secret":{"name":"rds/app","store":"sm","account":"111122223333","region":"us-east-1"},"strategy":"alternating-users","rollback":false,
			"current":{"text":"{\"username\":\"app\",\"password\":\"` + canary + `\"}"},"pending":{"text":"{\"username\":\"app\",\"password\":\"` + fresh + `\"}"},"previous":{"base64":"/wA="}`
		if name != "test" {
			text += `,"master":{"text":"` + masters + `"}`
		}
		if err := json.Unmarshal([]byte(text+"}"), &want); err != nil {
			t.Fatal(err)
		}
		if a, b := mustJSON(t, got), mustJSON(t, want); a != b {
			t.Errorf("%s: got\n%s, want\n%s", name, a, b)
		}
		args, _ := os.ReadFile(filepath.Join(dir, "args"))
		if string(args) != c.Command.Args[0]+" -x a b; c\n" {
			t.Errorf("arguments %s", args)
		}
		env, _ := os.ReadFile(filepath.Join(dir, "env"))
		pwd, _ := os.ReadFile(filepath.Join(dir, "pwd"))
		if bytes.Contains(env, []byte("CANARY")) || !bytes.Contains(env, []byte("OUT="+dir)) || bytes.Contains(pwd, []byte(dir)) {
			t.Errorf("environment:\n%s", env)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAProgramMakesTheValueOrLeavesThatToUs(t *testing.T) {
	for script, want := range map[string]secret.Value{
		`printf %s '{"value":{"text":"` + fresh + `\n"}}'`: text(fresh + "\n"),
		`printf '{"value":{"base64":"/wA="}}'`:             secret.Binary([]byte{0xff, 0}),
		`printf ' {} \n'`:                                  text("generated"),
		``:                                                 text("generated"),
		`exit 64`:                                          text("generated"),
	} {
		c := change(t, "cat >/dev/null\n"+script)
		c.Pending = secret.Value{}
		v, err := engine().Next(t.Context(), c)
		if err != nil || !v.Equal(want) {
			t.Errorf("%s: %d bytes, %v", script, v.Size(), err)
		}
	}
	c := change(t, "exit 64")
	c.Strategy = rotate.AlternatingUsers
	if _, err := engine().Next(t.Context(), c); err == nil || !strings.HasPrefix(err.Error(), `run "rotate-app": with alternating-users the step next has to answer with a value`) {
		t.Errorf("error %v", err)
	}
}

func TestWhatAProgramAnswersHasOneMeaning(t *testing.T) {
	both := []string{"set", "undo"}
	for name, c := range map[string]struct {
		script string
		want   string
		kind   error    // in all steps
		lost   []string // the steps in which it is ErrLost
	}{
		"denied":              {`echo '{"denied":true}'`, "the credential is refused", rotate.ErrDenied, nil},
		"denied by its code":  {`echo ` + canary + ` >&2; exit 10`, "the credential is refused", rotate.ErrDenied, nil},
		"away":                {`echo '{"away":true}'`, "the service can't be reached", rotate.ErrAway, nil},
		"away by its code":    {`exit 11`, "the service can't be reached", rotate.ErrAway, nil},
		"lost":                {`echo '{"lost":true}'`, "the service may accept neither credential", rotate.ErrLost, nil},
		"lost by its code":    {`exit 12`, "the service may accept neither credential", rotate.ErrLost, nil},
		"a failure":           {`cat; exit 1`, "exit code 1 in the step STEP", nil, both},
		"a signal":            {`cat >&2; kill -TERM $$`, "ended by a signal: signal: terminated", nil, both},
		"half an object":      {`printf '{"value":{"text":"` + canary + `'`, "the answer is not the JSON object of this protocol", nil, both},
		"rubbish":             {`echo ` + canary, "the answer is not the JSON object of this protocol", nil, both},
		"what it was given":   {`cat`, "the answer is not the JSON object of this protocol", nil, both},
		"null":                {`echo null`, "the answer is not the JSON object of this protocol", nil, both},
		"a list":              {`echo [1]`, "the answer is not the JSON object of this protocol", nil, both},
		"an unknown member":   {`echo '{"error":"` + canary + `"}'`, "the answer is not the JSON object of this protocol", nil, both},
		"two objects":         {`echo '{}{"value":"` + canary + `"}'`, "the answer has something after its JSON object", nil, both},
		"not UTF-8":           {`printf '{"value":{"text":"\377"}}'`, "the answer is not UTF-8", nil, both},
		"two things":          {`echo '{"denied":true,"away":true}'`, "the answer contradicts itself", nil, both},
		"a value and refusal": {`echo '{"denied":true,"value":{"text":"` + canary + `"}}'`, "the answer contradicts itself", nil, both},
		"endless":             {`while :; do echo ` + canary + `; done`, "more than 524288 bytes on its standard output", nil, both},
	} {
		t.Run(name, func(t *testing.T) {
			ch := change(t, c.script)
			e := engine()
			all := steps(e)
			all["next"] = func(ctx context.Context, c rotate.Change) error { _, err := e.Next(ctx, c); return err }
			for step, do := range all {
				err := do(t.Context(), ch)
				if err == nil || !strings.HasPrefix(err.Error(), `run "rotate-app": `+strings.Replace(c.want, "STEP", step, 1)) || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("%s: error %v", step, err)
				}
				if c.kind != nil && !errors.Is(err, c.kind) {
					t.Errorf("%s: %v is not %v", step, err, c.kind)
				}
				lost := errors.Is(c.kind, rotate.ErrLost)
				for _, s := range c.lost {
					lost = lost || s == step
				}
				if errors.Is(err, rotate.ErrLost) != lost {
					t.Errorf("%s: lost is %t", step, !lost)
				}
			}
		})
	}
}

func TestAValueOfAnAnswerMustBeOneThatFits(t *testing.T) {
	for script, want := range map[string]string{
		`echo '{"value":{}}'`: "has not one of text and base64",
		`echo '{"value":{"text":"` + canary + `","base64":"YQ=="}}'`:                                        "has not one of text and base64",
		`echo '{"value":{"base64":"` + canary + `!"}}'`:                                                     "is not base64",
		`echo '{"value":{"text":""}}'`:                                                                      "is empty",
		`printf '{"value":{"text":"'; head -c 65537 /dev/zero | tr '\0' 'a'; printf '"}}'`:                  "is larger than 65536 bytes",
		`echo '{"value":{"text":"{\"username\":\"app\",\"password\":\"` + canary + `\"}"}}'`:                "is the current one",
		`printf '{"value":{"text":"` + strings.Repeat("x", 10) + `"}}'; exit 3`:                             "exit code 3 in the step next",
		`echo '{"value":"` + canary + `"}'`:                                                                 "is not the JSON object of this protocol",
		`echo '{"denied":"` + canary + `"}'`:                                                                "is not the JSON object of this protocol",
		`echo '{"value":{"text":"a"},"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}'`: "is not the JSON object of this protocol",
	} {
		_, err := engine().Next(t.Context(), change(t, "cat >/dev/null\n"+script))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%.60s: error %v", script, err)
		}
	}
	if err := engine().Set(t.Context(), change(t, `echo '{"value":{"text":"a"}}'`)); err == nil || !strings.Contains(err.Error(), "has a value, which the step set has not") {
		t.Errorf("error %v", err)
	}
}

func TestAStepThatAProgramDoesNotDoIsAnErrorUnlessItIsDone(t *testing.T) {
	for name, do := range steps(engine()) {
		err := do(t.Context(), change(t, "exit 64"))
		if (err == nil) != (name == "done") || errors.Is(err, rotate.ErrLost) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAProgramThatNeverRanHasChangedNothing(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`run "": not started: no program is named`:               nil,
		`run "none": not started: no such file or directory`:     {"/nonexistent/none"},
		`run "plain": not started: permission denied`:            {plain},
		`run "no-such-program": not started: executable file no`: {"no-such-program"},
	} {
		c := change(t, "")
		c.Command.Args = args
		for name, do := range steps(engine()) {
			if err := do(t.Context(), c); err == nil || !strings.HasPrefix(err.Error(), want) || errors.Is(err, rotate.ErrLost) {
				t.Errorf("%s: error %v", name, err)
			}
		}
	}
	c := change(t, "")
	c.Master = func(context.Context) (secret.Value, error) { return secret.Value{}, errors.New("no master") }
	if err := engine().Set(t.Context(), c); err == nil || err.Error() != "no master" {
		t.Errorf("error %v", err)
	}
	if err := engine().Test(t.Context(), c); err != nil {
		t.Errorf("a test needs no master: %v", err)
	}
	c.Settings.Master = nil // the secret names one, and the configuration does not
	if err := engine().Set(t.Context(), c); err != nil {
		t.Errorf("a master that the secret itself names was asked for: %v", err)
	}
}

func TestAProgramThatHangsIsEndedAndNobodyKnowsWhatItDid(t *testing.T) {
	c := change(t, "sleep 1000 & cat >/dev/null; wait")
	c.Command.Timeout = 200 * time.Millisecond
	if err := engine().Set(t.Context(), c); !errors.Is(err, rotate.ErrLost) || !errors.Is(err, rotate.ErrAway) || !strings.Contains(err.Error(), "no end within 200ms") {
		t.Errorf("error %v", err)
	}
	if err := engine().Test(t.Context(), c); errors.Is(err, rotate.ErrLost) || !errors.Is(err, rotate.ErrAway) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	c.Command.Timeout = 0
	if err := engine().Test(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestWhatAProgramSaysIsShownAtDebugLevelAndNoValueWithIt(t *testing.T) {
	script := `in=$(cat)
echo "connecting to db.example.com" >&2
echo "$in" >&2
echo "password=` + fresh[:9] + `" >&2
echo "done	at last" >&2
echo '{"value":{"text":"NEW-VALUE-1"}}'
echo "made NEW-VALUE-1" >&2`
	for level, lines := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 5} {
		var log bytes.Buffer
		e := command.New(command.Options{Generate: maker{}, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))})
		c := change(t, script)
		if _, err := e.Next(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		out := log.String()
		if n := strings.Count(out, "rotation program"); n != lines || strings.Contains(out, "CANARY") || strings.Contains(out, "NEW-VALUE") {
			t.Errorf("%d lines:\n%s", n, out)
		}
		if lines > 0 && (!strings.Contains(out, `says="connecting to db.example.com"`) || !strings.Contains(out, `says="done at last"`) || strings.Count(out, "a part of a value") != 3) {
			t.Errorf("got:\n%s", out)
		}
	}
}
