package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

// program is the name that the binary under test has in scripts; `secretsync` runs it and looks at what it printed.
const program = "secretsync-under-test"

func TestMain(m *testing.M) {
	_ = os.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+"/usr/bin"+string(os.PathListSeparator)+"/bin") // for a shell and its companions
	testscript.Main(m, map[string]func(){program: func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
		os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv, "v0.0.0-test"))
	}})
}

// TestScripts runs the stories in testdata/script, each against an AWS of its own.
//
// Beside testscript's own commands they have:
//
//	secretsync ARGS             runs the program, which must succeed; with "!" its exit code must be 1
//	exits N secretsync ARGS     runs the program, whose exit code must be N
//	put PLACE NAME [KEY=VALUE]  makes a secret with tags; PLACE is ACCOUNT/REGION
//	putfile PLACE NAME FILE     makes a secret that holds a file
//	edit PLACE NAME             gives a secret another value
//	tag PLACE NAME KEY=VALUE    tags a secret; KEY= takes the tag away
//	delete PLACE NAME           schedules a secret's deletion
//	restore PLACE NAME          takes that back
//	[!] there PLACE NAME        says whether there is such a secret, not scheduled for deletion
//	same PLACE PLACE NAME       says that both hold the same value
//	topic PLACE NAME            makes a topic
//	published PLACE NAME N [RE] says how many messages a topic got, and what the last one matches
//	parameter PLACE NAME        makes a parameter, or gives it another value
//	[!] parameter-is PLACE NAME [VALUE] says that there is a parameter, and what it holds
//	calls N OPERATION [ACCOUNT] says how many calls of an operation (a glob) there were since `forget`
//	forget                      empties the ledger of calls
//	refuse OPERATION [ACCOUNT]  has AWS deny an operation from now on; `allow` ends that
//	slow OPERATION              has an operation take half a second
//	later DURATION              moves AWS's clock
//	lag DURATION                has listings show what was there that long ago
//	interrupt                   sends SIGINT to the program in the background as soon as a slow operation was reached
//	exited N                    says what the exit code of the interrupted program was, after `wait`
//	answering                   waits until the program in the background listens at $SANDBOX
//
// Every value of `put` and `edit` is a canary: no output of the program and no file that it writes may hold one.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			w, err := newWorld(env)
			if err != nil {
				return err
			}
			env.Values[worldKey{}] = w
			env.Defer(func() { _ = w.aws.Close() })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"secretsync": func(ts *testscript.TestScript, neg bool, args []string) {
				code := exitOK
				if neg {
					code = exitNothing
				}
				run(ts, code, args)
			},
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				code, err := strconv.Atoi(args[0])
				if err != nil || neg || len(args) < 2 || args[1] != "secretsync" {
					ts.Fatalf("usage: exits N secretsync ARGS")
				}
				run(ts, code, args[2:])
			},
			"put": on((*world).put), "putfile": on((*world).putFile), "edit": on((*world).edit), "tag": on((*world).tag), "delete": on((*world).remove), "restore": on((*world).restore),
			"there": on((*world).there), "same": on((*world).same), "calls": on((*world).calls), "forget": on((*world).forget),
			"refuse": on((*world).refuse), "allow": on((*world).allow), "slow": on((*world).slow), "lag": on((*world).lag), "later": on((*world).later),
			"topic": on((*world).topic), "published": on((*world).published), "parameter": on((*world).parameter), "parameter-is": on((*world).parameterIs),
			"interrupt": on((*world).interrupt), "exited": on((*world).exited), "answering": on((*world).answering),
		},
	})
}

type worldKey struct{}

// world is what a script acts on beside the program.
type world struct {
	aws     *awslocal.Server
	written int           // values so far
	ahead   atomic.Int64  // of AWS's clock, in nanoseconds
	reached chan struct{} // a slow operation was
	stopped *exec.Cmd
}

func newWorld(env *testscript.Env) (*world, error) {
	w := &world{reached: make(chan struct{}, 100)}
	var err error
	if w.aws, err = awslocal.New(awslocal.Options{Clock: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }}); err != nil {
		return nil, err
	}
	url, err := w.aws.Listen("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer free.Close()
	env.Vars = append(env.Vars, "HOME="+env.WorkDir, "AWS_ENDPOINT_URL="+url, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=123456789012", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_EC2_METADATA_DISABLED=true", "SANDBOX="+free.Addr().String(), "HUB=123456789012/us-east-1", "ONE=111111111111/us-east-1", "TWO=222222222222/us-east-1")
	return w, nil
}

func on(do func(*world, *testscript.TestScript, bool, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		w, ok := ts.Value(worldKey{}).(*world)
		if !ok {
			ts.Fatalf("no world")
		}
		if err := do(w, ts, neg, args); err != nil {
			ts.Fatalf("%v", err)
		}
	}
}

// run runs the program and checks its exit code, and that no canary is in what it printed or wrote.
func run(ts *testscript.TestScript, want int, args []string) {
	err := ts.Exec(program, args...)
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("the exit code is %d, want %d", code, want)
	}
	noCanary(ts)
	wholeJSON(ts, args)
}

// wholeJSON checks that what was asked for as JSON is one document, or nothing at all.
func wholeJSON(ts *testscript.TestScript, args []string) {
	out := ts.ReadFile("stdout")
	if i := slices.Index(args, "-o"); i < 0 || i+1 == len(args) || args[i+1] != "json" || out == "" {
		return
	}
	if !json.Valid([]byte(out)) {
		ts.Fatalf("standard output is not one JSON document")
	}
}

func noCanary(ts *testscript.TestScript) {
	for _, stream := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(stream), canary) {
			ts.Fatalf("a value is in %s", stream)
		}
	}
	err := filepath.WalkDir(ts.Getenv("WORK"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(canary)) {
			err = fmt.Errorf("a value is in %s", path)
		}
		return err
	})
	ts.Check(err)
}

func (w *world) interrupt(ts *testscript.TestScript, _ bool, _ []string) error {
	running := ts.BackgroundCmds()
	if len(running) != 1 {
		return fmt.Errorf("%d programs are in the background, want 1", len(running))
	}
	select {
	case <-w.reached:
	case <-time.After(20 * time.Second):
		return errors.New("no slow operation was reached")
	}
	w.stopped = running[0]
	return w.stopped.Process.Signal(os.Interrupt)
}

func (w *world) exited(ts *testscript.TestScript, _ bool, args []string) error {
	if got := fmt.Sprint(w.stopped.ProcessState.ExitCode()); got != args[0] {
		return fmt.Errorf("the exit code was %s, want %s", got, args[0])
	}
	noCanary(ts)
	return nil
}

func (w *world) answering(ts *testscript.TestScript, _ bool, _ []string) error {
	w.reached <- struct{}{} // so that `interrupt` does not wait for anything else
	for range 200 {
		c, err := net.DialTimeout("tcp", ts.Getenv("SANDBOX"), time.Second)
		if err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("nobody listens there")
}
