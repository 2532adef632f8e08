package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
	"github.com/secretsync-dev/secretsync/internal/rotate/mysql"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

// dial logs in as a client of its own does.
func dial(s *rotatetest.Server, user, password string) (*sql.DB, error) {
	config := driver.NewConfig()
	tls, err := login.TLS(s.TLS(), s.Host)
	if err != nil {
		return nil, err
	}
	config.Net, config.Addr, config.User, config.Passwd, config.TLS = "tcp", s.Address(), user, password, tls
	connector, err := driver.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, db.Ping()
}

func as(t *testing.T, s *rotatetest.Server, user, password string) *sql.DB {
	t.Helper()
	db, err := dial(s, user, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func do(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// place is the database of a user.
func place(user string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user))
	return fmt.Sprintf("place_%x", h.Sum32())
}

func create(t *testing.T, s *rotatetest.Server, user, password string) {
	t.Helper()
	do(t, as(t, s, s.User, s.Password), "CREATE USER "+quote(user)+"@'%' IDENTIFIED VIA mysql_native_password USING '"+mysql.Native(password)+"'",
		"CREATE DATABASE "+place(user), "GRANT ALL ON "+place(user)+".* TO "+quote(user)+"@'%'")
}

func use(s *rotatetest.Server, user, password, base string) error {
	db, err := dial(s, user, password)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS %s.t (n int)", "INSERT INTO %s.t VALUES (1)", "UPDATE %s.t SET n = 2", "DELETE FROM %s.t WHERE n = 2", "CREATE OR REPLACE VIEW %s.v AS SELECT 1",
	} {
		if _, err := db.Exec(fmt.Sprintf(statement, place(base))); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func TestTheLoginPassesTheSuite(t *testing.T) {
	s := rotatetest.MariaDB(t)
	rotatetest.Login(t, rotatetest.Harness{
		Login: mysql.Login{MariaDB: true}, Server: s, Plain: []string{"--skip-ssl"},
		Names:  []string{"'", "a \"b\" 'c' \\ ; -- ` %s é", "a@b", "Ünï", strings.Repeat("x", 73), "%", "select", "';DROP USER app;--"},
		Create: func(t *testing.T, user, password string) { create(t, s, user, password) },
		Use:    func(_ *testing.T, user, password, base string) error { return use(s, user, password, base) },
	})
}

func session(t *testing.T, s *rotatetest.Server, user, password string) rotate.Session {
	t.Helper()
	got, err := mysql.Login{}.Connect(t.Context(), s.Credential(t, user, password), s.TLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close(context.Background()) })
	return got
}

func column(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	slices.Sort(all)
	return all
}

func TestServersOfMariaDB(t *testing.T) {
	s := rotatetest.MariaDB(t)
	root := as(t, s, s.User, s.Password)

	t.Run("ACloneHasAllThatItsBaseHas", func(t *testing.T) {
		do(t, root, "CREATE DATABASE `odd``name`", "CREATE TABLE `odd``name`.`t'x` (a int, `b c` int)", "CREATE PROCEDURE `odd``name`.p() SELECT 1", "CREATE ROLE reader", "CREATE ROLE `wri``ter`",
			"GRANT SELECT ON `odd``name`.* TO reader", "CREATE USER all_of_it@'10.%' IDENTIFIED BY 'x'",
			"CREATE USER all_of_it@'%' IDENTIFIED BY 'x' REQUIRE SSL WITH MAX_USER_CONNECTIONS 9 MAX_QUERIES_PER_HOUR 1000", "GRANT USAGE ON *.* TO all_of_it@'%' WITH GRANT OPTION",
			"GRANT SELECT, PROCESS, BINLOG MONITOR ON *.* TO all_of_it@'10.%'", "GRANT SELECT (a, `b c`), INSERT (a) ON `odd``name`.`t'x` TO all_of_it@'%' WITH GRANT OPTION",
			"GRANT EXECUTE ON PROCEDURE `odd``name`.p TO all_of_it@'%'", "GRANT ALL ON `odd\\_%`.* TO all_of_it@'%'", "GRANT reader TO all_of_it@'%'", "GRANT `wri``ter` TO all_of_it@'%' WITH ADMIN OPTION",
			"SET DEFAULT ROLE reader FOR all_of_it@'%'")
		m := session(t, s, s.User, s.Password)
		for range 2 {
			if err := m.SetClone(t.Context(), "all_of_it", "all_of_it_clone", "y"); err != nil {
				t.Fatal(err)
			}
			for _, host := range []string{"%", "10.%"} {
				for _, show := range []string{"SHOW GRANTS FOR %s@%s", "SHOW CREATE USER %s@%s"} {
					read := func(user string) string {
						all := strings.Join(column(t, root, fmt.Sprintf(show, user, quote(host))), "\n")
						return strings.NewReplacer("all_of_it_clone", "all_of_it", mysql.Native("x"), "*", mysql.Native("y"), "*", "`b c`, `a`", "`a`, `b c`").Replace(all) // columns come in any order
					}
					if got, want := read("all_of_it_clone"), read("all_of_it"); got != want {
						t.Errorf("%s: the clone has\n%s\nits base\n%s", host, got, want)
					}
				}
			}
			do(t, root, "ALTER USER all_of_it@'%' REQUIRE NONE WITH MAX_USER_CONNECTIONS 8", "GRANT DELETE ON `odd``name`.* TO all_of_it@'%'")
		}
	})

	t.Run("AUserChangesTheAccountThatItIsAndAMasterAll", func(t *testing.T) {
		do(t, root, "CREATE USER hosts@'127.0.0.1' IDENTIFIED BY 'one'", "CREATE USER hosts@'%' IDENTIFIED BY 'two'", "CREATE USER hosts@'socket' IDENTIFIED VIA unix_socket")
		passwords := func() string {
			return strings.Join(column(t, root, "SELECT CONCAT(Host, ' ', plugin, ' ', authentication_string) FROM mysql.user WHERE User = 'hosts'"), "\n")
		}
		if err := session(t, s, "hosts", "one").SetPassword(t.Context(), "hosts", "three"); err != nil {
			t.Fatal(err)
		}
		if got := passwords(); !strings.Contains(got, "% mysql_native_password "+mysql.Native("two")) || !strings.Contains(got, "127.0.0.1 mysql_native_password "+mysql.Native("three")) {
			t.Errorf("after its own change:\n%s", got)
		}
		if err := session(t, s, s.User, s.Password).SetPassword(t.Context(), "hosts", "four"); err != nil {
			t.Fatal(err)
		}
		if got := passwords(); strings.Count(got, mysql.Native("four")) != 2 || !strings.Contains(got, "socket unix_socket") {
			t.Errorf("after the master's change:\n%s", got)
		}
	})

	t.Run("WhoHasNoPasswordIsGivenNone", func(t *testing.T) {
		do(t, root, "CREATE USER sock@'%' IDENTIFIED VIA unix_socket", "CREATE ROLE sock_role")
		m := session(t, s, s.User, s.Password)
		for _, err := range []error{m.SetPassword(t.Context(), "sock", "x"), m.SetClone(t.Context(), "sock", "sock_clone", "x"), m.SetPassword(t.Context(), "sock_role", "x")} {
			if !errors.Is(err, rotate.ErrForm) {
				t.Errorf("got the error %v", err)
			}
		}
	})

	t.Run("TheServersModeOfQuotingDoesNotMatter", func(t *testing.T) {
		create(t, s, "quo'te\\", "x")
		do(t, root, "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
		defer do(t, root, "SET GLOBAL sql_mode = DEFAULT")
		m := session(t, s, s.User, s.Password)
		if err := errors.Join(m.SetClone(t.Context(), "quo'te\\", "quo'te\\_clone", `\' y`), m.SetPassword(t.Context(), "quo'te\\", `' \`)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(use(s, "quo'te\\_clone", `\' y`, "quo'te\\"), use(s, "quo'te\\", `' \`, "quo'te\\")); err != nil {
			t.Error(err)
		}
	})

	t.Run("AMasterThatMayNotGrantSaysSo", func(t *testing.T) {
		create(t, s, "granted", "x")
		do(t, root, "CREATE USER lesser@'%' IDENTIFIED BY 'm'", "GRANT CREATE USER ON *.* TO lesser@'%'")
		m := session(t, s, "lesser", "m")
		err := m.SetClone(t.Context(), "granted", "granted_clone", "y")
		if err == nil || !strings.Contains(err.Error(), "not permitted") {
			t.Errorf("got the error %v", err)
		}
		do(t, root, "GRANT SELECT ON mysql.* TO lesser@'%'")
		err = session(t, s, "lesser", "m").SetClone(t.Context(), "granted", "granted_clone", "y")
		if err == nil || !strings.Contains(err.Error(), "not permitted") {
			t.Errorf("got the error %v", err)
		}
		if err := session(t, s, s.User, s.Password).SetClone(t.Context(), "granted", "granted_clone", "z"); err != nil {
			t.Error(err)
		}
		if err := use(s, "granted_clone", "z", "granted"); err != nil {
			t.Error(err)
		}
	})

	t.Run("ALockedUserIsDeniedAndAFullServerIsAway", func(t *testing.T) {
		create(t, s, "locked", "x")
		do(t, root, "ALTER USER locked@'%' ACCOUNT LOCK")
		if _, err := (mysql.Login{}).Connect(t.Context(), s.Credential(t, "locked", "x"), s.TLS()); !errors.Is(err, rotate.ErrDenied) {
			t.Errorf("got the error %v", err)
		}
		do(t, root, "ALTER USER locked@'%' WITH MAX_USER_CONNECTIONS 1 ACCOUNT UNLOCK")
		session(t, s, "locked", "x")
		if _, err := (mysql.Login{}).Connect(t.Context(), s.Credential(t, "locked", "x"), s.TLS()); !errors.Is(err, rotate.ErrAway) {
			t.Errorf("got the error %v", err)
		}
	})

	t.Run("ADatabaseThatIsNotThereIsNoDenial", func(t *testing.T) {
		_, err := mysql.Login{}.Connect(t.Context(), s.Credential(t, s.User, s.Password).With("dbname", "none"), s.TLS())
		if !errors.Is(err, rotate.ErrForm) {
			t.Errorf("got the error %v", err)
		}
	})

	t.Run("APasswordOfEd25519IsSentAsItsKey", func(t *testing.T) {
		plugin(t, root, "auth_ed25519")
		do(t, root, "CREATE USER curve@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x')", "CREATE DATABASE "+place("curve"), "GRANT ALL ON "+place("curve")+".* TO curve@'%'")
		for _, p := range []string{"y", "'z\\ é"} {
			if err := session(t, s, "curve", map[string]string{"y": "x"}[p]+map[string]string{"'z\\ é": "y"}[p]).SetPassword(t.Context(), "curve", p); err != nil {
				t.Fatal(err)
			}
		}
		m := session(t, s, s.User, s.Password)
		for range 2 {
			if err := m.SetClone(t.Context(), "curve", "curve_clone", "k"); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(use(s, "curve_clone", "k", "curve"), use(s, "curve", "'z\\ é", "curve")); err != nil {
				t.Error(err)
			}
		}
		if got := column(t, root, "SELECT plugin FROM mysql.user WHERE User LIKE 'curve%'"); strings.Join(got, " ") != "ed25519 ed25519" {
			t.Errorf("got %s", got)
		}
	})
}
