package store

import (
	"context"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// A Rotator is a Store whose secrets can be rotated.
type Rotator interface {
	// Rotation opens the store for rotating. ErrInvalid for a family.
	Rotation(ctx context.Context) (Rotation, error)
}

// A Rotation keeps, beside the current version of a secret, one that is to become it (pending) and the one before (previous). Who reads the secret as usual is given the
// current version, and never sees a pending one. Its methods may be called concurrently, also by several processes for one secret. Each is safe to repeat after
// a crash, or after an answer that was lost, at any moment.
type Rotation interface {
	// Place returns where the store is.
	Place(ctx context.Context) (secret.Place, error)
	// Stages returns how a secret is, read strongly, and no value. ErrNotFound where there is none; one that is scheduled for deletion says so in Meta.Deleted.
	Stages(ctx context.Context, name secret.Name) (Stages, error)
	// Value returns the value of one version that Stages named. ErrNotFound where that version has no value, or none any more.
	Value(ctx context.Context, name secret.Name, v secret.Version) (secret.Value, error)
	// Propose makes a value pending, under a version id of the caller's choice. now is what the caller saw: ErrConflict where another version is pending or current by now,
	// as far as the store can tell. What is pending already, under that version and with that value, is so still. ErrCollision where that version was proposed before
	// otherwise, be it by somebody who does the same at this moment or for a rotation that was cancelled: it has the value that it was given then, and nothing is changed.
	// A store that keeps nothing of what was withdrawn takes the version anew. A version that the store itself began, without a value, is given it.
	// ErrInvalid where now has no current version; ErrBadValue (in Secrets Manager ErrInvalid) and ErrTooLarge where the store can't hold the value: nothing is pending then.
	Propose(ctx context.Context, now Stages, v secret.Version, value secret.Value) error
	// Recall makes the previous version pending again, to be promoted as any other, and returns under which version it is pending: its own, or v where the store gives every value a
	// version of its own. ErrConflict as Propose; ErrNotFound where there is no previous version.
	Recall(ctx context.Context, now Stages, v secret.Version) (secret.Version, error)
	// Promote makes the pending version current, in one step for whoever reads; what was current becomes previous. It returns the version as the store's sources call it from then on.
	// ErrConflict where neither now.Current nor the pending version is current any more, or another one, or none, is pending. Where it was promoted before, what is left to be
	// done is done. That the pending version has a value is the caller's to know. Where a store has no conditional write, promotions at the same moment may make more versions
	// than one, all of the same value.
	Promote(ctx context.Context, now Stages) (secret.Version, error)
	// Withdraw makes the pending version pending no longer. Where another one, or none, is pending by now it changes nothing and succeeds.
	Withdraw(ctx context.Context, now Stages) error
}

// Stages says which version of a secret is what. The names are those of Secrets Manager.
type Stages struct {
	Meta     secret.Meta
	Current  secret.Version // AWSCURRENT; empty: the secret has no value
	Pending  secret.Version // AWSPENDING; empty where there is none, or it is the current one
	Previous secret.Version // AWSPREVIOUS; empty: none
	// Since is when the current version was made, or made current where the store tells that; zero: unknown.
	Since time.Time
	// By is what rotates the secret by itself: the ARN of a rotation function, or the service that owns it; empty: nothing does.
	By string
}

// A NativeRotator is a Rotation of a store that can have secrets rotated by what is configured there.
type NativeRotator interface {
	// Rotate starts the rotation of a secret that has one configured, under a token of the caller's choice, and returns at once. ErrInvalid where there is none, or one is under way.
	Rotate(ctx context.Context, name secret.Name, token secret.Version) error
}

// A DrivenRotation is a Rotation of a store that drives rotations itself, and may give whoever does a step a proof that it asked for it.
type DrivenRotation interface {
	// Driven returns the Rotation that shows the proof with what it proposes.
	Driven(proof secret.Value) Rotation
}
