package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

func TestRedshiftGetsItsOwnVerifierAndMakesNoClones(t *testing.T) {
	server := rotatetest.Postgres(t) // it keeps such verifiers too
	got, err := Login{Redshift: true}.Connect(t.Context(), server.Credential(t, server.User, server.Password).With("dbname", "postgres"), server.TLS())
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close(t.Context())
	s := got.(*session)
	s.redshift, s.scram = true, false
	if err := s.run(t.Context(), "create the base", `CREATE ROLE app LOGIN`); err != nil {
		t.Fatal(err)
	}
	if err := s.SetClone(t.Context(), "app", "app_clone", "x"); !errors.Is(err, rotate.ErrForm) || !strings.Contains(err.Error(), `create it once, in the groups of "app"`) {
		t.Errorf("got the error %v", err)
	}
	if err := s.SetClone(t.Context(), "app_clone", "app", "x"); !errors.Is(err, rotate.ErrForm) || !strings.Contains(err.Error(), `no user "app_clone"`) {
		t.Errorf("got the error %v", err)
	}
	if err := errors.Join(s.run(t.Context(), "create the clone", `CREATE ROLE app_clone LOGIN`), s.SetClone(t.Context(), "app", "app_clone", "y"), s.SetPassword(t.Context(), "app", "x")); err != nil {
		t.Fatal(err)
	}
	found, err := s.query(t.Context(), "look", "SELECT rolname || ' ' || rolpassword FROM pg_catalog.pg_authid WHERE rolname LIKE 'app%' ORDER BY rolname")
	if err != nil {
		t.Fatal(err)
	}
	for i, user := range []string{"app", "app_clone"} {
		if want := user + " " + md5Verifier(user, map[string]string{"app": "x", "app_clone": "y"}[user]); found.text(i, 0) != want {
			t.Errorf("got %s, want %s", found.text(i, 0), want)
		}
	}
	member, err := s.query(t.Context(), "look", "SELECT 1 FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member WHERE r.rolname = 'app_clone'")
	if err != nil || len(member) != 0 {
		t.Errorf("it was made a member: %v, %v", member, err)
	}
}
