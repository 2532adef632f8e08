package secretsmanager

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// stepAttempts is how often a step is called until the rotation has failed.
const stepAttempts = 3

// Function is what a rotation function does with one event; its error fails the step. It ends soon after its context does.
type Function func(ctx context.Context, payload []byte) error

// rotations calls rotation functions. The zero rotations know none.
type rotations struct {
	mu        sync.Mutex
	functions map[string]Function
	under     map[string]bool // the ARNs of secrets that are being rotated
	clock     func() time.Time
	ctx       context.Context //nolint:containedctx // that of everything in the background: it ends with the service
	end       context.CancelFunc
	going     sync.WaitGroup
}

// rotationJob is a rotation that is due.
type rotationJob struct {
	place
	name, arn, function, token string
}

// SetFunction makes f the rotation function of an ARN, or, where f is nil, takes it away. clock is what the times of rotations are told by. It is safe for concurrent use.
func (s *Service) SetFunction(arn string, f Function, clock func() time.Time) {
	r := &s.rotations
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.functions == nil {
		r.functions, r.under = map[string]Function{}, map[string]bool{}
		r.ctx, r.end = context.WithCancel(context.Background())
	}
	r.clock = clock
	if r.functions[arn] = f; f == nil {
		delete(r.functions, arn)
	}
}

// Close breaks off the rotations that are under way, and waits for their functions. Nothing is rotated from then on.
func (s *Service) Close() {
	r := &s.rotations
	r.mu.Lock()
	if r.end != nil {
		r.end()
	}
	r.mu.Unlock()
	r.going.Wait()
}

func (r *rotations) knows(function string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.functions[function] != nil
}

// rotate has a secret rotated under a token once the call is answered.
func (c *call) rotate(x *record, token string) {
	c.begun = append(c.begun, rotationJob{x.place, x.name, x.arn, x.rotation.lambda, token})
}

// start does a job in the background. Where the secret is being rotated already, or the function is gone, there is nothing to do.
func (r *rotations) start(s *Service, j rotationJob) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.functions[j.function]
	if f == nil || r.under[j.arn] || r.ctx.Err() != nil {
		return
	}
	r.under[j.arn] = true
	r.going.Go(func() {
		outcome := r.run(s, j, f)
		r.mu.Lock()
		delete(r.under, j.arn) // before anybody is told: who then begins the next rotation is not too early
		r.mu.Unlock()
		if outcome != "" {
			s.rotated(j, outcome)
		}
	})
}

// run calls the function for each step, and again for one that fails. It returns what is to be told of it; nothing where the whole AWS ends.
//
//	after                       the rotation
//	a step failed three times   has failed
//	createSecret, no value      has failed
//	AWSPENDING was moved        is abandoned
//	finishSecret, current       has succeeded
//	finishSecret, not current   has failed
func (r *rotations) run(s *Service, j rotationJob, f Function) (outcome string) {
	told := "RotationStarted"
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		if !s.rotated(j, told) {
			return "RotationAbandoned"
		}
		told = ""
		payload, err := json.Marshal(map[string]string{"Step": step, "SecretId": j.arn, "ClientRequestToken": j.token})
		for n := 0; n < stepAttempts && err == nil; n++ {
			if failed := f(r.ctx, payload); failed == nil {
				break
			} else if n == stepAttempts-1 || r.ctx.Err() != nil {
				err = failed
			}
		}
		if r.ctx.Err() != nil {
			return ""
		}
		if err != nil || step == "createSecret" && !s.rotated(j, "created") {
			return "RotationFailed"
		}
	}
	return "finished"
}

// rotated takes note of how far a rotation is, and returns whether it may go on.
func (s *Service) rotated(j rotationJob, how string) bool {
	s.rotations.mu.Lock()
	clock := s.rotations.clock
	s.rotations.mu.Unlock()
	c := &call{Service: s, r: &service.Request{Account: j.account, Region: j.region, Now: clock()}}
	ok := func() bool {
		defer c.release()
		x := c.lock(j.place).byName[j.name]
		if x == nil || x.arn != j.arn || !x.deleted.IsZero() {
			return false
		}
		v := x.byID[j.token]
		held := v != nil && !v.empty()
		switch how {
		case "created":
			return held
		case "finished":
			if held && x.labels[current] == j.token {
				c.succeeded(x, j.token)
				return true
			}
			c.happened(x, "RotationFailed", c.r.Now)
			return false
		case "":
		default:
			c.happened(x, how, c.r.Now)
		}
		return v != nil && (x.labels[pending] == j.token || x.labels[current] == j.token)
	}()
	c.finishReplication()
	c.tell(nil, nil)
	return ok
}

// succeeded ends a rotation: what is current is pending no longer.
func (c *call) succeeded(x *record, token string) {
	if x.labels[pending] == token {
		c.relabel(x, x.labels.moved(pending, ""))
	}
	x.rotation.last = c.r.Now
	if deref(x.rotation.enabled) {
		x.rotation.schedule(c.r.Now)
	}
	x.touched(c.r.Now)
	c.replicate(x)
	c.happened(x, "RotationSucceeded", c.r.Now)
}
