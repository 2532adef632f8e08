package vault_test

import (
	"context"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func rotationOf(t *testing.T, s store.Store) store.Rotation {
	t.Helper()
	r, err := s.(store.Rotator).Rotation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rotating is the harness with a proxy, which breaks calls off.
func rotating() storetest.Harness {
	h := harness()
	h.New = func(t *testing.T) storetest.Fixture {
		p := newPlace(t)
		x := newProxy(t, p.addr)
		front := p
		front.addr = x.url
		s := open(t, impatient, front.settings(""))
		d := destinationOf(t, s)
		return storetest.Fixture{
			Source: plainSource{sourceOf(t, s)}, Destination: plainDestination{d, d.(store.Deleter), d.(store.Verifier)}, Back: backdoor{p}, Rotation: plainRotation{rotationOf(t, s)},
			Empty: func(_ *testing.T, name secret.Name) {
				p.must("POST", p.mount+"/metadata/"+string(name), `{"custom_metadata":{"team":"a"}}`)
			},
			Cut: func(n int, lost bool) func() bool { return breakOff(x, n, lost) },
		}
	}
	return h
}

func TestRotationOnVault(t *testing.T) { storetest.Rotation(t, rotating()) }

// breakOff makes the n-th call from now on, and all later ones, fail.
func breakOff(x *proxy, n int, lost bool) (mend func() bool) {
	calls := 0
	x.when(func(string, string) (int, string) {
		calls++
		switch {
		case calls == n+1 && lost:
			return -2, ""
		case calls > n:
			return 400, `{"errors":["cut off"]}`
		}
		return 0, ""
	})
	return func() bool {
		x.when(nil)
		return calls > n
	}
}

// plainRotation takes the text out of the object that text is kept in, as the suite knows no objects.
type plainRotation struct{ store.Rotation }

func (r plainRotation) Value(ctx context.Context, name secret.Name, v secret.Version) (secret.Value, error) {
	got, err := r.Rotation.Value(ctx, name, v)
	return plain([]store.Reading{{Value: got, Err: err}})[0].Value, err
}
