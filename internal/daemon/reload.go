package daemon

import (
	"context"
)

// reloads reads the configuration anew whenever somebody asks for it, until ctx ends.
func (d *daemon) reloads(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-d.o.Reload:
			if !ok {
				return
			}
			if err := d.reload(ctx); err != nil && ctx.Err() == nil {
				d.metrics.reloads.WithLabelValues("failure").Inc()
				d.metrics.reloadOK.Set(0)
				d.log.Error("the configuration was not reloaded: the one that is in use stays", "error", err.Error())
			}
		}
	}
}

// reload replaces the configuration, if the new one is valid. Runs that are going on end with the old one. What is the same in both keeps its time; what is not runs at
// once. Of every secret that is rotated it is asked again when that was. What only a start can change is said, and stays.
func (d *daemon) reload(ctx context.Context) error {
	var s *Session
	var settings Settings
	err := guarded(func() (err error) {
		s, settings, err = d.o.Open(ctx)
		return err
	})
	if err != nil {
		return err
	}
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	a, err := newAgenda(s.Syncs, now, d.agenda)
	if err != nil {
		return err
	}
	rotations, err := newBook(s.Rotations, now, d.book)
	if err != nil {
		return err
	}
	if d.agenda != nil {
		d.agenda, d.book = a, rotations
		d.metrics.expect(s.Syncs, d.session.Syncs)
		d.metrics.expectRotations(s.Rotations, d.session.Rotations)
	}
	d.session = s
	for _, part := range d.started.fixed(settings) {
		d.log.Warn("a change of the configuration takes a restart", "setting", part)
	}
	d.metrics.reloads.WithLabelValues("success").Inc()
	d.metrics.reloadOK.Set(1)
	d.metrics.reloadedAt.Set(stamp(now))
	d.log.Info("the configuration was reloaded", "syncs", len(s.Syncs), "rotations", len(s.Rotations))
	for _, changed := range []chan struct{}{d.changed, d.booked} {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	return nil
}

// fixed returns what other settings say otherwise, and only a start can change.
func (s Settings) fixed(other Settings) []string {
	var all []string
	if s.Listen != other.Listen {
		all = append(all, "serve.listen")
	}
	if s.Queue != other.Queue {
		all = append(all, "serve.queue")
	}
	if (s.Lease == nil) != (other.Lease == nil) || s.Lease != nil && *s.Lease != *other.Lease {
		all = append(all, "serve.lease")
	}
	return all
}
