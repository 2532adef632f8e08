package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// componentDir returns the folder with the programs that test/components/NAME/build.sh builds, and builds them first where they are required.
func componentDir(t *testing.T, name, version string) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	dir := filepath.Join(cache, "secretsync-test", name+"-"+version)
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil { //nolint:gosec // a folder of the user's own
		return dir
	}
	if !Required(name) {
		t.Skipf("run test/components/%s/build.sh, or set SECRETSYNC_TEST_REQUIRE=%[1]s, to test against the real one", name)
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), filepath.Join(root, "test", "components", name, "build.sh")) //nolint:gosec // a script of this module
	var log strings.Builder
	build.Stderr = &log
	if err := build.Run(); err != nil {
		t.Fatalf("%s is required, and can't be built: %v\n%s", name, err, log.String())
	}
	return dir
}

// moduleRoot returns the folder of go.mod, above the one that tests run in.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.mod")); statErr == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod above the tests")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// run starts a program whose home is a folder of its own. stop, which is never nil, ends it and waits.
func run(ctx context.Context, home, program string, args ...string) (stop func(), err error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the tests' own server
	cmd.Dir = home                                    // what it prints goes nowhere: a pipe would stay open with the plugins
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "VAULT_DISABLE_MLOCK=true"}
	if err := cmd.Start(); err != nil {
		return func() {}, err
	}
	return func() {
		_ = cmd.Process.Signal(os.Interrupt) // it ends its plugins; it may have ended already
		late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait() // its exit code says nothing
	}, nil
}

func await(ctx context.Context, url string) error {
	for range 600 {
		if answers(ctx, url) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer", url)
}

func awaitPort(ctx context.Context, addr string) error {
	for range 600 {
		if dials(ctx, addr) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer", addr)
}

func dials(ctx context.Context, addr string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
