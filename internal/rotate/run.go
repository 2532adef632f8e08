package rotate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Rotator rotates secrets. Its methods may be called concurrently, also by several processes for one secret: they come to one result.
type Rotator struct {
	// Engines are what credentials are changed by, by the names that Settings.Engine and the secrets' own JSON use, in small letters.
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
	Engine   string           `json:"engine"` // empty where the secret is rotated by what is configured in its store, or it is not known
	Strategy Strategy         `json:"strategy"`
	Outcome  Outcome          `json:"outcome"`
	From     secret.Version   `json:"from"` // current before
	To       secret.Version   `json:"to"`   // current after; empty where nothing became current
	Steps    []StepReport     `json:"steps"`
	Warnings []string         `json:"warnings,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// StepReport is what became of one step.
type StepReport struct {
	Step    Step   `json:"step"`
	Outcome string `json:"outcome"` // done, failed, skipped
	Error   string `json:"error,omitempty"`
}

// Rotate does the four steps. A rotation that was begun and not finished is resumed instead, be it a rollback. A secret that its store rotates by a function of its own is rotated by that: it is
// started, and waited for. The error is that of the report; where Report.Steps is empty nothing was attempted.
// Until setSecret the end of ctx ends it; what was begun then is finished, or fails, within five minutes more, so that no credential is left half changed.
func (r *Rotator) Rotate(ctx context.Context, s Secret) (Report, error) {
	w, err := r.open(ctx, "rotate", s)
	switch {
	case err != nil:
		return w.end(Failed, err)
	case w.now.By != "":
		return w.native(ctx)
	}
	outcome := Rotated
	err = w.equip(ctx)
	if err == nil && w.now.Pending != "" {
		outcome, err = Resumed, w.wrap("", w.adopt(ctx))
		if err == nil && !w.halfway {
			err = w.wrap("", w.stale(ctx, false))
		}
	}
	if err == nil {
		err = w.steps(ctx)
	}
	return w.end(outcome, err)
}

// Rollback makes the previous version current again, where it is used and where it is kept, by the same four steps. A rotation that is under way is an error: it is finished or cancelled first;
// a rollback that is under way is finished. As for interruption, see Rotate.
func (r *Rotator) Rollback(ctx context.Context, s Secret) (Report, error) {
	w, err := r.open(ctx, "roll back", s)
	if err == nil {
		err = w.equip(ctx)
	}
	switch {
	case err != nil:
	case w.now.Pending != "":
		switch err = w.wrap("", w.adopt(ctx)); {
		case err != nil, w.rollback:
		case w.halfway:
			err = w.wrap("", fmt.Errorf("a rotation was broken off after version %s had become current: %s finishes it, and then it can be rolled back", w.now.Current, w.command("")))
		default:
			err = w.wrap("", fmt.Errorf("a rotation to version %s is under way: %s finishes it, %s gives it up", w.token, w.command(""), w.command("--cancel")))
		}
	case w.now.Previous == "":
		err = w.wrap("", errors.New("it has no previous version"))
	default:
		w.rollback = true
	}
	if err == nil {
		err = w.steps(ctx)
	}
	return w.end(RolledBack, err)
}
