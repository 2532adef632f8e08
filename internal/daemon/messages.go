package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/secretsync-dev/secretsync/internal/event"
)

const (
	// lanes is how many runs about the secrets of events are made at a time: one that waits for a target which does not answer does not hold up the others.
	lanes = 4
	// hidden is for how long a message that was received is hidden from others. It is hidden anew while its run takes longer. One that failed comes back after it.
	hidden = 2 * time.Minute
	// hideEvery is how often what is held is looked at for messages that the queue would soon show again.
	hideEvery = 30 * time.Second
	// settling is how long the calls that settle messages may take after the daemon was told to end.
	settling = 10 * time.Second
	// receiving is how long the queue may take to answer, before the loop counts as stuck.
	receiving = 3 * time.Minute
)

// receive takes messages in until ctx ends, and no more than there is room for.
func (d *daemon) receive(ctx context.Context, b *inbox) {
	defer d.pulse.rest("queue")
	failures := 0
	for {
		d.pulse.rest("queue")
		if b.room(ctx) != nil {
			return
		}
		d.pulse.expect("queue", d.now().Add(receiving))
		all, err := d.queue.Receive(ctx, hidden)
		until := d.now().Add(hidden)
		d.take(ctx, b, all, until)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures = 0
			d.metrics.received.Set(stamp(d.now()))
		default:
			d.queueFailed("receive", err)
			wait := min(time.Second<<failures, time.Minute)
			failures = min(failures+1, 6)
			sleep(ctx, wait)
		}
	}
}

func (d *daemon) queueFailed(operation string, err error) {
	d.metrics.queueErrors.WithLabelValues(operation).Inc()
	d.log.Error("a call to the queue failed", "operation", operation, "error", err.Error())
}

// take takes messages in. What is malformed stays in the queue, which moves it to its dead-letter queue in the end; what is about nothing of ours is deleted.
func (d *daemon) take(ctx context.Context, b *inbox, all []Message, until time.Time) {
	var arrived []arrival
	var done []*ticket
	for _, m := range all {
		a := d.read(m, until)
		switch {
		case a.asks():
			arrived = append(arrived, a)
		case !a.ticket.failed:
			done = append(done, a.ticket)
		}
	}
	b.add(arrived...)
	d.settle(ctx, b, done)
}

// errStep is a step of a rotation as a message: Secrets Manager calls functions only, and waits for what they answer.
var errStep = errors.New("read event: malformed: a step of a rotation is for a function on Lambda, not for a queue")

// read reads one message, and counts it.
func (d *daemon) read(m Message, until time.Time) arrival {
	if m.Sent.IsZero() {
		m.Sent = d.now()
	}
	var all []event.Message
	err := guarded(func() (err error) {
		all, err = event.Parse([]byte(m.Body))
		return err
	})
	m.Body = ""
	a := arrival{ticket: &ticket{Message: m, until: until}}
	for i := range all {
		switch {
		case all[i].Err != nil:
			err = errors.Join(err, all[i].Err)
		case all[i].Run != nil:
			a.runs = append(a.runs, *all[i].Run)
		case all[i].Rotate != nil:
			a.rotates = append(a.rotates, *all[i].Rotate)
		case all[i].Step != nil:
			err = errors.Join(err, errStep)
		case len(all[i].Hints) > 0:
			a.hints = append(a.hints, all[i].Hints...)
		default:
			d.log.Debug("a message is ignored", "message", m.ID, "reason", all[i].Ignored)
		}
	}
	result := accepted
	switch {
	case err != nil:
		result = malformed
		a.ticket.failed = true
		d.log.Warn("a message is malformed: it stays in the queue", "message", m.ID, "error", err.Error())
	case !a.asks():
		result = ignored
	}
	d.metrics.events.WithLabelValues(result).Inc()
	return a
}

// followHints makes runs about the secrets that messages name, until ctx ends. They go beside the scheduled run, which may take long: every write is of what the source
// holds at that moment, and right whoever makes it. Two of them are never about the same secret at a time.
func (d *daemon) followHints(ctx context.Context, b *inbox) {
	for {
		wishes := b.take(ctx)
		if len(wishes) == 0 {
			return
		}
		hints := make([]event.Hint, len(wishes))
		for i, w := range wishes {
			hints[i] = w.hint
		}
		d.mu.Lock()
		s := d.session
		d.mu.Unlock()
		v := d.run(ctx, s, Job{Hints: hints}, byEvent)
		d.settle(ctx, b, b.done(wishes, v.failed(wishes)))
	}
}

// settle ends messages with nothing left to do: they are deleted. Those with a failure are left to the queue, which hands them out again until its redrive policy says
// otherwise; at the end of the daemon they are returned at once.
func (d *daemon) settle(ctx context.Context, b *inbox, over []*ticket) {
	defer d.count(b)
	var done, failed []Message
	for _, t := range over {
		if t.failed {
			failed = append(failed, t.Message)
		} else {
			done = append(done, t.Message)
		}
	}
	ended := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	if ended {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, settling)
		defer cancel()
	}
	if len(done) > 0 {
		if err := d.queue.Delete(ctx, done); err != nil { // they come again, and a run finds nothing to do
			d.queueFailed("delete", err)
		}
		d.metrics.settled.WithLabelValues(deleted).Add(float64(len(done)))
		for _, m := range done {
			d.metrics.latency.Observe(max(d.now().Sub(m.Sent), 0).Seconds())
		}
	}
	switch {
	case len(failed) == 0:
	case ended:
		d.giveUp(ctx, failed)
	default:
		d.metrics.settled.WithLabelValues(left).Add(float64(len(failed)))
	}
}

// giveBack returns what is still held, so that another replica takes it.
func (d *daemon) giveBack(ctx context.Context, b *inbox) {
	defer d.count(b)
	all := b.clear()
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	d.giveUp(ctx, all)
}

func (d *daemon) giveUp(ctx context.Context, all []Message) {
	if err := d.queue.Hide(ctx, all, 0); err != nil {
		d.queueFailed("return", err)
	}
	d.metrics.settled.WithLabelValues(returned).Add(float64(len(all)))
}

// keepHidden hides messages anew for as long as they are held, until ctx ends.
func (d *daemon) keepHidden(ctx context.Context, b *inbox) {
	ticker := time.NewTicker(hideEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := d.now()
		all := b.expiring(now.Add(hidden-hideEvery), now.Add(hidden))
		if len(all) == 0 {
			continue
		}
		if err := d.queue.Hide(ctx, all, hidden); err != nil && ctx.Err() == nil {
			d.queueFailed("hide", err)
		}
	}
}

func (d *daemon) count(b *inbox) {
	messages, wishes := b.sizes()
	d.metrics.held.Set(float64(messages))
	d.metrics.waiting.Set(float64(wishes))
}
