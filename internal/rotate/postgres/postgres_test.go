package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/postgres"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

// dial logs in as a client of its own does: by libpq's settings.
func dial(s *rotatetest.Server, user, password string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=postgres sslmode=verify-full sslrootcert=%s user=x password=x", s.Host, s.Port, s.CA))
	if err != nil {
		return nil, err
	}
	config.User, config.Password = user, password
	return pgx.ConnectConfig(context.Background(), config)
}

func as(t *testing.T, s *rotatetest.Server, user, password string) *pgx.Conn {
	t.Helper()
	conn, err := dial(s, user, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func do(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func text(t *testing.T, conn *pgx.Conn, query string, args ...any) string {
	t.Helper()
	var out string
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&out); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// place is the schema of a user.
func place(user string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(user))
	return fmt.Sprintf("place_%x", h.Sum32())
}

// create makes a user under a verifier that the suite's log check does not find, for the password itself is not in the statement.
func create(t *testing.T, s *rotatetest.Server, user, password string) {
	t.Helper()
	root := as(t, s, s.User, s.Password)
	verifier, err := postgres.Scram(password)
	if err != nil {
		t.Fatal(err)
	}
	do(t, root, "CREATE ROLE "+quote(user)+" LOGIN PASSWORD '"+verifier+"'", "CREATE SCHEMA "+place(user), "GRANT ALL ON SCHEMA "+place(user)+" TO "+quote(user))
}

// use makes a table, writes to whatever table there is at base's place, and reads all.
func use(s *rotatetest.Server, user, password, base string) error {
	conn, err := dial(s, user, password)
	if err != nil {
		return err
	}
	ctx := context.Background()
	defer conn.Close(ctx)
	own := place(base) + "." + place(user+"'s")
	if _, err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS "+own+" (n int)"); err != nil {
		return err
	}
	found, err := conn.Query(ctx, "SELECT tablename FROM pg_tables WHERE schemaname = $1", place(base))
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range tables {
		for _, statement := range []string{"INSERT INTO %s VALUES (1)", "SELECT n FROM %s", "ALTER TABLE %s ADD COLUMN IF NOT EXISTS m int", "DELETE FROM %s WHERE n = 1"} {
			if _, err := conn.Exec(ctx, fmt.Sprintf(statement, place(base)+"."+table)); err != nil {
				return fmt.Errorf("%s at %s: %w", statement, table, err)
			}
		}
	}
	return nil
}

func TestTheLoginPassesTheSuite(t *testing.T) {
	s := rotatetest.Postgres(t)
	rotatetest.Login(t, rotatetest.Harness{
		Login: postgres.Login{}, Server: s, Plain: []string{"-c", "ssl=off"},
		Names:  []string{`"`, `a "b" 'c' \ ; -- $$ %s é`, " app ", "Ünï 🔑", strings.Repeat("x", 56), "pg", "select", `";DROP ROLE app;--`},
		Create: func(t *testing.T, user, password string) { create(t, s, user, password) },
		Use:    func(_ *testing.T, user, password, base string) error { return use(s, user, password, base) },
	})
}

func session(t *testing.T, s *rotatetest.Server, user, password string) rotate.Session {
	t.Helper()
	got, err := postgres.Login{}.Connect(t.Context(), s.Credential(t, user, password), s.TLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close(context.Background()) })
	return got
}

func TestServersOfPostgreSQL(t *testing.T) {
	s := rotatetest.Postgres(t)
	root := as(t, s, s.User, s.Password)

	t.Run("ACloneHasTheLimitsAndSettingsOfItsBase", func(t *testing.T) {
		create(t, s, "settings", "x")
		do(t, root, "CREATE DATABASE other", "CREATE ROLE settings_member", "GRANT settings_member TO settings",
			"ALTER ROLE settings CONNECTION LIMIT 7 VALID UNTIL '2099-01-02 03:04:05+00'", `ALTER ROLE settings SET search_path TO "$user", "a, b", public`, "ALTER ROLE settings SET app.tenant TO 'it''s'",
			"ALTER ROLE settings SET statement_timeout TO '1ms'", "ALTER ROLE settings SET log_min_messages TO 'panic'", "ALTER ROLE settings IN DATABASE other SET datestyle TO 'German, DMY'",
			"ALTER ROLE settings SET session_authorization TO settings_member")
		m := session(t, s, s.User, s.Password)
		for range 2 {
			if err := m.SetClone(t.Context(), "settings", "settings_clone", "y"); err != nil {
				t.Fatal(err)
			}
			const limits = "SELECT rolconnlimit || ' ' || (rolvaliduntil = '2099-01-02 03:04:05+00') FROM pg_roles WHERE rolname = $1"
			if got := text(t, root, limits, "settings_clone"); got != "7 true" {
				t.Errorf("limits: %s", got)
			}
			const settings = "SELECT string_agg(coalesce(datname, '') || ' ' || c, '; ' ORDER BY datname, c) FROM pg_db_role_setting s CROSS JOIN unnest(setconfig) c " +
				"LEFT JOIN pg_database d ON d.oid = setdatabase WHERE setrole = $1::regrole AND c NOT LIKE 'role=%' AND c NOT LIKE 'session_auth%'"
			if got, want := text(t, root, settings, "settings_clone"), text(t, root, settings, "settings"); got != want {
				t.Errorf("settings: %s\nof the base: %s", got, want)
			}
		}
	})

	t.Run("WhatACloneMakesIsItsBases", func(t *testing.T) {
		create(t, s, "owner", "x")
		if err := session(t, s, s.User, s.Password).SetClone(t.Context(), "owner", "owner_clone", "y"); err != nil {
			t.Fatal(err)
		}
		conn := as(t, s, "owner_clone", "y")
		do(t, conn, "CREATE TABLE "+place("owner")+".t (n int)")
		if got := text(t, conn, "SELECT tableowner || ' ' || current_user || ' ' || session_user FROM pg_tables WHERE tablename = 't'"); got != "owner owner owner_clone" {
			t.Errorf("got %s", got)
		}
	})

	t.Run("WhoIsNoMemberTakesNoTurns", func(t *testing.T) {
		create(t, s, "chief", "x")
		create(t, s, "chief_clone", "x") // somebody else
		m := session(t, s, s.User, s.Password)
		for _, pair := range [][2]string{{"chief", "chief_clone"}, {"chief_clone", "chief"}} {
			err := m.SetClone(t.Context(), pair[0], pair[1], "y")
			if !errors.Is(err, rotate.ErrForm) || !strings.Contains(err.Error(), `GRANT "chief" TO "chief_clone"`) {
				t.Errorf("got the error %v", err)
			}
			session(t, s, pair[1], "x")
		}
		if got := text(t, root, "SELECT count(*)::text FROM pg_auth_members WHERE member = 'chief_clone'::regrole"); got != "0" {
			t.Error("it was made a member")
		}
		do(t, root, "GRANT chief TO chief_clone")
		for _, pair := range [][2]string{{"chief", "chief_clone"}, {"chief_clone", "chief"}} {
			if err := m.SetClone(t.Context(), pair[0], pair[1], "y"); err != nil {
				t.Error(err)
			}
			session(t, s, pair[1], "y")
		}
	})

	t.Run("ASettingThatCannotBeGivenStopsNothing", func(t *testing.T) {
		create(t, s, "bent", "x")
		do(t, root, "ALTER ROLE bent SET app.kept TO 'yes'", "ALTER ROLE bent IN DATABASE postgres SET app.too TO 'yes'",
			"UPDATE pg_db_role_setting SET setconfig = array['work_mem=cAnAry', 'never heard of=cAnAry'] || setconfig WHERE setrole = 'bent'::regrole AND setdatabase = 0")
		m := session(t, s, s.User, s.Password)
		for range 2 {
			if err := m.SetClone(t.Context(), "bent", "bent_clone", "y"); err != nil {
				t.Fatal(err)
			}
		}
		notes := strings.Join(m.(rotate.Noter).Notes(), "\n")
		if strings.Count(notes, "\n") != 1 || !strings.Contains(notes, `lacks the setting "work_mem"`) || strings.Contains(notes, "cAnAry") {
			t.Errorf("got the notes %s", notes)
		}
		conn := as(t, s, "bent_clone", "y")
		if got := text(t, conn, "SELECT current_setting('app.kept') || current_setting('app.too') || current_user"); got != "yesyesbent" {
			t.Errorf("got %s", got)
		}
	})

	t.Run("AMasterNeedNotBeASuperuser", func(t *testing.T) {
		verifier, err := postgres.Scram("m")
		if err != nil {
			t.Fatal(err)
		}
		do(t, root, "CREATE ROLE creator LOGIN CREATEROLE PASSWORD '"+verifier+"'")
		create(t, s, "humble", "x")
		m := session(t, s, "creator", "m")
		for range 2 {
			if err := m.SetClone(t.Context(), "humble", "humble_clone", "y"); err != nil {
				t.Fatal(err)
			}
			if err := m.SetPassword(t.Context(), "humble", "z"); err != nil {
				t.Fatal(err)
			}
		}
		if err := use(s, "humble_clone", "y", "humble"); err != nil {
			t.Error(err)
		}
		if err := use(s, "humble", "z", "humble"); err != nil {
			t.Error(err)
		}
		err = m.SetPassword(t.Context(), s.User, "q")
		if err == nil || !strings.Contains(err.Error(), "superuser") {
			t.Errorf("got the error %v", err)
		}
	})

	t.Run("ACloneIsMadeWholeOrNotAtAll", func(t *testing.T) {
		do(t, root, "CREATE ROLE mighty SUPERUSER LOGIN")
		if err := session(t, s, "creator", "m").SetClone(t.Context(), "mighty", "mighty_clone", "y"); err == nil {
			t.Error("who is no superuser made one")
		}
		if got := text(t, root, "SELECT count(*)::text FROM pg_roles WHERE rolname = 'mighty_clone'"); got != "0" {
			t.Error("half of it is there")
		}
	})

	t.Run("WhatOthersPutInTheSearchPathIsNotCalled", func(t *testing.T) {
		create(t, s, "trap", "x")
		do(t, root, "CREATE SCHEMA evil", "CREATE FUNCTION evil.version() RETURNS text LANGUAGE sql AS $$ SELECT 'Redshift' $$",
			"CREATE FUNCTION evil.never(name, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$",
			"CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.never)", "ALTER ROLE creator SET search_path TO evil, pg_catalog")
		if err := session(t, s, "creator", "m").SetClone(t.Context(), "trap", "trap_clone", "y"); err != nil {
			t.Error(err)
		}
	})

	t.Run("PasswordsArePreparedAsTheServerPreparesThem", func(t *testing.T) {
		create(t, s, "prepared", "x")
		m := session(t, s, s.User, s.Password)
		for _, password := range []string{"\ufb01sh", "a\u00adb", "a\u00a0b", "\u2168", "e\u0301", "\u212b", "plain", "a\u200bb", "\u0627\u0031", "\U0001f511", "a\x07b"} {
			// The server's own verifier: a login with what this package makes of the password must pass by it, and a login by the server's rule by ours.
			do(t, root, "ALTER ROLE prepared PASSWORD '"+password+"'")
			session(t, s, "prepared", password)
			if err := m.SetPassword(t.Context(), "prepared", password); err != nil {
				t.Fatal(err)
			}
			ours := session(t, s, "prepared", password)
			ours.Close(t.Context())
		}
	})

	t.Run("AUserWithSettingsOfItsOwnChangesItself", func(t *testing.T) {
		create(t, s, "own", "x")
		do(t, root, "ALTER ROLE own SET default_transaction_read_only TO on", "ALTER ROLE own SET search_path TO evil")
		if err := session(t, s, s.User, s.Password).SetClone(t.Context(), "own", "own_clone", "y"); err != nil {
			t.Fatal(err)
		}
		for _, user := range []string{"own", "own_clone"} { // the clone has become own by logging in
			if err := session(t, s, user, map[string]string{"own": "x", "own_clone": "y"}[user]).SetPassword(t.Context(), user, "z"); err != nil {
				t.Error(err)
			}
			session(t, s, user, "z")
		}
	})

	t.Run("AServerThatIsFullIsAway", func(t *testing.T) {
		create(t, s, "full", "x")
		do(t, root, "ALTER ROLE full CONNECTION LIMIT 1")
		session(t, s, "full", "x")
		_, err := postgres.Login{}.Connect(t.Context(), s.Credential(t, "full", "x"), s.TLS())
		if !errors.Is(err, rotate.ErrAway) {
			t.Errorf("got the error %v", err)
		}
	})

	t.Run("ADatabaseThatIsNotThereIsNoDenial", func(t *testing.T) {
		_, err := postgres.Login{}.Connect(t.Context(), s.Credential(t, s.User, s.Password).With("dbname", "none"), s.TLS())
		if !errors.Is(err, rotate.ErrForm) {
			t.Errorf("got the error %v", err)
		}
	})

	t.Run("WhoIsNotLetInFromHereIsNotDenied", func(t *testing.T) {
		create(t, s, "kept_out", "x")
		do(t, root, "CREATE TABLE hba AS SELECT n, line FROM regexp_split_to_table(pg_read_file('pg_hba.conf'), '\n') WITH ORDINALITY x(line, n) UNION ALL SELECT 0, 'host all kept_out all reject'",
			"COPY (SELECT line FROM hba ORDER BY n) TO '"+text(t, root, "SHOW data_directory")+"/pg_hba.conf'", "SELECT pg_reload_conf()")
		var err error
		for range 1000 { // the server reads it when it gets to it
			var got rotate.Session
			if got, err = (postgres.Login{}).Connect(t.Context(), s.Credential(t, "kept_out", "x"), s.TLS()); err != nil {
				break
			}
			got.Close(t.Context())
		}
		if !errors.Is(err, rotate.ErrAway) || errors.Is(err, rotate.ErrDenied) {
			t.Errorf("got the error %v", err)
		}
	})
}
