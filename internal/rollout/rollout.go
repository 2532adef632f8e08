// Package rollout is what follows a rotation: its copies, wave by wave, what uses them, and a look whether that works before the next wave is begun.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Wave is a part of the targets, what uses the copies there, and how to tell that it works. The Kubernetes store restarts what uses its copies by itself, with its setting restart: there is
// nothing to say of it here.
type Wave struct {
	Targets Targets
	ECS     []ECSService
	Webhook *Webhook
	Gate    []Probe // all have to pass, before the next wave is begun
}

// Targets selects targets: kinds are ANDed, entries of one kind ORed. The zero Targets are all that no wave before them had. A target that several waves select belongs to the first of them;
// one that no wave selects gets nothing.
type Targets struct {
	Stores     []secret.StoreName
	Accounts   []secret.AccountID
	Regions    []secret.Region
	Clusters   []string
	Namespaces []string
}

// ECSService is a service of ECS whose tasks read the secret at their start only: it gets a new deployment. A wave that is done again, after a crash or by a schedule, may have no copy left to
// write, and tasks that are as old as before: then too, unless Setup.Again is set and the deployment that the service has is younger than what was written last.
type ECSService struct {
	Cluster string // a name or an ARN
	Service string
	Account secret.AccountID // empty: that of the credentials, or of Role
	Region  secret.Region    // empty: that of the environment
	Role    string           // to be assumed; empty: none
	Wait    bool             // until the deployment is complete, for half an hour at most
}

// Webhook is told of a wave whose copies are written: a Message as JSON, signed as notifications are. It is tried three times.
type Webhook struct {
	URL     string
	Key     string        // the environment variable with the key; empty: not signed
	Timeout time.Duration // of one attempt; 0: 10 seconds
}

// Probe tells whether what uses a secret works. Exactly one of Command, HTTP and Login is set.
type Probe struct {
	Command []string      // passes with exit code 0; never a shell, and what it prints is thrown away
	HTTP    string        // a URL; passes with a status of 200 to 299, redirects on the same host followed
	Login   bool          // the rotation's own test, with the current credential
	Within  time.Duration // how long it may take to pass, tried again and again; 0: two minutes
}

// Setup is what Roll works with.
type Setup struct {
	Store   secret.StoreName
	Name    secret.Name
	Version secret.Version // that is current now
	// Again says that nobody knows of anything that is left to be done: services of ECS get no new deployment where the one that they have is younger than what was written last.
	Again bool
	// Settled says that all copies hold what is current already: nobody is told, and no gate is looked at, for there is nothing behind them.
	Settled bool
	// Since is when the secret was changed last. Zero: unknown.
	Since time.Time
	// Once has every probe tried once only: it is known to fail.
	Once  bool
	AWS   *awscfg.Factory
	HTTP  *http.Client                    // nil: one of its own, which refuses link-local and metadata addresses
	Login func(ctx context.Context) error // the rotation's own test; nil: there is none
	Log   *slog.Logger                    // nil: no log
}

// Report says what became of one wave.
type Report struct {
	Wave    int      `json:"wave"`    // from 1
	Outcome string   `json:"outcome"` // done, failed, skipped
	Copies  int      `json:"copies"`
	Did     []Action `json:"did"`
	Error   string   `json:"error,omitempty"`
}

// Action is one thing that was done after the copies of a wave were written.
type Action struct {
	What    string `json:"what"`    // "ecs 111122223333/us-east-1 apps/web", "webhook HOST", "gate http HOST", "gate command NAME", "gate login"
	Outcome string `json:"outcome"` // done, failed, skipped
	Error   string `json:"error,omitempty"`
}

// The outcomes of waves and actions.
const (
	Done    = "done"
	Failed  = "failed"
	Skipped = "skipped"
)

// Copies writes the copies in those targets of which match, which may be called concurrently, is true. It returns what it wrote and why not all of them are as wanted.
type Copies func(ctx context.Context, match func(plan.Target) bool) (Written, error)

// Written is what was done to the copies of a wave.
type Written struct {
	Copies  int       // how many got another value
	Changed time.Time // when one of the others was changed last; zero: not known, or there is none
}

// Roll brings one change to its targets, wave by wave: first the copies; where they are all as wanted the services of ECS get their new deployments and, when all have, those with Wait are waited
// for; then the webhook is told, and the probes of the gate are tried, one after the other, until each passes or its time is over. Where something fails, what is left of the wave and the waves
// after it are skipped: the error is that of the wave's report, which names it. There is a report for every wave, and an action in it for everything that the wave asks for. No waves at all are one, with all targets.
func Roll(ctx context.Context, s Setup, waves []Wave, copies Copies) ([]Report, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if len(waves) == 0 {
		waves = []Wave{{}}
	}
	reports := make([]Report, len(waves))
	var failed error
	for i := range waves {
		w := &wave{Setup: s, number: i + 1, of: waves[i], earlier: waves[:i]}
		w.plan()
		if failed == nil {
			if failed = w.run(ctx, copies); failed != nil {
				failed = fmt.Errorf("wave %d: %w", w.number, failed)
			}
		}
		reports[i] = w.report()
	}
	return reports, failed
}

// wave is one wave on its way.
type wave struct {
	Setup
	number  int
	of      Wave
	earlier []Wave

	seen    seen // the targets of the wave that the copies' writer asked for
	actions []Action
	steps   []step
	begun   bool
	written Written
	err     error
}

// step is a part of an action; several steps of one action need not follow each other.
type step struct {
	action int // its index
	run    func(ctx context.Context) error
}

// plan lays out what follows the copies. It contacts nothing.
func (w *wave) plan() {
	add := func(what string) int {
		w.actions = append(w.actions, Action{What: what, Outcome: Skipped})
		return len(w.actions) - 1
	}
	do := func(action int, run func(context.Context) error) {
		w.steps = append(w.steps, step{action, run})
	}
	deployments := make([]*deployment, len(w.of.ECS))
	for i, service := range w.of.ECS {
		deployments[i] = &deployment{wave: w, of: service}
		do(add(service.what()), deployments[i].force)
	}
	for i, service := range w.of.ECS {
		if service.Wait {
			do(i, deployments[i].wait)
		}
	}
	if w.Settled {
		return
	}
	if hook := w.of.Webhook; hook != nil {
		do(add(hook.what()), func(ctx context.Context) error { return w.tell(ctx, *hook) })
	}
	for _, probe := range w.of.Gate {
		do(add(probe.what()), func(ctx context.Context) error { return w.pass(ctx, probe) })
	}
}

// run does a wave, as far as it goes.
func (w *wave) run(ctx context.Context, copies Copies) error {
	w.begun = true
	if w.written, w.err = copies(ctx, w.match); w.err != nil {
		w.err = fmt.Errorf("copies: %w", w.err)
		return w.err
	}
	w.Log.Info("rollout: copies", "wave", w.number, "written", w.written.Copies)
	begun := make([]bool, len(w.actions))
	for i, s := range w.steps {
		a := &w.actions[s.action]
		err := ctx.Err()
		if err == nil {
			err = s.run(ctx)
		}
		if err != nil {
			a.Outcome, a.Error = Failed, err.Error()
			w.leave(i, begun)
			w.err = fmt.Errorf("%s: %w", a.What, err)
			return w.err
		}
		a.Outcome, begun[s.action] = Done, true
		w.Log.Info("rollout", "wave", w.number, "what", a.What)
	}
	return nil
}

// leave says of the actions that are left half done after a step that they are.
func (w *wave) leave(failed int, begun []bool) {
	for _, s := range w.steps[failed+1:] {
		if a := &w.actions[s.action]; begun[s.action] && a.Outcome == Done {
			a.Outcome, a.Error = Skipped, errNotWaited.Error()
		}
	}
}

var errNotWaited = errors.New("its new deployment was not waited for")

func (w *wave) report() Report {
	r := Report{Wave: w.number, Outcome: Done, Copies: w.written.Copies, Did: w.actions}
	switch {
	case !w.begun:
		r.Outcome = Skipped
	case w.err != nil:
		r.Outcome, r.Error = Failed, w.err.Error()
	}
	if r.Did == nil {
		r.Did = []Action{}
	}
	return r
}
