package all_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
	"github.com/secretsync-dev/secretsync/internal/rotate/mysql"
	"github.com/secretsync-dev/secretsync/internal/rotate/redis"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

// plugin installs one of MariaDB's until the test ends.
func plugin(t *testing.T, s *rotatetest.Server, name string) {
	t.Helper()
	tls, err := login.TLS(s.TLS(), s.Host)
	if err != nil {
		t.Fatal(err)
	}
	c := driver.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.TLS = "tcp", s.Address(), s.User, s.Password, tls
	connector, err := driver.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	rotatetest.Plugin(t, func(statement string) error {
		_, err := db.ExecContext(context.Background(), statement)
		return err
	}, name)
}

func TestAServerThatValidatesPasswordsIsRotated(t *testing.T) {
	s := rotatetest.MariaDB(t)
	for _, strategy := range strategies {
		t.Run(string(strategy), func(t *testing.T) {
			h := move(t, s, mysql.Login{MariaDB: true}, "app_"+string(strategy[0]), strategy)
			plugin(t, s, "simple_password_check")
			h.secret.Generate.RequireEach = true
			for range 3 {
				h.must(t, (*rotate.Rotator).Rotate, rotate.Rotated)
			}
			h.must(t, (*rotate.Rotator).Rollback, rotate.RolledBack)
			h.silent(t)
		})
	}
}

func TestAUserWithAPasswordForEachOfTwoPluginsIsNotRotated(t *testing.T) {
	s := rotatetest.MariaDB(t)
	plugin(t, s, "auth_ed25519")
	for user, via := range map[string]string{
		"one": "mysql_native_password USING PASSWORD('cAnAry-0') OR ed25519 USING PASSWORD('cAnAry-0')", "two": "ed25519 USING PASSWORD('cAnAry-0') OR mysql_native_password USING PASSWORD('cAnAry-0')",
	} {
		h := move(t, s, mysql.Login{MariaDB: true}, user, rotate.SingleUser)
		asRoot(t, s, "ALTER USER "+user+"@'%' IDENTIFIED VIA "+via)
		if got, err := h.do(t, (*rotate.Rotator).Rotate); got != rotate.Failed || !errors.Is(err, rotate.ErrForm) || errors.Is(err, rotate.ErrAway) || errors.Is(err, rotate.ErrLost) {
			t.Errorf("%s: got %q, %v", user, got, err)
		}
		if err := h.enter(t); err != nil {
			t.Error(err)
		}
		h.silent(t)
	}
}

func TestARotationOfAUserWhoseEveryPasswordIsTakenSaysSo(t *testing.T) {
	s := rotatetest.Redis(t)
	h := move(t, s, redis.Login{}, "app", rotate.SingleUser)
	asRoot(t, s, "SETUSER app nopass")
	h.must(t, (*rotate.Rotator).Rotate, rotate.Rotated)
	h.lock.Lock()
	defer h.lock.Unlock()
	if !strings.Contains(h.said.String(), `has the rule nopass`) {
		t.Errorf("it said %s", h.said.String())
	}
}
