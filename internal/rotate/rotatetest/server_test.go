package rotatetest_test

import (
	"context"
	"net"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
)

func TestEveryServerStartsStopsAndStartsAgain(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *rotatetest.Server{"postgres": rotatetest.Postgres, "mariadb": rotatetest.MariaDB, "redis": rotatetest.Redis} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			for range 2 {
				conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", s.Address())
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.Close()
				s.Stop(t)
				s.Start(t)
			}
		})
	}
}
