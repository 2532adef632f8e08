package mem_test

import (
	"errors"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store/mem"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

type back struct{ p *mem.Place }

func (b back) Put(_ *testing.T, name secret.Name, v secret.Value) secret.Version {
	return b.p.Put(name, v)
}

func (b back) Plant(_ *testing.T, name secret.Name, version secret.Version, v secret.Value) {
	b.p.Plant(name, version, v)
}

func (b back) MoveCurrent(_ *testing.T, name secret.Name, version secret.Version) {
	b.p.MoveCurrent(name, version)
}

func (b back) Tag(_ *testing.T, name secret.Name, tags map[string]string) { b.p.Tag(name, tags) }
func (b back) Describe(_ *testing.T, name secret.Name, text string)       { b.p.Describe(name, text) }
func (b back) Schedule(_ *testing.T, name secret.Name)                    { b.p.Schedule(name) }
func (b back) Remove(_ *testing.T, name secret.Name)                      { b.p.Remove(name) }

func (b back) Value(_ *testing.T, name secret.Name) (secret.Value, secret.Version) {
	return b.p.Value(name)
}
func (b back) Versions(_ *testing.T, name secret.Name) int { return b.p.Versions(name) }

func harness() storetest.Harness {
	return storetest.Harness{New: func(*testing.T) storetest.Fixture {
		p := mem.New(secret.Place{Account: "222222222222", Region: "us-east-1"})
		f := storetest.Fixture{Source: p.Source(), Destination: p.Destination(), Back: back{p}, Rotation: p.Rotation()}
		f.Cut = func(n int, lost bool) func() bool { return cut(p, n, lost) }
		return f
	}}
}

func TestDestination(t *testing.T) { storetest.Destination(t, harness()) }
func TestSource(t *testing.T)      { storetest.Source(t, harness()) }
func TestRotation(t *testing.T)    { storetest.Rotation(t, harness()) }

// cut makes the n-th call from now on, and all later ones, fail.
func cut(p *mem.Place, n int, lost bool) (mend func() bool) {
	calls, gone := 0, errors.New("cut off")
	p.Before = func(mem.Call) error {
		calls++
		if calls > n+1 || calls == n+1 && !lost {
			return gone
		}
		return nil
	}
	p.After = func(mem.Call) error {
		if calls == n+1 {
			return gone
		}
		return nil
	}
	return func() bool {
		p.Before, p.After = nil, nil
		return calls > n
	}
}

func TestHooksFailACallBeforeOrAfterItIsDone(t *testing.T) {
	p := mem.New(secret.Place{})
	p.Put("a", secret.Text([]byte("x")))
	lost := errors.New("lost")
	p.After = func(c mem.Call) error {
		if c.Op == "Delete" {
			return lost
		}
		return nil
	}
	p.Before = func(c mem.Call) error {
		if c.Op == "Source.List" {
			p.Put("b", secret.Text([]byte("y")))
		}
		return nil
	}
	if all, err := p.Source().List(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("got %d secrets, %v: the hook's change must show", len(all), err)
	}
	p.Before = func(mem.Call) error { return lost }
	if _, err := p.Source().List(t.Context()); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
	if p.Calls("Source.List") != 2 || p.Calls("") != 2 {
		t.Errorf("%d listings, %d calls", p.Calls("Source.List"), p.Calls(""))
	}
}
