// Package daemon runs syncs unattended: on schedules, one run of a sync at a time, and on events from a queue, with health and metrics.
package daemon

import (
	"context"
	"time"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Job is what one run is to be about. The zero Job is a whole run.
type Job struct {
	Syncs []secret.SyncName // only these; nil: all
	Only  []string          // globs of source names; nil: all
	Hints []event.Hint      // not nil: only the secrets that they name, without a listing
}

// Session is a configuration that is open and ready to run.
type Session struct {
	Owner secret.Owner // as metrics of Lambda call it; empty: not known before a run's report has it
	Syncs []Sync
	// Run makes one run: it plans, applies, and tells whoever is to be told of a failure. The report is nil where nothing could be attempted, which the error
	// says; failures and refusals of single copies are in the report alone. It may be called concurrently. When ctx ends, the writes in flight are finished.
	Run func(ctx context.Context, job Job) (*engine.Report, error)
	// Rotations are the secrets that are rotated unattended.
	Rotations []Rotation
	// Step does one step of a rotation that Secrets Manager drives. Nil: the configuration rotates nothing that way. It may be called concurrently.
	Step func(ctx context.Context, step event.Step) error
}

// Rotation is one secret that is rotated unattended.
type Rotation struct {
	// Name is what logs and metrics call it, as in "hub rds/app". No two have one name.
	Name   string
	Secret secret.Name
	// Every is how old a credential may become; zero: Schedule says when.
	Every    time.Duration
	Schedule string  // as in Sync; empty where Every is not zero, and where it is rotated on demand only: both are zero then
	Window   *Window // when a rotation that is due by Every may begin; nil: at any time
	Digest   string  // of everything that it depends on, to tell whether a reload changed it
	// Last returns when the secret was rotated last, zero where nobody can tell, and whether a rotation was begun and not finished, which is due at once.
	Last func(ctx context.Context) (last time.Time, begun bool, err error)
	// Rotate rotates it, brings the change to its copies, and tells whoever is to be told of a failure. When ctx ends, what is in flight is finished or can be resumed.
	Rotate func(ctx context.Context) error
}

// Window is a part of a day, in UTC.
type Window struct {
	From, To time.Duration  // since midnight; where To is the smaller it is on the next day
	Days     []time.Weekday // on which it begins; nil: every day
}

// Sync is one rule of the configuration. A reload runs at once what is not equal to what was there before.
type Sync struct {
	Name     secret.SyncName
	Schedule string // as the configuration has it: rate(1 hour), cron(…), or a cron line; empty: every hour
	Digest   string // of everything that the run of the sync depends on, to tell whether a reload changed it; empty: it changed nothing but schedules
}

// Settings are the `serve:` of a configuration. The zero Settings serve neither HTTP nor a queue.
type Settings struct {
	Listen string // HOST:PORT for health and metrics; empty: none
	Queue  string // URL of the SQS queue with events; empty: none
	Lease  *Lease // the Kubernetes Lease by which one of several replicas leads; nil: every replica runs
}

// Lease names the Kubernetes Lease that replicas lead by.
type Lease struct {
	Namespace string
	Name      string
}
