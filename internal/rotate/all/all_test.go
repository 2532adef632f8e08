package all_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	mariadb "github.com/go-sql-driver/mysql"
	redigo "github.com/gomodule/redigo/redis"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/all"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
	"github.com/secretsync-dev/secretsync/internal/rotate/mysql"
	"github.com/secretsync-dev/secretsync/internal/rotate/postgres"
	"github.com/secretsync-dev/secretsync/internal/rotate/redis"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/mem"
)

const (
	canary     = "cAnAry"
	secretName = "rds/app"
)

// house is a real server, a secret for it in a store, and somebody who rotates.
type house struct {
	server  *rotatetest.Server
	login   rotate.Login
	place   *mem.Place
	rotator *rotate.Rotator
	secret  rotate.Secret
	master  string // the master's password, as its secret has it
	lock    sync.Mutex
	said    bytes.Buffer
}

func (h *house) Write(p []byte) (int, error) {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.said.Write(p)
}

func (h *house) value(user, password string) secret.Value {
	data, err := json.Marshal(map[string]any{"engine": h.server.Engine, "host": h.server.Host, "port": h.server.Port, "username": user, "password": password, "masterarn": "arn:master"})
	if err != nil {
		panic(err)
	}
	return secret.Text(data)
}

// move returns a house with a user of its own at the server.
func move(t *testing.T, server *rotatetest.Server, l rotate.Login, user string, strategy rotate.Strategy) *house {
	t.Helper()
	h := &house{server: server, login: l, place: mem.New(secret.Place{Account: "111122223333", Region: "us-east-1"}), master: server.Password}
	create(t, server, l, user, canary+"-0")
	h.place.Put(secretName, h.value(user, canary+"-0"))
	log := slog.New(slog.NewTextHandler(h, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.rotator = &rotate.Rotator{Engines: all.Engines(all.Options{Log: log}), Owner: "me", Log: log}
	h.secret = rotate.Secret{Store: "hub", Name: secretName, At: h.place.Rotation(), Settings: rotate.Settings{Strategy: strategy, TLS: server.TLS()}}
	h.secret.Lookup = func(context.Context, *store.Ref, string) (secret.Value, error) {
		return h.value(server.User, h.master), nil
	}
	return h
}

// asRoot does a statement as the server's root, with a client of its own.
func asRoot(t *testing.T, s *rotatetest.Server, statement string) {
	t.Helper()
	config, err := login.TLS(s.TLS(), s.Host)
	if err != nil {
		t.Fatal(err)
	}
	switch s.Engine {
	case "postgres":
		var c *pgconn.Config
		if c, err = pgconn.ParseConfig("host=localhost user=x"); err != nil {
			t.Fatal(err)
		}
		c.Host, c.Port, c.Database, c.User, c.Password, c.TLSConfig, c.Fallbacks = s.Host, uint16(s.Port), "postgres", s.User, s.Password, config, nil
		conn, err := pgconn.ConnectConfig(t.Context(), c)
		if err == nil {
			defer conn.Close(t.Context())
			err = conn.Exec(t.Context(), statement).Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	case "mariadb":
		c := mariadb.NewConfig()
		c.Net, c.Addr, c.User, c.Passwd, c.TLS = "tcp", s.Address(), s.User, s.Password, config
		connector, err := mariadb.NewConnector(c)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	case "redis":
		conn, err := redigo.Dial("tcp", s.Address(), redigo.DialUseTLS(true), redigo.DialTLSConfig(config), redigo.DialUsername(s.User), redigo.DialPassword(s.Password))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var args []any
		for a := range strings.FieldsSeq(statement) {
			args = append(args, a)
		}
		if _, err := conn.Do("ACL", args...); err != nil {
			t.Fatal(err)
		}
	}
}

// create makes a user that may change its own password.
func create(t *testing.T, s *rotatetest.Server, l rotate.Login, user, password string) {
	t.Helper()
	asRoot(t, s, map[string]string{"postgres": `CREATE ROLE "` + user + `" LOGIN`, "mariadb": "CREATE USER '" + user + "'@'%'", "redis": "SETUSER " + user + " on ~* &* +@all"}[s.Engine])
	session, err := l.Connect(t.Context(), s.Credential(t, s.User, s.Password), s.TLS())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(t.Context())
	if err := session.SetPassword(t.Context(), user, password); err != nil {
		t.Fatal(err)
	}
}

// current returns the credential that is current, and its version.
func (h *house) current(t *testing.T) (rotate.Credential, secret.Version) {
	t.Helper()
	value, version := h.place.Value(secretName)
	c, err := rotate.ParseCredential(value)
	if err != nil {
		t.Error(err)
	}
	return c, version
}

// enter logs in with what is current.
func (h *house) enter(t *testing.T) error {
	t.Helper()
	c, _ := h.current(t)
	return h.use(t, c)
}

func (h *house) use(t *testing.T, c rotate.Credential) error {
	session, err := h.login.Connect(t.Context(), c, h.server.TLS())
	if err == nil {
		session.Close(t.Context())
	}
	return err
}

type act func(*rotate.Rotator, context.Context, rotate.Secret) (rotate.Report, error)

// do acts, and tells what came of it.
func (h *house) do(t *testing.T, a act) (rotate.Outcome, error) {
	t.Helper()
	report, err := a(h.rotator, t.Context(), h.secret)
	data, jsonErr := json.Marshal(report)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	fmt.Fprintf(h, "%s\n%v\n%+v\n", data, err, report)
	return report.Outcome, err
}

func (h *house) must(t *testing.T, a act, want rotate.Outcome) {
	t.Helper()
	got, err := h.do(t, a)
	if err != nil || got != want {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
	if err := h.enter(t); err != nil {
		t.Fatalf("what is current after %q does not work: %v", want, err)
	}
}

// silent looks for passwords in all that was said.
func (h *house) silent(t *testing.T) {
	t.Helper()
	h.lock.Lock()
	defer h.lock.Unlock()
	c, _ := h.current(t)
	if said := h.said.String(); strings.Contains(said, canary) || strings.Contains(said, c.Password()) || strings.Contains(said, h.server.Password) {
		t.Errorf("a password was said: %s", said)
	}
}

var strategies = []rotate.Strategy{rotate.SingleUser, rotate.AlternatingUsers}

func TestRealServersAreRotated(t *testing.T) {
	for engine, kind := range map[string]struct {
		start   func(*testing.T) *rotatetest.Server
		login   rotate.Login
		several bool // a user may have several passwords
	}{
		"postgres": {rotatetest.Postgres, postgres.Login{}, false},
		"mariadb":  {rotatetest.MariaDB, mysql.Login{MariaDB: true}, false},
		"redis":    {rotatetest.Redis, redis.Login{}, true},
	} {
		t.Run(engine, func(t *testing.T) {
			server := kind.start(t)
			for _, strategy := range strategies {
				t.Run(string(strategy), func(t *testing.T) {
					stories(t, func(t *testing.T, user string) *house { return move(t, server, kind.login, user, strategy) }, kind.several || strategy == rotate.AlternatingUsers)
				})
			}
		})
	}
}

// stories tells what becomes of rotations; gapless says that no login with what is current ever fails.
func stories(t *testing.T, enter func(t *testing.T, user string) *house, gapless bool) {
	name := strings.NewReplacer("/", "_", "-", "_").Replace(t.Name()[strings.Index(t.Name(), "/")+1:])

	t.Run("AClientThatLogsInAllTheTime", func(t *testing.T) {
		h := enter(t, name+"_1")
		done, logins, refused := make(chan struct{}), 0, 0
		var client sync.WaitGroup
		client.Go(func() {
			for {
				c, version := h.current(t)
				err := h.use(t, c)
				if _, now := h.current(t); errors.Is(err, rotate.ErrDenied) && now == version {
					refused++
				} else if err != nil && !errors.Is(err, rotate.ErrDenied) {
					t.Errorf("%v", err)
				}
				logins++
				select {
				case <-done:
					return
				default:
				}
			}
		})
		for range 8 {
			h.must(t, (*rotate.Rotator).Rotate, rotate.Rotated)
		}
		close(done)
		client.Wait()
		t.Logf("%d logins, %d refused", logins, refused)
		if gapless && refused > 0 || logins < 8 {
			t.Errorf("of %d logins with the current credential %d were refused", logins, refused)
		}
		h.silent(t)
	})

	t.Run("ARollbackAndACancellation", func(t *testing.T) {
		h := enter(t, name+"_2")
		first, _ := h.current(t)
		h.must(t, (*rotate.Rotator).Rotate, rotate.Rotated)
		h.must(t, (*rotate.Rotator).Rollback, rotate.RolledBack)
		if c, _ := h.current(t); c.Password() != first.Password() || c.User() != first.User() {
			t.Errorf("it is %q again, not %q", c.User(), first.User())
		}
		h.must(t, (*rotate.Rotator).Cancel, rotate.Nothing)
		h.must(t, (*rotate.Rotator).Rotate, rotate.Rotated)
		h.silent(t)
	})

	t.Run("AServerThatIsAwayAndComesBack", func(t *testing.T) {
		h := enter(t, name+"_3")
		h.server.Stop(t)
		defer h.server.Start(t)
		before, _ := h.current(t)
		if got, err := h.do(t, (*rotate.Rotator).Rotate); got != rotate.Failed || !errors.Is(err, rotate.ErrAway) {
			t.Errorf("got %q, %v", got, err)
		}
		h.server.Start(t)
		if c, _ := h.current(t); c.Password() != before.Password() {
			t.Error("something became current")
		}
		if err := h.enter(t); err != nil {
			t.Error(err)
		}
		got, err := h.do(t, (*rotate.Rotator).Rotate)
		if err != nil || got != rotate.Resumed && got != rotate.Rotated {
			t.Errorf("got %q, %v", got, err)
		}
		if err := h.enter(t); err != nil {
			t.Error(err)
		}
		h.silent(t)
	})

	t.Run("AMasterWithAWrongPassword", func(t *testing.T) {
		h := enter(t, name+"_4")
		h.secret.Strategy = rotate.AlternatingUsers // the other one has no master
		h.master = canary + "-wrong"
		if got, err := h.do(t, (*rotate.Rotator).Rotate); got != rotate.Failed || !errors.Is(err, rotate.ErrDenied) || !strings.Contains(err.Error(), "master") {
			t.Errorf("got %q, %v", got, err)
		}
		if err := h.enter(t); err != nil {
			t.Error(err)
		}
		h.master = h.server.Password
		h.must(t, (*rotate.Rotator).Rotate, rotate.Resumed)
		h.silent(t)
	})

	t.Run("TwoWhoRotateAtOnce", func(t *testing.T) {
		h := enter(t, name+"_5")
		for range 3 {
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { _, _ = h.do(t, (*rotate.Rotator).Rotate) }) // one of them may be told that it was not alone
			}
			both.Wait()
			if err := h.enter(t); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := h.do(t, (*rotate.Rotator).Rotate); err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		h.silent(t)
	})
}

func TestEveryEngineHasItsNames(t *testing.T) {
	engines := all.Engines(all.Options{})
	for _, name := range strings.Fields("postgres postgresql aurora-postgresql redshift mysql mariadb aurora aurora-mysql redis valkey generate exec webhook") {
		if engines[name] == nil {
			t.Errorf("%q has no engine", name)
		}
		delete(engines, name)
	}
	if len(engines) != 0 {
		t.Errorf("there are more: %v", engines)
	}
}
