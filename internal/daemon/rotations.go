package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

// keepRotations rotates what is due, and what messages ask for, until ctx ends: one secret after the other, so that none is ever rotated twice at a time here. It goes beside runs of syncs:
// neither waits for the other.
func (d *daemon) keepRotations(ctx context.Context, b *inbox) {
	defer d.pulse.rest("rotations")
	for ctx.Err() == nil {
		asked := b.asked()
		d.pulse.expect("rotations", d.now().Add(longestRun))
		o := b.takeOrder()
		if o != nil {
			d.carryOut(ctx, b, o)
		}
		e, wait := d.nextRotation()
		switch {
		case e != nil:
			_ = d.attend(ctx, e, func(s sight) bool { return s.due }) // told, and tried again
			continue
		case o != nil:
			continue
		}
		d.pulse.expect("rotations", d.now().Add(wait))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-d.booked:
		case <-asked:
		}
		timer.Stop()
	}
}

// nextRotation returns the rotation that is to be looked at now; nil: none is before wait is over.
func (d *daemon) nextRotation() (e *entry, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	e = d.book.first()
	switch {
	case e == nil:
		return nil, longestSleep
	case e.look.After(now):
		return nil, min(longestSleep, e.look.Sub(now))
	}
	return e, 0
}

// carryOut rotates what a message asks for. A name that the configuration does not have keeps the message in the queue.
func (d *daemon) carryOut(ctx context.Context, b *inbox, o *order) {
	entries, err := d.ordered(o)
	failed := err != nil
	if failed {
		d.log.Warn("a message asks for a rotation that can't be made: it stays in the queue", "error", err.Error())
	}
	wanted := func(s sight) bool { return s.due }
	if o.rotate.Names != nil {
		wanted = func(s sight) bool { return s.begun || s.last.IsZero() || s.last.Before(o.sent) }
	}
	for _, e := range entries {
		if ctx.Err() != nil || !d.keeps(e) || d.attend(ctx, e, wanted) != nil {
			failed = true
		}
	}
	d.settle(ctx, b, b.doneOrder(o, failed))
}

// ordered returns the rotations that an order is about.
func (d *daemon) ordered(o *order) ([]*entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o.rotate.Names == nil {
		return d.book.byThemselves(), nil
	}
	named, err := d.session.Named(o.rotate.Names)
	var entries []*entry
	for _, r := range named {
		entries = append(entries, d.book.find(r.Name))
	}
	return entries, err
}

// keeps reports whether a rotation is still as the configuration has it: a reload may have come in between.
func (d *daemon) keeps(e *entry) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.has(e)
}

// sight is what was seen of a secret that is rotated.
type sight struct {
	last  time.Time // when it was rotated; zero: nobody can tell
	begun bool      // a rotation was begun and not finished
	due   bool      // it may be rotated now by itself
}

// attend asks how a secret is, and rotates it where that is wanted. The error has been told, and counted.
func (d *daemon) attend(ctx context.Context, e *entry, wanted func(sight) bool) error {
	s, err := d.see(ctx, e)
	if err != nil || !wanted(s) {
		return err
	}
	return d.rotate(ctx, e)
}

// see asks when a secret was rotated last, and settles when to look at it next.
func (d *daemon) see(ctx context.Context, e *entry) (s sight, err error) {
	d.mu.Lock()
	r := e.Rotation
	d.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	err = guarded(func() (err error) {
		s.last, s.begun, err = r.Last(limited)
		return err
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	switch {
	case err != nil && ctx.Err() != nil: // the daemon ends
		return s, err
	case err != nil:
		e.failed(now)
		d.tellBroken("it can't be told when a secret was rotated; trying again", r.Name, err)
		return s, err
	}
	s.last = later(s.last, e.done)
	due, begin, err := r.When(s.last, s.begun, now)
	if err != nil { // it was read before
		e.failed(now)
		return s, err
	}
	s.due = !begin.IsZero() && !begin.After(now)
	switch {
	case !s.begun:
		e.begun = time.Time{}
	case e.begun.IsZero():
		e.begun = now
	}
	if s.begun && !e.done.IsZero() && now.Sub(e.done) < lookEvery {
		d.log.Warn("a rotation succeeded, and its secret still says that one was begun: it is tried again an hour after", "rotation", r.Name)
		s.due, begin = false, e.done.Add(lookEvery)
	}
	d.plan(e, s, due, begin, now)
	return s, nil
}

// plan settles when to look at a rotation next, and says in the metrics when it is due. The caller holds mu.
func (d *daemon) plan(e *entry, s sight, due, begin, now time.Time) {
	if !d.book.has(e) {
		return
	}
	if !s.last.IsZero() {
		d.metrics.rotatedAt.WithLabelValues(e.Name).Set(stamp(s.last))
	}
	if !e.ByItself() {
		return
	}
	if !s.due {
		e.failures = 0
	}
	e.look = now.Add(lookEvery)
	switch {
	case begin.IsZero() && !e.unknown:
		d.log.Warn("it can't be told when a secret is due: it is not rotated by itself; rotate it once by hand, or correct its schedule", "rotation", e.Name)
	case !begin.IsZero() && begin.Before(e.look):
		e.look = begin
	}
	e.unknown = begin.IsZero()
	if s.begun {
		due = e.begun
	}
	at := 0.
	if !due.IsZero() {
		at = stamp(due)
	}
	d.metrics.rotationDue.WithLabelValues(e.Name).Set(at)
}

// rotate rotates a secret, counts it, and says in the log how it ended.
func (d *daemon) rotate(ctx context.Context, e *entry) error {
	d.mu.Lock()
	r := e.Rotation
	d.mu.Unlock()
	began := time.Now()
	err := guarded(func() error { return r.Rotate(ctx) })
	took := time.Since(began).Round(time.Millisecond).String()
	d.mu.Lock()
	defer d.mu.Unlock()
	now, ended := d.now(), succeeded
	var p *engine.PanicError
	switch {
	case err == nil:
		e.failures, e.done = 0, now
		if e.ByItself() {
			e.look = now // to be told when it is due again
		}
		if d.book.has(e) {
			d.metrics.rotatedAt.WithLabelValues(e.Name).Set(stamp(now))
		}
		d.log.Info("a secret was rotated", "rotation", r.Name, "took", took)
	case errors.As(err, &p):
		ended = panicked
		e.failed(now)
		d.tellBroken("", r.Name, err)
	case ctx.Err() != nil:
		ended = interrupted
		d.log.Info("a rotation was interrupted: it is resumed at the next start", "rotation", r.Name, "took", took, "error", err.Error())
	default:
		ended = rotationFailed
		e.failed(now)
		d.log.Error("a rotation failed", "rotation", r.Name, "took", took, "failures", e.failures, "error", err.Error())
	}
	d.metrics.rotations.WithLabelValues(string(ended)).Inc()
	return err
}

// tellBroken says that a call failed, and where the program broke if that was why.
func (d *daemon) tellBroken(message, rotation string, err error) {
	var p *engine.PanicError
	if errors.As(err, &p) {
		d.log.Error("the rotation broke: this is a mistake of the program; please report it", "rotation", rotation, "type", p.Type, "where", p.Where)
		return
	}
	d.log.Error(message, "rotation", rotation, "error", err.Error())
}
