package storetest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	dir := componentDir(t, "vault", vaultVersion)
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
	dir, home := componentDir(t, "vault", vaultVersion), t.TempDir()
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
