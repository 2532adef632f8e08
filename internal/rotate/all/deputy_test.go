package all_test

import (
	"errors"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/mysql"
	"github.com/secretsync-dev/secretsync/internal/rotate/postgres"
	"github.com/secretsync-dev/secretsync/internal/rotate/redis"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

// Who may write a secret, and knows no password of the server, names somebody else's user in it.
func TestASecretWithAGuessGetsNobodysAccount(t *testing.T) {
	for engine, kind := range map[string]struct {
		start func(*testing.T) *rotatetest.Server
		login rotate.Login
		boss  string // who may do everything
	}{
		"postgres": {rotatetest.Postgres, postgres.Login{}, `CREATE ROLE boss LOGIN SUPERUSER`},
		"mariadb":  {rotatetest.MariaDB, mysql.Login{MariaDB: true}, "CREATE USER boss@'%'"},
		"redis":    {rotatetest.Redis, redis.Login{}, "SETUSER boss on ~* &* +@all"},
	} {
		t.Run(engine, func(t *testing.T) {
			s := kind.start(t)
			asRoot(t, s, kind.boss)
			root, err := kind.login.Connect(t.Context(), s.Credential(t, s.User, s.Password), s.TLS())
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close(t.Context())
			if err := root.SetPassword(t.Context(), "boss", "known to the boss"); err != nil {
				t.Fatal(err)
			}
			for _, strategy := range strategies {
				for _, victim := range []string{"boss", "boss_clone"} {
					h := move(t, s, kind.login, "app_"+string(strategy[0])+victim, strategy)
					h.place.Put(secretName, h.value(victim, canary+"-guess"))
					if got, err := h.do(t, (*rotate.Rotator).Rotate); got != rotate.Failed || !errors.Is(err, rotate.ErrDenied) {
						t.Errorf("%s, %s: got %q, %v", strategy, victim, got, err)
					}
					if err := h.enter(t); !errors.Is(err, rotate.ErrDenied) {
						t.Errorf("%s, %s: what is current logs in: %v", strategy, victim, err)
					}
					if err := h.use(t, s.Credential(t, "boss", "known to the boss")); err != nil {
						t.Errorf("%s, %s: the boss: %v", strategy, victim, err)
					}
					if err := root.SetPassword(t.Context(), "boss_clone", "x"); err == nil {
						t.Errorf("%s, %s: there is a clone", strategy, victim)
					}
					h.silent(t)
				}
			}
		})
	}
}
