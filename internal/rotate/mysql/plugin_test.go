package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/mysql"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

// plugin installs one until the test ends.
func plugin(t *testing.T, root *sql.DB, name string) {
	t.Helper()
	rotatetest.Plugin(t, func(statement string) error {
		_, err := root.ExecContext(context.Background(), statement)
		return err
	}, name)
}

func connect(t *testing.T, s *rotatetest.Server, user, password string) error {
	t.Helper()
	got, err := mysql.Login{MariaDB: true}.Connect(t.Context(), s.Credential(t, user, password), s.TLS())
	if err == nil {
		got.Close(t.Context())
	}
	return err
}

func TestPluginsOfMariaDB(t *testing.T) {
	s := rotatetest.MariaDB(t)
	root := as(t, s, s.User, s.Password)

	t.Run("AServerThatValidatesPasswordsIsSentThemOverTLS", func(t *testing.T) {
		create(t, s, "strict", "x")
		plugin(t, root, "simple_password_check")
		const one, two, three = "cAnAry-1 o'ne\\", "cAnAry-2 two", "cAnAry-3 three"
		m := session(t, s, s.User, s.Password)
		if err := errors.Join(session(t, s, "strict", "x").SetPassword(t.Context(), "strict", one), connect(t, s, "strict", one)); err != nil {
			t.Error(err)
		}
		if err := errors.Join(m.SetPassword(t.Context(), "strict", two), connect(t, s, "strict", two)); err != nil {
			t.Error(err)
		}
		for _, password := range []string{one, three} { // it is created, and altered
			if err := errors.Join(m.SetClone(t.Context(), "strict", "strict_clone", password), use(s, "strict_clone", password, "strict")); err != nil {
				t.Error(err)
			}
		}
		err := m.SetPassword(t.Context(), "strict", "canary")
		if err == nil || errors.Is(err, rotate.ErrAway) || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "policy") {
			t.Errorf("got the error %v", err)
		}
	})

	t.Run("WithoutTLSNoPasswordIsSentToBeValidated", func(t *testing.T) {
		plugin(t, root, "simple_password_check")
		do(t, root, "CREATE USER plain@'%' IDENTIFIED BY 'cAnAry-1 one'")
		m, err := mysql.Login{}.Connect(t.Context(), s.Credential(t, "plain", "cAnAry-1 one"), rotate.TLS{Mode: "disable"})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close(t.Context())
		err = m.SetPassword(t.Context(), "plain", "cAnAry-0 two")
		if !errors.Is(err, rotate.ErrForm) || !strings.Contains(err.Error(), "strict_password_validation") || strings.Contains(err.Error(), "cAnAry") {
			t.Errorf("got the error %v", err)
		}
		if strings.Contains(s.Log(t), "cAnAry-0") {
			t.Error("the password was sent")
		}
	})

	t.Run("WhoHasSeveralPasswordsIsLeftAlone", func(t *testing.T) {
		plugin(t, root, "auth_ed25519")
		do(t, root, "CREATE USER several@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('x') OR ed25519 USING PASSWORD('x')", "CREATE USER several@'127.0.0.2' IDENTIFIED BY 'x'",
			"CREATE USER socket_too@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('x') OR unix_socket",
			"CREATE USER socket_first@'%' IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('x')", "CREATE USER backwards@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x') OR mysql_native_password USING PASSWORD('x')")
		const all = "SELECT CONCAT(User, Host, Priv) FROM mysql.global_priv WHERE User LIKE 'several%' OR User = 'backwards'"
		before := strings.Join(column(t, root, all), "\n")
		m := session(t, s, s.User, s.Password)
		for _, err := range []error{
			m.SetPassword(t.Context(), "several", "y"), m.SetClone(t.Context(), "several", "several_clone", "y"), session(t, s, "several", "x").SetPassword(t.Context(), "several", "y"),
			m.SetPassword(t.Context(), "backwards", "y"), m.SetPassword(t.Context(), "socket_first", "y"), connect(t, s, "backwards", "wrong"),
		} {
			if !errors.Is(err, rotate.ErrForm) {
				t.Errorf("got the error %v", err)
			}
		}
		if after := strings.Join(column(t, root, all), "\n"); after != before {
			t.Errorf("it was\n%s\nand is\n%s", before, after)
		}
		if err := errors.Join(m.SetPassword(t.Context(), "socket_too", "y"), connect(t, s, "socket_too", "y"), m.SetClone(t.Context(), "socket_too", "socket_too_clone", "z"), connect(t, s, "socket_too_clone", "z")); err != nil {
			t.Error(err)
		}
	})

	t.Run("ACloneComesIntoLineWithWhatItsBaseNoLongerHas", func(t *testing.T) {
		plugin(t, root, "auth_ed25519")
		create(t, s, "line", "x")
		m := session(t, s, s.User, s.Password)
		const usual = "REQUIRE NONE WITH MAX_USER_CONNECTIONS 0 MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 MAX_STATEMENT_TIME 0 ACCOUNT UNLOCK PASSWORD EXPIRE DEFAULT"
		for _, options := range []string{
			"WITH MAX_USER_CONNECTIONS 1 ACCOUNT LOCK", "WITH MAX_USER_CONNECTIONS 0 ACCOUNT UNLOCK PASSWORD EXPIRE NEVER", usual,
			"REQUIRE ISSUER 'WITH ACCOUNT' AND SUBJECT 'y' WITH MAX_QUERIES_PER_HOUR 7 MAX_STATEMENT_TIME 1.5 ACCOUNT LOCK PASSWORD EXPIRE INTERVAL 9 DAY", "REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 8 MAX_STATEMENT_TIME 0",
			"IDENTIFIED VIA ed25519 USING PASSWORD('x') " + usual, "IDENTIFIED VIA mysql_native_password USING PASSWORD('x')",
		} {
			do(t, root, "ALTER USER line@'%' "+options)
			if err := m.SetClone(t.Context(), "line", "line_clone", "y"); err != nil {
				t.Fatal(err)
			}
			members := func(user string) string {
				got := column(t, root, "SELECT CONCAT(k, '=', JSON_EXTRACT(Priv, CONCAT('$.', k))) FROM mysql.global_priv, JSON_TABLE(JSON_KEYS(Priv), '$[*]' COLUMNS (k VARCHAR(64) PATH '$')) j "+
					"WHERE User = "+quote(user)+" AND k NOT IN ('authentication_string', 'password_last_changed', 'version_id', 'access') AND JSON_EXTRACT(Priv, CONCAT('$.', k)) NOT IN ('0', 'false', '0.0', '0.000000', '-1', '\"\"')")
				return strings.Join(got, "\n")
			}
			if got, want := members("line_clone"), members("line"); got != want {
				t.Errorf("after %s the clone has\n%s\nits base\n%s", options, got, want)
			}
		}
		if err := errors.Join(connect(t, s, "line", "x"), connect(t, s, "line_clone", "y")); err != nil {
			t.Error(err)
		}
	})

	t.Run("AServerThatIsReadOnlyIsAway", func(t *testing.T) {
		create(t, s, "reader_only", "x")
		do(t, root, "SET GLOBAL read_only = ON")
		defer do(t, root, "SET GLOBAL read_only = OFF")
		if err := session(t, s, "reader_only", "x").SetPassword(t.Context(), "reader_only", "y"); !errors.Is(err, rotate.ErrAway) {
			t.Errorf("got the error %v", err)
		}
	})
}
