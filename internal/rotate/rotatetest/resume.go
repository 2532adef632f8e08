package rotatetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Store is a secret in a store that breaks off at a call.
type Store struct {
	Secret rotate.Secret
	Put    func(t *testing.T, v secret.Value) // makes it current, behind the store's back
	// Cut makes the n-th call from now on, from 0, and all later ones, fail; lost: the n-th is done, and its answer is lost. mend ends that, and reports whether a call was struck.
	Cut func(n int, lost bool) (mend func() bool)
}

type act func(*rotate.Rotator, context.Context, rotate.Secret) (rotate.Report, error)

// Resume breaks rotations, rollbacks and cancellations off at every single call to a store, and repeats them, or gives them up.
func Resume(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name        string
		earlier     int // rotations
		first, then act
	}{
		{"ARotation", 1, (*rotate.Rotator).Rotate, (*rotate.Rotator).Rotate},
		{"ARollback", 1, (*rotate.Rotator).Rollback, (*rotate.Rotator).Rollback},
		{"ARollbackAndThenARotation", 1, (*rotate.Rotator).Rollback, (*rotate.Rotator).Rotate},
		{"ARotationThatIsGivenUp", 1, (*rotate.Rotator).Rotate, (*rotate.Rotator).Cancel},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, lost := range []bool{false, true} {
				for n := 0; !t.Failed(); n++ {
					r := newResumption(t, open(t))
					for range c.earlier {
						r.must(t, (*rotate.Rotator).Rotate)
					}
					before, _, _ := r.stage(t)
					mend := r.Cut(n, lost)
					_, err := c.first(&r.rotator, t.Context(), r.Secret)
					if !mend() {
						if err != nil || n < 8 {
							t.Fatalf("after %d calls: %v", n, err)
						}
						break
					}
					if err != nil {
						r.again(t, fmt.Sprintf("call %d, lost: %t (%v)", n, lost, err), c.name, before, c.then)
					}
					r.settled(t, fmt.Sprintf("call %d, lost: %t (%v)", n, lost, err))
					if !lost {
						r.must(t, (*rotate.Rotator).Rotate)
					}
				}
			}
		})
	}
}

// again does what follows a failure.
func (r *resumption) again(t *testing.T, when, name, before string, then act) {
	t.Helper()
	now, _, pending := r.stage(t)
	whole := now != before && !pending // all was done, and nobody could be told
	report, err := then(&r.rotator, t.Context(), r.Secret)
	after, previous, _ := r.stage(t)
	switch {
	case whole && err == nil:
	case name == "ARotationThatIsGivenUp" && err != nil: // it was current, and is finished
		if !strings.Contains(err.Error(), "--rollback") || after == before {
			t.Errorf("%s: %v", when, err)
		}
	case err != nil:
		t.Errorf("%s: %v", when, err)
	case name == "ARotationThatIsGivenUp" && report.Outcome == rotate.Cancelled && after != before:
		t.Errorf("%s: given up, and current is %s", when, after)
	case name == "ARotation" && (after == before || previous != before):
		t.Errorf("%s: from %s to %s, with %s before it", when, before, after, previous)
	case name == "ARollback" && after != first:
		t.Errorf("%s: rolled back from %s to %s", when, before, after)
	}
}

// first is the password that a resumption begins with.
const first = "the first"

// resumption is a store, and a service in memory.
type resumption struct {
	Store
	rotator rotate.Rotator
	service *service
}

func newResumption(t *testing.T, s Store) *resumption {
	t.Helper()
	r := &resumption{Store: s, service: &service{}}
	r.rotator = rotate.Rotator{Engines: map[string]rotate.Engine{"service": r.service}, Owner: "me"}
	r.Secret.Engine = "service"
	r.service.accepts = first
	r.Put(t, credentialOf(first))
	return r
}

func credentialOf(password string) secret.Value {
	return secret.Text([]byte(fmt.Sprintf(`{"password":%q,"more":1}`, password)))
}

func (r *resumption) must(t *testing.T, a act) {
	t.Helper()
	if _, err := a(&r.rotator, t.Context(), r.Secret); err != nil {
		t.Fatal(err)
	}
}

// stage returns the current and the previous password, and whether another is pending.
func (r *resumption) stage(t *testing.T) (current, previous string, pending bool) {
	t.Helper()
	now, err := r.Secret.At.Stages(t.Context(), r.Secret.Name)
	if err != nil {
		t.Fatal(err)
	}
	read := func(v secret.Version) string {
		if v == "" {
			return ""
		}
		value, err := r.Secret.At.Value(t.Context(), r.Secret.Name, v)
		if err != nil {
			t.Fatal(err)
		}
		return passwordOf(value)
	}
	return read(now.Current), read(now.Previous), now.Pending != ""
}

func passwordOf(v secret.Value) string {
	c, err := rotate.ParseCredential(v)
	if err != nil {
		return ""
	}
	return c.Password()
}

// settled makes sure that nothing is pending, and that what is current works.
func (r *resumption) settled(t *testing.T, when string) {
	t.Helper()
	now, err := r.Secret.At.Stages(t.Context(), r.Secret.Name)
	if err != nil || now.Pending != "" {
		t.Errorf("%s: %s is pending: %v", when, now.Pending, err)
	}
	if err := r.rotator.Check(t.Context(), r.Secret); err != nil {
		t.Errorf("%s: what is current does not work: %v", when, err)
	}
}

// service is a rotate.Engine with one password in memory.
type service struct {
	mu      sync.Mutex
	made    int
	accepts string
}

func (s *service) Next(context.Context, rotate.Change) (secret.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	return credentialOf(fmt.Sprintf("number %d", s.made)), nil
}

func (s *service) set(v secret.Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepts = passwordOf(v)
	return nil
}

func (s *service) Set(_ context.Context, c rotate.Change) error  { return s.set(c.Pending) }
func (s *service) Undo(_ context.Context, c rotate.Change) error { return s.set(c.Current) }
func (s *service) Done(context.Context, rotate.Change) error     { return nil }

func (s *service) Test(_ context.Context, c rotate.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepts != passwordOf(c.Pending) {
		return rotate.ErrDenied
	}
	return nil
}
