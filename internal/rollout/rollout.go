// Package rollout is what follows a rotation: its copies, wave by wave, what uses them, and a look whether that works before the next wave is begun.
package rollout

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Wave is a part of the targets, what uses the copies there, and how to tell that it works.
type Wave struct {
	Targets Targets
	ECS     []ECSService
	Webhook *Webhook
	Gate    []Probe // all have to pass, before the next wave is begun
}

// Targets selects targets: kinds are ANDed, entries of one kind ORed. The zero Targets are all that no wave before them had.
type Targets struct {
	Stores     []secret.StoreName
	Accounts   []secret.AccountID
	Regions    []secret.Region
	Clusters   []string
	Namespaces []string
}

// ECSService is a service of ECS whose tasks read the secret at their start only: it gets a new deployment.
type ECSService struct {
	Cluster string
	Service string
	Account secret.AccountID // empty: that of the credentials, or of Role
	Region  secret.Region    // empty: that of the environment
	Role    string           // to be assumed; empty: none
	Wait    bool             // until the deployment is complete
}

// Webhook is told of a wave: names, versions and targets, no value. It is signed as notifications are.
type Webhook struct {
	URL string
	Key string // the environment variable with the key; empty: not signed
}

// Probe tells whether what uses a secret works. Exactly one of Command, HTTP and Login is set.
type Probe struct {
	Command []string      // passes with exit code 0; never a shell
	HTTP    string        // a URL; passes with a status of 200 to 299
	Login   bool          // the rotation's own test, with the current credential
	Within  time.Duration // how long it may take to pass, tried again and again; 0: two minutes
}

// Setup is what Roll works with.
type Setup struct {
	Store   secret.StoreName
	Name    secret.Name
	Version secret.Version // that is current now
	AWS     *awscfg.Factory
	HTTP    *http.Client                    // nil: one of its own
	Login   func(ctx context.Context) error // the rotation's own test; nil: there is none
	Log     *slog.Logger                    // nil: no log
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

// Roll brings one change to its targets, wave by wave. copies writes the copies in those targets of which match is true, and returns how many there are and why not all of them are as wanted.
// Where something of a wave fails the waves after it are not begun.
func Roll(ctx context.Context, s Setup, waves []Wave, copies func(ctx context.Context, match func(plan.Target) bool) (int, error)) ([]Report, error) {
	return nil, nil
}
