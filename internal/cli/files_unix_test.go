//go:build unix

package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestASymbolicLinkStaysAndWhatItPointsToIsReplaced(t *testing.T) {
	t.Parallel()
	for _, there := range []bool{true, false} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
		file, link := filepath.Join(dir, "sub", "plan.json"), filepath.Join(dir, "link")
		if there {
			if err := os.WriteFile(file, []byte("older and longer"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(filepath.Join("sub", "plan.json"), link); err != nil {
			t.Fatal(err)
		}
		if err := writeWhole(link, []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != "new" {
			t.Errorf("the file holds %q, %v", got, err)
		}
		if to, err := os.Readlink(link); err != nil || to != filepath.Join("sub", "plan.json") {
			t.Errorf("the link is gone: %q, %v", to, err)
		}
	}
}

func TestLinksThatGoRoundAreAnError(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(link, link); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(link, []byte("new"), 0o600); err == nil {
		t.Error("written")
	}
}

// pipe makes a named pipe.
func pipe(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAPipeIsWrittenToAndNeverReplaced(t *testing.T) {
	t.Parallel()
	name := pipe(t)
	link := filepath.Join(filepath.Dir(name), "link")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		got <- string(data)
	}()
	if err := writeWhole(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe was replaced: %v, %v", info, err)
	}
	select {
	case text := <-got:
		if text != "new" {
			t.Errorf("read %q", text)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing came out of the pipe")
	}
}

func TestTheFirstInterruptEndsTheWaitForAPipe(t *testing.T) {
	t.Parallel()
	name := pipe(t)
	for _, args := range [][]string{{"validate", "-c", name}, {"apply", name}, {"sandbox", "--seed", name}} {
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		var out, errs bytes.Buffer
		code := Main(ctx, args, strings.NewReader(""), &out, &errs, noEnv, "test")
		stop()
		if code != exitInterrupted {
			t.Errorf("%v: exit code %d: %s", args, code, errs.String())
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if err := savePlan(ctx, pipe(t), nil); err == nil || ctx.Err() == nil {
		t.Errorf("a plan was saved to a pipe that nobody reads: %v", err)
	}
}
