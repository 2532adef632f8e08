//go:build unix

package command_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/command"
	"github.com/secretsync-dev/secretsync/internal/rotate/generate"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// example is the program of the documentation, and the file that it keeps users in.
func example(t *testing.T) (args []string, users string) {
	t.Helper()
	python, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output() // which may be behind a slow script
	if err != nil {
		if storetest.Required("moto") { // which is a program of Python too
			t.Fatal("there is no python3")
		}
		t.Skip("there is no python3")
	}
	page, err := os.ReadFile("../../../docs/rotation-exec.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(page), "```python\n#!")
	program, _, ended := strings.Cut(after, "```\n")
	if !found || !ended {
		t.Fatal("the page has no program")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "users.py")
	users = filepath.Join(dir, "users.json")
	if err := os.WriteFile(file, []byte("#!"+program), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{strings.TrimSpace(string(python)), file, users}, users
}

func TestTheProgramOfTheDocumentationRotates(t *testing.T) {
	args, users := example(t)
	e := command.New(command.Options{Generate: generate.New()})
	c := rotate.Change{Name: "app/users", Current: text(`{"username":"app","password":"` + canary + `","keep":1}`), Settings: rotate.Settings{Command: rotate.Command{Args: args}}}
	c.Pending = c.Current
	if err := e.Test(t.Context(), c); !errors.Is(err, rotate.ErrAway) {
		t.Errorf("without its file: %v", err)
	}
	if err := os.WriteFile(users, []byte(`{"app":"00$00","other":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.Set(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	next, err := e.Next(t.Context(), c)
	if err != nil || !strings.Contains(string(next.Reveal()), `"keep":1`) || next.Equal(c.Current) {
		t.Fatalf("%v", err)
	}
	c.Pending = next
	accepts := func(which string, v secret.Value, want bool) {
		t.Helper()
		with := c
		with.Pending = v
		err := e.Test(t.Context(), with)
		if (err == nil) != want || err != nil && !errors.Is(err, rotate.ErrDenied) {
			t.Errorf("%s: %v", which, err)
		}
	}
	accepts("the new one, before it is set", next, false)
	for range 2 {
		if err := e.Set(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		accepts("the new one", next, true)
		accepts("the old one", c.Current, false)
	}
	for range 2 {
		if err := e.Undo(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		accepts("the new one, undone", next, false)
		accepts("the old one, undone", c.Current, true)
	}
	if err := e.Done(t.Context(), c); err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(users)
	if err != nil || strings.Contains(string(kept), "CANARY") || !strings.Contains(string(kept), `"other": "x"`) {
		t.Errorf("%s, %v", kept, err)
	}
	c.Pending = text(`{"username":"nobody","password":"x"}`)
	if err := e.Set(t.Context(), c); !errors.Is(err, rotate.ErrDenied) || errors.Is(err, rotate.ErrLost) {
		t.Errorf("error %v", err)
	}
}
