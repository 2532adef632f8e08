package vault_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/rotatetest"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestWhatIsBrokenOffAtAnyCallCanBeResumed(t *testing.T) {
	rotatetest.Resume(t, func(t *testing.T) rotatetest.Store {
		p := newPlace(t)
		x := newProxy(t, p.addr)
		front := p
		front.addr = x.url
		return rotatetest.Store{
			Secret: rotate.Secret{Store: "hub", Name: "app/db", At: rotationOf(t, open(t, impatient, front.settings("")))},
			Put:    func(_ *testing.T, v secret.Value) { p.put("app/db", string(v.Reveal())) },
			Cut:    func(n int, lost bool) func() bool { return breakOff(x, n, lost) },
		}
	})
}
