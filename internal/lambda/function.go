package lambda

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The types of the errors that invocations end with.
const (
	eventInvalid   = "EventInvalid"   // what arrived can't be read; sending it again does not mend it
	notOpened      = "NotOpened"      // the configuration could not be opened
	runFailed      = "RunFailed"      // something failed, could not be looked at, or was not reached in time
	rotationFailed = "RotationFailed" // a step of a rotation failed, or a rotation where no run was made
	programMistake = "InternalError"  // a panic
)

const (
	unknownOwner = "unknown" // as metrics call it before a session or a run said its name
	maxErrorText = 2000      // bytes of an error's message
)

// function is the handler. It is safe for concurrent use.
type function struct {
	o       Options
	metrics *emitter

	mu      sync.Mutex
	session *daemon.Session // nil: to be opened
	opened  time.Time
	owner   secret.Owner // as the session, or the last report, had it
}

func newFunction(o Options) *function {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Reserve <= 0 {
		o.Reserve = defaultReserve
	}
	return &function{o: o, metrics: &emitter{to: o.Metrics}, owner: unknownOwner}
}

// warmUp opens the configuration while Lambda starts the function. Where that fails, the first invocation does it, and says why it can't.
func (f *function) warmUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, coldStart)
	defer cancel()
	if _, err := f.current(ctx, f.o.Log); err != nil {
		f.o.Log.Warn("the configuration could not be opened at the start: the first invocation tries again", "error", err.Error())
	}
}

// Invoke handles one event. The answer to a batch of SQS names the messages that failed; to a step of a rotation it is null; to everything else it is a summary, or an error where anything
// failed.
func (f *function) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	log := f.o.Log
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("requestId", lc.AwsRequestID)
	}
	defer func() {
		if v := recover(); v != nil {
			answer, err = nil, fail(programMistake, f.panicked(log, v))
		}
	}()
	all, err := event.Parse(payload)
	if err != nil {
		log.Error("the event can't be read", "error", err.Error())
		f.metrics.malformed(time.Now(), f.named(), 1)
		return nil, fail(eventInvalid, err)
	}
	ctx, cancel := f.bounded(ctx)
	defer cancel()
	if s := all[0].Step; s != nil { // there is no other message beside it
		return f.step(ctx, log, s)
	}
	i := &invocation{f: f, log: log, messages: all, failed: map[int]bool{}}
	i.sort()
	if err := i.runAll(ctx); err != nil {
		return nil, err
	}
	return i.answer()
}

// bounded ends ctx early enough to finish what is in flight and to answer.
func (f *function) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(f.o.Reserve, time.Until(deadline)/10)))
}

// current returns the session, which it opens where there is none yet or it is too old.
func (f *function) current(ctx context.Context, log *slog.Logger) (*daemon.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.session != nil && (f.o.Reopen <= 0 || now.Sub(f.opened) < f.o.Reopen) {
		return f.session, nil
	}
	s, err := f.open(ctx, log)
	switch {
	case err == nil:
		f.session, f.opened = s, now
		if s.Owner != "" {
			f.owner = s.Owner
		}
	case f.session != nil:
		log.Error("the configuration could not be opened anew: the last one that was good stays", "error", err.Error())
		f.metrics.notOpened(now, f.owner)
	default:
		f.metrics.notOpened(now, f.owner)
		return nil, err
	}
	return f.session, nil
}

// open calls Open. A panic is an error.
func (f *function) open(ctx context.Context, log *slog.Logger) (s *daemon.Session, err error) {
	defer func() {
		if v := recover(); v != nil {
			s, err = nil, told(log, v)
		}
	}()
	s, err = f.o.Open(ctx)
	if err == nil && (s == nil || s.Run == nil) {
		err = errors.New("open the configuration: nothing to run")
	}
	return s, err
}

// safely calls do. A panic is an error.
func (f *function) safely(log *slog.Logger, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = f.panicked(log, v)
		}
	}()
	return do()
}

// panicked makes an error of a panic, and gives the session up: nobody knows what state it is in.
func (f *function) panicked(log *slog.Logger, v any) error {
	f.mu.Lock()
	f.session = nil
	f.mu.Unlock()
	return told(log, v)
}

func (f *function) named() secret.Owner {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.owner
}

func (f *function) name(o secret.Owner) {
	if o == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owner = o
}

// fail returns the error of an invocation, with its type as Lambda shows it.
func fail(kind string, err error) error {
	return messages.InvokeResponse_Error{Type: kind, Message: cut(err.Error(), maxErrorText)}
}
