package rotate

import (
	"context"
	"log/slog"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Rotator rotates secrets. Its methods may be called concurrently, also by several processes for one secret: they come to one result.
type Rotator struct {
	// Engines are what credentials are changed by, by the names that Settings.Engine and the secrets' own JSON use.
	Engines map[string]Engine
	// Owner is the name of this installation: version ids follow from it.
	Owner secret.Owner
	Log   *slog.Logger     // nil: no log
	Now   func() time.Time // nil: time.Now
}

// Outcome is what became of a rotation.
type Outcome string

// The outcomes.
const (
	Rotated    Outcome = "rotated"
	Resumed    Outcome = "resumed" // what was begun earlier was finished
	Cancelled  Outcome = "cancelled"
	RolledBack Outcome = "rolled-back"
	Nothing    Outcome = "nothing" // there was nothing to cancel
	Failed     Outcome = "failed"
)

// Report is what a rotation did. It holds no value.
type Report struct {
	Store    secret.StoreName `json:"store"`
	Name     secret.Name      `json:"name"`
	Place    secret.Place     `json:"place"`
	Engine   string           `json:"engine"`
	Strategy Strategy         `json:"strategy"`
	Outcome  Outcome          `json:"outcome"`
	From     secret.Version   `json:"from"` // current before
	To       secret.Version   `json:"to"`   // current after; empty where nothing became current
	Steps    []StepReport     `json:"steps"`
	Error    string           `json:"error,omitempty"`
}

// StepReport is what became of one step.
type StepReport struct {
	Step    Step   `json:"step"`
	Outcome string `json:"outcome"` // done, failed, skipped
	Error   string `json:"error,omitempty"`
}

// Step does one step of a rotation that Secrets Manager drives, under its token. A step that is repeated, or comes out of order, changes nothing that is not its own: see the table in
// its code.
func (r *Rotator) Step(ctx context.Context, s Secret, step Step, token secret.Version) error {
	return nil
}

// Rotate does the four steps. A rotation that was begun and not finished is resumed instead. The error is that of the report; where Report.Steps is empty nothing was attempted.
func (r *Rotator) Rotate(ctx context.Context, s Secret) (Report, error) { return Report{}, nil }

// Cancel gives up a rotation that was begun and not finished: the service is made to accept the current credential again, and the pending version is withdrawn.
func (r *Rotator) Cancel(ctx context.Context, s Secret) (Report, error) { return Report{}, nil }

// Rollback makes the previous version current again, where it is used and where it is kept, by the same four steps. A rotation that is under way is an error: it is finished or cancelled first.
func (r *Rotator) Rollback(ctx context.Context, s Secret) (Report, error) { return Report{}, nil }

// Since returns when a secret was last rotated, as far as its store tells; zero: it does not.
func (r *Rotator) Since(ctx context.Context, s Secret) (time.Time, error) { return time.Time{}, nil }
