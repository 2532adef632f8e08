package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	// fresh is how long ago a secret must have been rotated at least to be rotated again because a call names it. Lambda makes a call anew that failed for another of its
	// names, or after its answer was lost, and does not say that it does.
	fresh = 10 * time.Minute
	// looking is how long it may take to ask when a secret was rotated.
	looking = time.Minute
)

// step does one step of a rotation that Secrets Manager drives. Secrets Manager looks only whether the answer is an error.
func (f *function) step(ctx context.Context, log *slog.Logger, s *event.Step) ([]byte, error) {
	log = log.With("step", s.Step, "secret", secretOf(s), "account", s.Secret.Account, "region", s.Secret.Region, "version", s.Token)
	session, err := f.current(ctx, log)
	if err != nil {
		log.Error("the configuration could not be opened", "error", err.Error())
		return nil, fail(notOpened, err)
	}
	started := time.Now()
	if session.Step == nil {
		err = fmt.Errorf("%s %q: invalid: the configuration has no store for the secrets of %s in %s", s.Step, secretOf(s), s.Secret.Account, s.Secret.Region)
	} else {
		err = f.safely(log, func() error { return session.Step(ctx, *s) })
	}
	took := time.Since(started)
	f.metrics.step(time.Now(), f.named(), err == nil, took)
	if err != nil {
		log.Error("a step of a rotation failed", "durationMs", took.Milliseconds(), "error", err.Error())
		return nil, fail(rotationFailed, err)
	}
	log.Info("a step of a rotation is done", "durationMs", took.Milliseconds())
	return []byte("null"), nil
}

func secretOf(s *event.Step) secret.Name {
	if len(s.Secret.Names) == 0 {
		return ""
	}
	return s.Secret.Names[0]
}

// rotateAll rotates what messages ask for, one secret after the other, in the order of the configuration.
func (i *invocation) rotateAll(ctx context.Context, s *daemon.Session) {
	if len(i.rotates) == 0 {
		return
	}
	i.sum.Rotations = &rotations{}
	from := map[string][]int{} // the messages that ask for a rotation
	for _, n := range i.rotates {
		asked, err := s.Rotations, error(nil)
		if names := i.messages[n].Rotate.Names; names != nil {
			asked, err = s.Named(names)
		}
		if err != nil {
			i.sum.Rotations.failed++
			i.lost([]int{n}, err)
			i.log.Error("a rotation that is asked for can't be made", "error", err.Error())
		}
		for _, r := range asked {
			if i.messages[n].Rotate.Names != nil || r.ByItself() {
				from[r.Name] = append(from[r.Name], n)
			}
		}
	}
	for _, r := range s.Rotations {
		if asked := from[r.Name]; len(asked) > 0 {
			i.attend(ctx, r, asked)
		}
	}
}

// attend rotates a secret, if one of the messages that ask for it wants it now.
func (i *invocation) attend(ctx context.Context, r daemon.Rotation, from []int) {
	if ctx.Err() != nil {
		i.sum.Rotations.late++
		i.lost(from, fmt.Errorf("rotate %q: not reached before the deadline", r.Name))
		i.log.Error("a rotation was not reached before the deadline", "rotation", r.Name)
		return
	}
	wanting, err := i.wanting(ctx, r, from)
	if err != nil {
		i.sum.Rotations.failed++
		i.lost(from, err)
		i.log.Error("it can't be told when a secret was rotated", "rotation", r.Name, "error", err.Error())
		i.f.metrics.rotation(time.Now(), i.f.named(), false, 0)
		return
	}
	if len(wanting) > 0 {
		i.rotate(ctx, r, wanting)
	}
}

// wanting returns the messages by which a secret is to be rotated now, and counts why it is not where there are none.
func (i *invocation) wanting(ctx context.Context, r daemon.Rotation, from []int) (wanting []int, err error) {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	var last time.Time
	var begun bool
	err = i.f.safely(i.log, func() (err error) {
		last, begun, err = r.Last(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	due, begin, err := r.When(last, begun, now)
	if err != nil {
		return nil, err
	}
	why := &i.sum.Rotations.NotDue
	for _, n := range from {
		m := i.messages[n]
		switch {
		case m.Rotate.Names == nil && due.IsZero():
			why = &i.sum.Rotations.Unknown
			i.log.Warn("it can't be told when a secret is due: it is not rotated by itself; rotate it once by hand, or correct its schedule", "rotation", r.Name)
		case m.Rotate.Names == nil && !begin.After(now), m.Rotate.Names != nil && (begun || last.IsZero() || last.Before(since(m, now))):
			wanting = append(wanting, n)
		case m.Rotate.Names != nil:
			why = &i.sum.Rotations.Fresh
			i.log.Info("a secret is not rotated again: it was since that was asked for, or minutes ago", "rotation", r.Name)
		}
	}
	if len(wanting) == 0 {
		*why++
	}
	return wanting, nil
}

// since returns from when on a rotation is what a message asks for.
func since(m event.Message, now time.Time) time.Time {
	if m.Sent.IsZero() {
		return now.Add(-fresh)
	}
	return m.Sent
}

func (i *invocation) rotate(ctx context.Context, r daemon.Rotation, from []int) {
	started := time.Now()
	err := i.f.safely(i.log, func() error { return r.Rotate(ctx) })
	took := time.Since(started)
	i.f.metrics.rotation(time.Now(), i.f.named(), err == nil, took)
	if err != nil {
		i.sum.Rotations.failed++
		i.lost(from, err)
		i.log.Error("a rotation failed", "rotation", r.Name, "durationMs", took.Milliseconds(), "error", err.Error())
		return
	}
	i.sum.Rotations.Rotated++
	i.log.Info("a secret was rotated", "rotation", r.Name, "durationMs", took.Milliseconds())
}

// rotations is what became of the rotations that were asked for.
type rotations struct {
	Rotated int `json:"rotated"`
	NotDue  int `json:"notDue"`
	Fresh   int `json:"fresh"`   // named, and rotated already
	Unknown int `json:"unknown"` // nobody can tell when they are due
	failed  int
	late    int
}
