//go:build unix

package program_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/program"
)

const canary = "CANARY-1d0c-44fb"

func sh(script string) program.Program {
	return program.Program{Args: []string{"/bin/sh", "-c", script, "x"}, MaxOutput: 1000, MaxErrors: 100}
}

func TestAProgramGetsItsInputAndAnyExitCodeIsAResult(t *testing.T) {
	p := sh("cat; echo said >&2; exit 7")
	p.Stdin = []byte(canary)
	r, err := p.Run(t.Context())
	if err != nil || r.Code != 7 || string(r.Stdout) != canary || string(r.Stderr) != "said\n" || r.Cut {
		t.Errorf("%d, %d bytes, %v", r.Code, len(r.Stdout), err)
	}
	p = program.Program{Args: []string{"/bin/sh", "-c", "yes | head -c 3000000"}}
	if r, err = p.Run(t.Context()); err != nil || r.Code != 0 || r.Stdout != nil || p.Name() != "sh" {
		t.Errorf("%+v, %v", r, err)
	}
	p = sh("yes >&2 | head -c 3000000 >&2")
	p.Args[2] = "yes | head -c 3000000 >&2"
	if r, err = p.Run(t.Context()); err != nil || len(r.Stderr) != 100 || !r.Cut {
		t.Errorf("%d bytes, %v", len(r.Stderr), err)
	}
}

func TestAProgramThatReadsNothingIsNoError(t *testing.T) {
	p := sh("exit 0")
	p.Stdin = bytes.Repeat([]byte("x"), 1<<20)
	if _, err := p.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatGoesWrongWithAProgramIsSaidWithoutWhatItPrinted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		p       program.Program
		want    string
		started bool
	}{
		"none":           {program.Program{}, "not started: no program is named", false},
		"missing":        {program.Program{Args: []string{"/nonexistent/" + canary}}, "not started: no such file or directory", false},
		"not in PATH":    {program.Program{Args: []string{"secretsync-no-such-program"}}, "not started: executable file not found in $PATH", false},
		"no permission":  {program.Program{Args: []string{file, canary}}, "not started: permission denied", false},
		"a signal":       {sh("echo " + canary + " >&2; kill -9 $$"), "ended by a signal: signal: killed", true},
		"too much":       {sh("while :; do echo " + canary + "; done"), "more than 1000 bytes on its standard output", true},
		"left behind":    {sh("sleep 100 & echo " + canary), "it ended, and a process that it started keeps its output open", true},
		"too much later": {sh("(trap '' PIPE; while :; do echo " + canary + "; done); sleep 100"), "more than 1000 bytes on its standard output", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.p.Run(t.Context())
			if err == nil || err.Error() != c.want || errors.Is(err, program.ErrNotStarted) == c.started || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestAProgramThatTakesTooLongIsKilledWithAllItStarted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for range 1000 {
			if data, err := os.ReadFile(file); err == nil && bytes.HasSuffix(data, []byte("\n")) {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	p := sh("sleep 1000 & echo $! > " + file + "; wait")
	if _, err := p.Run(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, program.ErrNotStarted) {
		t.Fatalf("error %v", err)
	}
	endsSoon(t, file)
}

func TestWhatAProgramLeavesBehindAtItsOutputIsKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	if _, err := sh("sleep 1000 & echo $! > " + file).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "keeps its output open") {
		t.Errorf("error %v", err)
	}
	endsSoon(t, file)
}

// endsSoon waits for the end of the process whose id is in a file.
func endsSoon(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if gone(child) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("a child of the program lives on")
}

// gone reports whether a process has ended, even where nobody has asked for its end yet.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(data), ") Z ")
}
