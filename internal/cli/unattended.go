package cli

import (
	"cmp"
	"context"
	"strings"
	"sync/atomic"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/notify"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

// unattended is a configuration that runs again and again, without anybody who looks. Its run may be called concurrently.
type unattended struct {
	app     *app
	session *session
	teller  *teller
	memory  *notify.Memory
	engine  atomic.Pointer[engine.Engine]
}

// unattended opens the configuration for runs that go on. memory knows what was told before; observe, where it is not nil, is told of every call.
func (a *app) unattended(ctx context.Context, memory *notify.Memory, observe func(awscfg.Call)) (*unattended, error) {
	s, err := a.openObserved(ctx, observe)
	if err != nil {
		return nil, err
	}
	t, err := a.teller(s)
	if err != nil {
		return nil, err
	}
	u := &unattended{app: a, session: s, teller: t, memory: memory}
	u.engine.Store(s.engine)
	return u, nil
}

// daemon returns the configuration as whoever runs it unattended has to know it.
func (u *unattended) daemon() *daemon.Session {
	f := u.session.file
	s := &daemon.Session{Run: u.run}
	for _, r := range f.Rules {
		s.Syncs = append(s.Syncs, daemon.Sync{Name: r.Name, Schedule: cmp.Or(r.Schedule, f.Serve.Schedule, config.DefaultSchedule), Digest: f.Digest})
	}
	return s
}

// run makes one run. What a store remembers of its surroundings, such as which key an alias stands for, is forgotten before every run that does not follow events.
func (u *unattended) run(ctx context.Context, job daemon.Job) (*engine.Report, error) {
	runID := newRunID()
	u.session.factory.Begin(runID)
	if job.Hints == nil {
		e, err := u.app.engineOf(u.session)
		if err != nil {
			return nil, err
		}
		u.engine.Store(e)
	}
	e := u.engine.Load()
	run, err := e.Plan(ctx, engine.Options{Only: job.Only, Due: job.Syncs, Hints: job.Hints})
	if err != nil {
		u.tell(ctx, job, runID, u.teller.ofError(ctx, err))
		return nil, err
	}
	r := e.Apply(ctx, run)
	m, failed := wire.Message(r)
	if !failed {
		m.Outcome = notify.Resolved
	}
	u.tell(ctx, job, runID, &m)
	return r, nil
}

// tell sends what is new in a message, for runs about the same.
func (u *unattended) tell(ctx context.Context, job daemon.Job, runID string, m *notify.Message) {
	if m == nil || u.teller.to.Empty() {
		return
	}
	about := aboutOf(job)
	next, tell := u.memory.Next(about, *m)
	if !tell {
		return
	}
	next.RunID = runID
	if u.teller.tell(ctx, next) > 0 {
		u.memory.Undelivered(about, next)
	}
}

// aboutOf names what a job is about: failures of the same are told once.
func aboutOf(job daemon.Job) string {
	var parts []string
	for _, s := range job.Syncs {
		parts = append(parts, "sync "+string(s))
	}
	for _, glob := range job.Only {
		parts = append(parts, "only "+glob)
	}
	for _, h := range job.Hints {
		for _, n := range h.Names {
			parts = append(parts, "secret "+strings.Join([]string{string(h.Kind), string(h.Account), string(h.Region), string(n)}, "/"))
		}
	}
	return strings.Join(parts, "\n")
}
