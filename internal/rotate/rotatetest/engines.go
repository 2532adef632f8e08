package rotatetest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// root is the password of who may do everything; it is nobody's secret.
const root = "the root of tests"

// Postgres starts a PostgreSQL that asks everybody for a password (SCRAM-SHA-256) and writes down every statement. Databases are made by the tests; there is "postgres".
// With Start(t, "-c", "ssl=off") it speaks no TLS.
func Postgres(t *testing.T) *Server {
	t.Helper()
	s, programs := find(t, "postgres", "postgres", "initdb")
	s.User, s.Password, s.program, s.stop, s.ready = "postgres", root, programs[0], syscall.SIGINT, "database system is ready to accept connections"
	s.give(t, "password", root+"\n")
	s.do(t, programs[1], "--pgdata="+s.file("data"), "--username="+s.User, "--pwfile="+s.file("password"), "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync")
	s.args = []string{"-D", s.file("data"), "-F"}
	for name, value := range map[string]string{
		"listen_addresses": s.Host, "port": strconv.Itoa(s.Port), "unix_socket_directories": "",
		"ssl": "on", "ssl_cert_file": s.file("server.pem"), "ssl_key_file": s.file("server.key"), "log_statement": "all", "log_connections": "on",
	} {
		s.args = append(s.args, "-c", name+"="+value)
	}
	s.Start(t)
	return s
}

// MariaDB starts a MariaDB that writes down every statement. With Start(t, "--skip-ssl") it speaks no TLS. SECRETSYNC_TEST_MARIADB_PLUGINS is the folder of its plugins, where that is not the
// server's own.
func MariaDB(t *testing.T) *Server {
	t.Helper()
	s, programs := find(t, "mariadb", "mariadbd", "mariadb-install-db")
	s.User, s.Password, s.program, s.stop, s.ready = "admin", root, programs[0], syscall.SIGTERM, "ready for connections"
	s.do(t, programs[1], "--no-defaults", "--datadir="+s.file("data"), "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	s.give(t, "init.sql", "CREATE USER IF NOT EXISTS 'admin'@'%' IDENTIFIED BY '"+root+"';\nGRANT ALL PRIVILEGES ON *.* TO 'admin'@'%' WITH GRANT OPTION;\n")
	s.args = []string{
		"--no-defaults", "--datadir=" + s.file("data"), "--socket=" + s.file("socket"), "--pid-file=" + s.file("pid"), "--init-file=" + s.file("init.sql"),
		"--bind-address=" + s.Host, "--port=" + strconv.Itoa(s.Port), "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
		"--ssl-cert=" + s.file("server.pem"), "--ssl-key=" + s.file("server.key"), "--general-log", "--general-log-file=" + s.file("statements"),
	}
	if dir := os.Getenv("SECRETSYNC_TEST_MARIADB_PLUGINS"); dir != "" {
		s.args = append(s.args, "--plugin-dir="+dir)
	}
	s.Start(t)
	return s
}

// Plugin installs a plugin, such as auth_ed25519, over a session of root's, and removes it when the test ends. Debian has plugins in mariadb-server, and the server in mariadb-server-core: where
// the plugin is missing the test is skipped, and fails where SECRETSYNC_TEST_REQUIRE has mariadb in it.
func Plugin(t *testing.T, do func(statement string) error, name string) {
	t.Helper()
	if err := do("INSTALL SONAME '" + name + "'"); err != nil {
		if storetest.Required("mariadb") {
			t.Fatalf("mariadb is required, and its plugin %s is not here: install mariadb-server, or set SECRETSYNC_TEST_MARIADB_PLUGINS to the folder of its plugins: %v", name, err)
		}
		t.Skipf("install mariadb-server to test with the plugin %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := do("UNINSTALL SONAME '" + name + "'"); err != nil {
			t.Errorf("remove the plugin %s: %v", name, err)
		}
	})
}

// Redis starts a Redis that keeps its users in a file and notes every command (SLOWLOG). With Start(t, "--aclfile", "") it keeps them nowhere; with
// Start(t, "--tls-port", "0", "--port", PORT) it speaks no TLS.
func Redis(t *testing.T) *Server {
	t.Helper()
	s, programs := find(t, "redis", "redis-server")
	s.User, s.Password, s.program, s.stop, s.ready = "default", root, programs[0], syscall.SIGTERM, "eady to accept connections"
	s.give(t, "users.acl", fmt.Sprintf("user default on #%x ~* &* +@all\n", sha256.Sum256([]byte(root))))
	s.args = []string{
		"--bind", s.Host, "--port", "0", "--tls-port", strconv.Itoa(s.Port), "--tls-cert-file", s.file("server.pem"), "--tls-key-file", s.file("server.key"),
		"--tls-ca-cert-file", s.CA, "--tls-auth-clients", "no", "--aclfile", s.file("users.acl"), "--dir", s.home, "--save", "", "--appendonly", "no",
		"--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000",
	}
	s.Start(t)
	return s
}

// give puts a file into the server's folder that it may read and write.
func (s *Server) give(t *testing.T, name, text string) {
	t.Helper()
	err := os.WriteFile(s.file(name), []byte(text), 0o600)
	if err == nil {
		err = giveAway(s.file(name))
	}
	if err != nil {
		t.Fatal(err)
	}
}
