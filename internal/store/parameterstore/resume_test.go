package parameterstore_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestWhatIsBrokenOffAtAnyCallCanBeResumed(t *testing.T) {
	rotatetest.Resume(t, func(t *testing.T) rotatetest.Store {
		b := newTurns(t, "")
		return rotatetest.Store{
			Secret: rotate.Secret{Store: "hub", Name: db, At: b.Rotation},
			Put:    func(t *testing.T, v secret.Value) { b.back.Put(t, db, v) },
			Cut:    func(n int, lost bool) func() bool { return cut(b.server, n, lost) },
		}
	})
}
