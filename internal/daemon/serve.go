package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Options are what Serve works with. Open is needed, everything else has a zero value that does without.
type Options struct {
	// Open reads the configuration and opens it, at the start and for every reload.
	Open func(ctx context.Context) (*Session, Settings, error)
	// Reload asks for a reload of the configuration. Nil: nobody does.
	Reload <-chan struct{}
	// Queue opens the queue that Settings.Queue names, as OpenSQS does. Nil: a configuration with a queue is an error.
	Queue func(ctx context.Context, url string) (Queue, error)
	// Lead calls do whenever this replica leads by the Lease, with a context that ends when it does no more, and waits for do to return. It returns when its own
	// context ends, and otherwise only with an error. Nil: a configuration with a Lease is an error.
	Lead func(ctx context.Context, lease Lease, do func(context.Context)) error
	// Metrics are what is counted; nil: a registry of its own, without a version.
	Metrics *Metrics
	// Log gets what the daemon does. Nil: no log.
	Log *slog.Logger
	// Now tells the time; nil: time.Now.
	Now func() time.Time
	// Listening is told the address that health and metrics are served at. Nil: nobody is told.
	Listening func(net.Addr)
}

const (
	// electionPause is what passes between a leader election that failed and the next, at first; it doubles up to lastElectionPause.
	electionPause     = 5 * time.Second
	lastElectionPause = time.Minute
	// followsAfter is after what time of an election somebody else leads: a Lease whose holder died is free before that.
	followsAfter = 30 * time.Second
)

// daemon is one call of Serve.
type daemon struct {
	o       Options
	log     *slog.Logger
	metrics *Metrics
	pulse   pulse
	queue   Queue // nil: none
	started Settings

	working sync.Mutex    // held while this replica makes runs
	changed chan struct{} // has room for one: the agenda is another
	booked  chan struct{} // has room for one: the book is another

	mu      sync.Mutex
	session *Session
	agenda  *agenda // nil: this replica makes no runs
	book    *book   // of rotations; nil where agenda is
	ready   bool    // a run was attempted, or another replica leads
}

// Serve runs the syncs of a configuration, and rotates its secrets, until ctx ends, and then returns nil: what was begun is finished, messages that are not done go back to the queue. The error
// says why it could not start, or that it can't answer HTTP any more; nothing that happens to a run or a rotation ends it. See the documentation of `serve` for when they are made.
func Serve(ctx context.Context, o Options) error {
	d, err := newDaemon(ctx, o)
	if err != nil {
		return err
	}
	return d.serve(ctx)
}

func (d *daemon) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	closeHTTP, err := d.listen(ctx, cancel)
	if err != nil {
		return err
	}
	defer closeHTTP()
	var wg sync.WaitGroup
	wg.Go(func() { d.reloads(ctx) })
	d.lead(ctx)
	wg.Wait()
	d.log.Info("stopped")
	var broken *listenError
	if errors.As(context.Cause(ctx), &broken) {
		return broken
	}
	return nil
}

func newDaemon(ctx context.Context, o Options) (*daemon, error) {
	d := &daemon{o: o, log: o.Log, metrics: o.Metrics, changed: make(chan struct{}, 1), booked: make(chan struct{}, 1)}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.metrics == nil {
		d.metrics = NewMetrics("")
	}
	if d.o.Now == nil {
		d.o.Now = time.Now
	}
	s, settings, err := o.Open(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := newAgenda(s.Syncs, d.now(), nil); err != nil {
		return nil, err
	}
	if _, err := newBook(s.Rotations, d.now(), nil); err != nil {
		return nil, err
	}
	switch {
	case settings.Lease != nil && o.Lead == nil:
		return nil, errors.New("serve: invalid: a Lease needs a Kubernetes cluster")
	case settings.Queue == "":
	case o.Queue == nil:
		return nil, errors.New("serve: invalid: there is nothing to read a queue with")
	default:
		if d.queue, err = o.Queue(ctx, settings.Queue); err != nil {
			return nil, err
		}
	}
	d.session, d.started = s, settings
	d.metrics.reloadOK.Set(1)
	d.metrics.reloadedAt.Set(stamp(d.now()))
	return d, nil
}

func (d *daemon) now() time.Time { return d.o.Now().UTC() }

// lead makes runs: at once, or whenever this replica leads.
func (d *daemon) lead(ctx context.Context) {
	if d.started.Lease == nil {
		d.work(ctx)
		return
	}
	for failures := 0; ctx.Err() == nil; failures++ {
		began := time.Now()
		follows := time.AfterFunc(followsAfter, d.follows)
		err := guarded(func() error { return d.o.Lead(ctx, *d.started.Lease, d.work) })
		follows.Stop()
		d.rest()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("it gives no reason")
		}
		d.log.Error("the leader election ended; trying again", "error", err.Error())
		if time.Since(began) > lastElectionPause {
			failures = 0
		}
		sleep(ctx, min(electionPause<<min(failures, 8), lastElectionPause))
	}
}

// follows says that another replica leads: there is no run to wait for.
func (d *daemon) follows() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready = d.ready || d.agenda == nil
}

// rest waits until this replica makes no runs.
func (d *daemon) rest() {
	d.working.Lock()
	defer d.working.Unlock()
}

// sleep waits; less where ctx ends.
func sleep(ctx context.Context, wait time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

// work makes runs until ctx ends: all syncs at once, then each by its schedule, and what messages ask for. Beside them it rotates what is due.
func (d *daemon) work(ctx context.Context) {
	d.working.Lock()
	defer d.working.Unlock()
	if ctx.Err() != nil || !d.takeOver() {
		return
	}
	defer d.handOver()
	b := newInbox()
	var wg sync.WaitGroup
	wg.Go(func() { d.keepSchedule(ctx, b) })
	wg.Go(func() { d.keepRotations(ctx, b) })
	if d.queue != nil {
		wg.Go(func() { d.receive(ctx, b) })
		wg.Go(func() { d.keepHidden(ctx, b) })
		for range lanes {
			wg.Go(func() { d.followHints(ctx, b) })
		}
	}
	<-ctx.Done()
	d.log.Info("finishing what was begun")
	wg.Wait()
	d.giveBack(ctx, b)
}

func (d *daemon) takeOver() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, err := newAgenda(d.session.Syncs, d.now(), nil)
	if err != nil { // it was read before
		d.log.Error("the schedules can't be read", "error", err.Error())
		return false
	}
	rotations, err := newBook(d.session.Rotations, d.now(), nil)
	if err != nil {
		d.log.Error("the rotations can't be read", "error", err.Error())
		return false
	}
	d.agenda, d.book = a, rotations
	d.metrics.expect(d.session.Syncs, nil)
	d.metrics.expectRotations(d.session.Rotations, nil)
	d.metrics.leader.Set(1)
	return true
}

func (d *daemon) handOver() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agenda, d.book = nil, nil
	d.metrics.expectRotations(nil, d.session.Rotations) // who leads knows when they are due
	d.metrics.leader.Set(0)
}
