package cli

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/notify"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// unattended is a configuration that runs again and again, without anybody who looks. Its run may be called concurrently.
type unattended struct {
	app     *app
	session *session
	teller  *teller
	past    *past
	engine  atomic.Pointer[engine.Engine]

	beginning sync.Mutex
	begun     time.Time // of what awscfg knows of targets that don't answer
}

// past is what a process knows of its runs, whatever configuration they had. The zero past is that of a process that has just begun.
type past struct {
	told     notify.Memory
	deleted  engine.Deletions
	followed followed
}

// unattended opens the configuration for runs that go on. observe, where it is not nil, is told of every call.
func (a *app) unattended(ctx context.Context, p *past, observe func(awscfg.Call)) (*unattended, error) {
	s, err := a.openFor(ctx, observe, &p.deleted)
	if err != nil {
		return nil, err
	}
	t, err := a.teller(s)
	if err != nil {
		return nil, err
	}
	u := &unattended{app: a, session: s, teller: t, past: p}
	u.engine.Store(s.engine)
	return u, nil
}

// daemon returns the configuration as whoever runs it unattended has to know it.
func (u *unattended) daemon() *daemon.Session {
	f := u.session.file
	s := &daemon.Session{Owner: f.Owner, Run: u.run, Rotations: u.rotations(), Step: u.step}
	for _, r := range f.Rules {
		s.Syncs = append(s.Syncs, daemon.Sync{Name: r.Name, Schedule: cmp.Or(r.Schedule, f.Serve.Schedule, config.DefaultSchedule), Digest: f.Digest})
	}
	return s
}

// renewEvery is how old what is known of unreachable targets may become where runs follow events only: each of these is too short to begin anew.
const renewEvery = time.Minute

// run makes one run. What a store remembers of its surroundings, such as which key an alias stands for, is forgotten before every run that does not follow events.
func (u *unattended) run(ctx context.Context, job daemon.Job) (r *engine.Report, err error) {
	runID := newRunID()
	defer func() {
		if p := recover(); p != nil { // whoever made the run ends it; and people are told
			u.tellError(ctx, job, runID, errors.New("internal error: the run broke off: see the log"))
			panic(p)
		}
	}()
	u.begin(runID, job.Hints == nil)
	if job.Hints == nil {
		e, err := u.app.engineOf(u.session)
		if err != nil {
			u.tellError(ctx, job, runID, err)
			return nil, err
		}
		u.engine.Store(e)
	}
	e := u.engine.Load()
	run, err := e.Plan(ctx, engine.Options{Only: job.Only, Due: job.Syncs, Hints: job.Hints, Held: u.held(ctx)})
	if err != nil {
		u.tellError(ctx, job, runID, err)
		return nil, err
	}
	r = e.Apply(ctx, run)
	u.followAll(ctx, job, run.Held(), r)
	u.tellReport(ctx, job, runID, r)
	return r, nil
}

// begin begins a run: breakers are closed and retry budgets full. Runs that follow events are many, and share what there is of these for some time.
func (u *unattended) begin(runID string, whole bool) {
	u.beginning.Lock()
	defer u.beginning.Unlock()
	if whole || time.Since(u.begun) >= renewEvery {
		u.begun = time.Now()
		u.session.factory.Begin(runID)
	}
}

func (u *unattended) tellError(ctx context.Context, job daemon.Job, runID string, err error) {
	if m := u.teller.ofError(ctx, err); m != nil {
		m.Syncs = u.syncsOf(job)
		u.tell(ctx, runID, *m, func(notify.Item) bool { return false })
	}
}

func (u *unattended) tellReport(ctx context.Context, job daemon.Job, runID string, r *engine.Report) {
	m, failed := wire.Message(r)
	switch {
	case !failed && r.Interrupted:
		return // what it did not come to is not mended
	case !failed:
		m.Outcome = notify.Resolved
	}
	m.Syncs = u.syncsOf(job)
	if failing := failing(m); job.Hints != nil && len(failing) > 0 {
		m.Syncs = failing // an event does not say which syncs it is about
	}
	u.tell(ctx, runID, m, covers(job, r))
}

// failing returns the names of the syncs in which something fails, sorted.
func failing(m notify.Message) []string {
	var names []string
	for _, f := range m.Failures {
		names = append(names, f.Sync)
	}
	for _, p := range m.Problems {
		if p.Sync != "" {
			names = append(names, p.Sync)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// tell sends what is new in a message.
func (u *unattended) tell(ctx context.Context, runID string, m notify.Message, covers func(notify.Item) bool) {
	if u.teller.to.Empty() {
		return
	}
	next, tell := u.past.told.Next(m, covers)
	if !tell {
		return
	}
	next.RunID = runID
	if u.teller.tell(ctx, next) == u.teller.to.Len() {
		u.past.told.Undelivered(next)
	}
}

// syncsOf returns the names of the syncs that a job may be about.
func (u *unattended) syncsOf(job daemon.Job) []string {
	if job.Syncs == nil {
		return u.teller.syncs()
	}
	var names []string
	for _, s := range job.Syncs {
		names = append(names, string(s))
	}
	return names
}

// covers returns which failures a run would have seen again: those about what it looked at.
func covers(job daemon.Job, r *engine.Report) func(notify.Item) bool {
	targets := map[string]bool{}
	for _, t := range r.Targets {
		targets[t.Target.String()] = t.Err == ""
	}
	switch {
	case r.Interrupted, job.Only != nil:
		return func(notify.Item) bool { return false }
	case job.Hints != nil:
		names := map[string]bool{}
		for _, h := range job.Hints {
			for _, n := range h.Names {
				names[string(n)] = true
			}
		}
		return func(i notify.Item) bool {
			_, name, ok := strings.Cut(i.Source, " ")
			return ok && names[name] && !isRotation(i)
		}
	case job.Syncs != nil:
		return func(i notify.Item) bool {
			return slices.Contains(job.Syncs, secret.SyncName(i.Sync)) || i.Sync == "" && targets[i.Target]
		}
	}
	return func(i notify.Item) bool { return !isRotation(i) }
}
