// Package daemon runs syncs unattended: on schedules, one run of a sync at a time, and on events from a queue, with health and metrics.
package daemon

import (
	"context"

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
	Syncs []Sync
	// Run makes one run: it plans, applies, and tells whoever is to be told of a failure. The report is nil where nothing could be attempted, which the error
	// says; failures and refusals of single copies are in the report alone. It may be called concurrently. When ctx ends, the writes in flight are finished.
	Run func(ctx context.Context, job Job) (*engine.Report, error)
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
