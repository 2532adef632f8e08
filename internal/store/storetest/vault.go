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

// vaultVersion is the Vault that test/components/vault/build.sh builds.
const vaultVersion = "v1.21.2"

// VaultRoot is the token that may do everything on a server that Vault or StartVault started.
const VaultRoot = "root"

// VaultServer is one real Vault that is shared by the tests of a package: its TestMain calls Close. The zero VaultServer is right; it starts with the first Addr.
type VaultServer struct {
	addr string
	stop func()
}

// Addr returns the server's address, as in "http://127.0.0.1:8200"; the token VaultRoot may do everything there, and "secret" is a KV version 2 engine.
// Where Vault has neither been built nor is required, the test is skipped; where it is required and can't be built or started, the test fails.
// It is not to be called concurrently.
func (s *VaultServer) Addr(t *testing.T) (addr string) {
	t.Helper()
	if s.addr != "" {
		return s.addr
	}
	dir := vaultDir(t)
	home, err := os.MkdirTemp("", "vault-test-") //nolint:usetesting // it outlives the test
	if err != nil {
		t.Fatal(err)
	}
	host, err := freeAddr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stop, err := run(context.WithoutCancel(t.Context()), home, filepath.Join(dir, "vault"), //nolint:contextcheck // it outlives the test
		"server", "-dev", "-dev-root-token-id="+VaultRoot, "-dev-listen-address="+host, "-dev-no-store-token", "-dev-plugin-dir="+filepath.Join(dir, "plugins"))
	s.stop = func() {
		stop()
		_ = os.RemoveAll(home) // a temporary folder
	}
	if err == nil {
		err = await(t.Context(), "http://"+host+"/v1/sys/health")
	}
	if err != nil {
		s.Close()
		t.Fatalf("vault is here, and can't be started: %v", err)
	}
	s.addr = "http://" + host
	return s.addr
}

// Close stops the server, if it was started.
func (s *VaultServer) Close() {
	if s.stop != nil {
		s.stop()
	}
	s.addr, s.stop = "", nil
}

// StartVault starts a server of its own for a test, with a configuration in HCL whose %s is the address to listen on. It is sealed and not initialized yet.
// It skips and fails as VaultServer does. scheme is that of the listener.
func StartVault(t *testing.T, scheme, configuration string) (addr string) {
	t.Helper()
	dir, home := vaultDir(t), t.TempDir()
	host, err := freeAddr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(home, "vault.hcl")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(configuration, "%s", host)), 0o600); err != nil {
		t.Fatal(err)
	}
	stop, err := run(context.WithoutCancel(t.Context()), home, filepath.Join(dir, "vault"), "server", "-config="+file)
	t.Cleanup(stop)
	if err == nil && scheme == "http" {
		err = await(t.Context(), "http://"+host+"/v1/sys/health")
	} else if err == nil {
		err = awaitPort(t.Context(), host)
	}
	if err != nil {
		t.Fatalf("vault is here, and can't be started: %v", err)
	}
	return scheme + "://" + host
}

// vaultDir returns the folder with the server and its plugins, and builds them first where they are required.
func vaultDir(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	dir := filepath.Join(cache, "secretsync-test", "vault-"+vaultVersion)
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil { //nolint:gosec // a folder of the user's own
		return dir
	}
	if !Required("vault") {
		t.Skip("run test/components/vault/build.sh, or set SECRETSYNC_TEST_REQUIRE=vault, to test against a real Vault")
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), filepath.Join(root, "test", "components", "vault", "build.sh")) //nolint:gosec // a script of this module
	var log strings.Builder
	build.Stderr = &log
	if err := build.Run(); err != nil {
		t.Fatalf("vault is required, and can't be built: %v\n%s", err, log.String())
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
