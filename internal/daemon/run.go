package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// longestSleep is after what time the clock is looked at again at least: it may have been set, or the machine suspended.
const longestSleep = time.Minute

// longestRun is after what time a run counts as stuck.
const longestRun = 24 * time.Hour

// keepSchedule makes the runs that are due, one after the other, until ctx ends: memory and the load on stores are those of one run, and no sync ever runs twice at
// a time.
func (d *daemon) keepSchedule(ctx context.Context, b *inbox) {
	defer d.pulse.rest("schedule")
	limited := false // the run before was one that a message limited to some secrets: the turn is the schedule's
	for ctx.Err() == nil {
		asked := b.asked()
		r, wait := d.nextRun(b, limited)
		if r != nil {
			d.pulse.expect("schedule", d.now().Add(longestRun))
			limited = len(r.job.Only) > 0
			d.runDue(ctx, b, r)
			continue
		}
		d.pulse.expect("schedule", d.now().Add(wait))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-d.changed:
		case <-asked:
		}
		timer.Stop()
	}
}

// due is a run that is to begin now.
type due struct {
	session  *Session // nil: there is nothing to run, as the requests name syncs that there are not
	job      Job
	syncs    []secret.SyncName // that the job is about
	whole    bool
	requests []*request // that it fulfils
}

// nextRun takes what is to run now from the agenda and from what messages ask for: all syncs that are due are one job. Nil: nothing is due before wait is over.
func (d *daemon) nextRun(b *inbox, limited bool) (r *due, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if unknown := b.takeRequests(func(r *request) bool { return !d.knows(r) }); len(unknown) > 0 {
		return &due{requests: unknown}, 0
	}
	if !limited {
		if r := d.limitedRun(b); r != nil {
			return r, 0
		}
	}
	syncs := d.agenda.due(now)
	requests := b.takeRequests(func(r *request) bool { return len(r.run.Only) == 0 })
	for _, r := range requests {
		syncs = append(syncs, d.about(r)...)
	}
	if len(syncs) == 0 {
		if r := d.limitedRun(b); r != nil {
			return r, 0
		}
		wait = longestSleep
		if next := d.agenda.next(); !next.IsZero() {
			wait = min(wait, max(next.Sub(now), 0))
		}
		return nil, wait
	}
	r = &due{session: d.session, requests: requests}
	for _, p := range d.agenda.all {
		if name := p.sync.Name; slices.Contains(syncs, name) {
			r.syncs = append(r.syncs, name)
			if d.agenda.begin(name, now) {
				d.log.Warn("the schedule of a sync has no time any more: it does not run by itself again", "sync", string(name), "schedule", p.sync.Schedule)
			}
		}
	}
	if r.whole = len(r.syncs) == len(d.agenda.all); !r.whole {
		r.job.Syncs = r.syncs
	}
	return r, 0
}

// limitedRun takes a run that a message limits to some names of secrets; nil: there is none.
func (d *daemon) limitedRun(b *inbox) *due {
	taken := false
	requests := b.takeRequests(func(r *request) bool {
		take := !taken && len(r.run.Only) > 0
		taken = taken || take
		return take
	})
	if len(requests) == 0 {
		return nil
	}
	r := requests[0]
	return &due{session: d.session, job: Job{Syncs: r.run.Syncs, Only: r.run.Only}, syncs: d.about(r), requests: requests}
}

// knows reports whether there is every sync that a request names.
func (d *daemon) knows(r *request) bool {
	return !slices.ContainsFunc(r.run.Syncs, func(name secret.SyncName) bool { return d.agenda.find(name) == nil })
}

// about returns the syncs that a request is about.
func (d *daemon) about(r *request) []secret.SyncName {
	var names []secret.SyncName
	for _, p := range d.agenda.all {
		if len(r.run.Syncs) == 0 || slices.Contains(r.run.Syncs, p.sync.Name) {
			names = append(names, p.sync.Name)
		}
	}
	return names
}

// runDue makes one run that is due.
func (d *daemon) runDue(ctx context.Context, b *inbox, r *due) {
	if r.session == nil {
		for _, q := range r.requests {
			d.log.Warn("a message asks for a sync that is not in the configuration: it stays in the queue", "syncs", q.run.Syncs)
			d.settle(ctx, b, b.doneRequest(q, true))
		}
		return
	}
	v := d.run(ctx, r.session, r.job, bySchedule)
	now := d.now()
	d.mu.Lock()
	d.ready = d.ready || v.report != nil
	if len(r.job.Only) == 0 {
		for _, name := range r.syncs {
			d.agenda.end(name, v.attempted(name) || v.ended, now)
			if v.succeeded(name) && d.agenda.find(name) != nil {
				d.metrics.lastSuccess.WithLabelValues(string(name)).Set(stamp(now))
			}
		}
	}
	d.mu.Unlock()
	if v.report != nil && len(r.job.Only) == 0 {
		d.metrics.looked(v.report, r.whole, now)
	}
	for _, q := range r.requests {
		d.settle(ctx, b, b.doneRequest(q, v.report == nil || v.report.Unfinished()))
	}
}

// run makes one run, counts it, and says in the log how it ended.
func (d *daemon) run(ctx context.Context, s *Session, job Job, trigger string) verdict {
	began := time.Now()
	var v verdict
	v.err = guarded(func() (err error) {
		v.report, err = s.Run(ctx, job)
		return err
	})
	v.ended = ctx.Err() != nil
	took := time.Since(began)
	d.metrics.ran(trigger, v.outcome(), v.report, took)
	d.tell(job, trigger, v, took)
	return v
}
