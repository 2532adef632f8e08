// Package rotatetest starts real PostgreSQL, MariaDB and Redis servers for tests, with TLS, on loopback and a free port, and has the tests that every login passes.
package rotatetest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// A Server is a real server that ends with the test that started it. Subtests share it: each makes users of its own. It is not safe for concurrent use.
type Server struct {
	Engine         string // "postgres", "mariadb" or "redis"
	Host           string // 127.0.0.1; its certificate is for localhost too
	Port           int
	CA             string // the file with the certificate, in PEM, that the server's own is verified by
	OtherCA        string // a file with one that it is not
	User, Password string // who may do everything

	home    string
	program string
	args    []string
	ready   string // what it prints when it can be used
	stop    os.Signal
	cmd     *exec.Cmd
}

// find returns a server that is not started yet, whose folder has its certificates; nobody is the user it runs as where the tests are root. The test is skipped where the program is not
// installed, and fails where it is required: SECRETSYNC_TEST_REQUIRE has the engine's name in it.
func find(t *testing.T, engine string, programs ...string) (s *Server, paths []string) {
	t.Helper()
	for _, p := range programs {
		path, err := exec.LookPath(p)
		for _, dir := range []string{"/usr/sbin", "/usr/lib/postgresql/*/bin", "/usr/libexec"} {
			if found, globErr := filepath.Glob(filepath.Join(dir, p)); err != nil && globErr == nil && len(found) > 0 {
				path, err = found[len(found)-1], nil
			}
		}
		if err != nil {
			if storetest.Required(engine) {
				t.Fatalf("%s is required, and %s is not installed", engine, p)
			}
			t.Skipf("install %s to test against the real one", engine)
		}
		paths = append(paths, path)
	}
	home, err := os.MkdirTemp("", engine+"-test-") //nolint:usetesting // a test's own folder can't be searched by the user that the server runs as
	if err != nil {
		t.Fatal(err)
	}
	s = &Server{Engine: engine, Host: "127.0.0.1", Port: freePort(t), home: home}
	t.Cleanup(func() {
		s.end()
		if err := os.RemoveAll(home); err != nil {
			t.Errorf("the server's folder stays: %v", err)
		}
	})
	s.certify(t)
	err = filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return giveAway(path)
	})
	if err == nil {
		err = os.Chmod(home, 0o755) //nolint:gosec // the folder of a test's server: its keys are not for the world
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, paths
}

// file returns the path of a file in the server's folder.
func (s *Server) file(name string) string { return filepath.Join(s.home, name) }

// do runs a program of the server's to its end.
func (s *Server) do(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := s.command(context.Background(), program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s is here, and can't be set up: %v\n%s", s.Engine, err, out)
	}
}

func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the tests' own server
	// A folder for temporary files of its own: a MariaDB that starts removes what others have in one.
	cmd.Dir, cmd.Env = s.home, []string{"HOME=" + s.home, "TMPDIR=" + s.home, "PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	unprivileged(cmd)
	return cmd
}

// Start starts the server, if it is not running, with what else is given to it, and waits until it can be used.
func (s *Server) Start(t *testing.T, extra ...string) {
	t.Helper()
	if s.cmd != nil {
		return
	}
	log, err := os.OpenFile(s.file("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the server has it open
	before, err := log.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = s.command(context.Background(), s.program, append(s.args, extra...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		t.Fatalf("%s is here, and can't be started: %v", s.Engine, err)
	}
	for range 600 {
		data, err := os.ReadFile(s.file("log"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data[min(int(before.Size()), len(data)):], []byte(s.ready)) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s is here, and does not get ready:\n%s", s.Engine, s.Log(t))
}

// Stop stops the server, if it is running: sessions break off, and its port is closed.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	s.end()
	if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", s.Address()); err == nil {
		t.Fatalf("%s was stopped, and something answers: %v", s.Engine, conn.Close())
	}
}

func (s *Server) end() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(s.stop) // it may have ended already
	late := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Signal(syscall.SIGKILL) })
	defer late.Stop()
	_ = s.cmd.Wait() // its exit code says nothing
	s.cmd = nil
}

// Address returns "host:port".
func (s *Server) Address() string { return fmt.Sprintf("%s:%d", s.Host, s.Port) }

// Log returns what the server wrote down, every statement that it was sent included, as far as it writes down statements at all.
func (s *Server) Log(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{"log", "statements"} {
		data, err := os.ReadFile(s.file(name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing was written
	return l.Addr().(*net.TCPAddr).Port
}
