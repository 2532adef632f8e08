// Package store says what a store of secrets can do. A driver is a folder below this one; nothing but store/all names one.
package store

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// A Source is a store that secrets are read from. It is never written to. Its methods may be called concurrently.
type Source interface {
	// Place returns where the source is. Called after List it costs no call of its own where the listing told.
	Place(ctx context.Context) (secret.Place, error)
	// List returns every secret in the store, those scheduled for deletion included, sorted by name: metadata only, no value is fetched.
	// A partial listing is an error, never a short list; a secret that is seen to be there, and may not be looked at, is listed with an error of its own.
	List(ctx context.Context) ([]secret.Meta, error)
	// Stat returns what List would return for one name, read strongly where the store can; ErrNotFound if there is none.
	Stat(ctx context.Context, name secret.Name) (secret.Meta, error)
	// Read returns, in the order of names, what the store calls the current value of each at this moment, and that value's version.
	// It makes as few calls as the store allows; BatchSize names per call is the most that is worthwhile. No name is given twice, and each value has bytes of its own.
	// One that can't be read has an error of its own; the others are whole.
	Read(ctx context.Context, names []secret.Name) []Reading
	// BatchSize is how many names Read fetches in one call.
	BatchSize() int
}

// Reading is one answer of Read: either Err is set, or all the others are.
type Reading struct {
	Name    secret.Name
	Version secret.Version
	Value   secret.Value
	Err     error
}

// A Destination is a store that copies are written to. Its methods may be called concurrently.
type Destination interface {
	// Verify makes sure that the credentials belong to the account that the target names, once; ErrWrongAccount where they don't. It is called before the first write.
	Verify(ctx context.Context) error
	// List returns every secret in the target, sorted by name, those that we did not write and those scheduled for deletion included. A partial listing is an error.
	List(ctx context.Context) ([]secret.Copy, error)
	// Stat returns what List would return for one name, read strongly where the store can; ErrNotFound if there is none. Where the strong read is
	// denied, it falls back to a listing limited to that name.
	Stat(ctx context.Context, name secret.Name) (secret.Copy, error)
	// Check says what can be known without a call: whether the target can hold that name, with those tags and that description, under that key.
	// ErrBadName, ErrTooManyTags, ErrKey or ErrInvalid if not.
	Check(w Write) error
	// Write makes w.Name hold the value w.Versions names and carry w.Mark, and Tags, Description and Key as far as the store has such; nothing else of it changes.
	// It makes only the calls that lead from w.Have to there. The answer is the copy as it is then, as far as the answers told.
	// Writing again what is there succeeds and makes no new version: a retry is always safe.
	// ErrConflict, with nothing more changed, where the target was seen not to be as w.Have says; ErrScheduled where the name is waiting for its deletion;
	// ErrCollision where every version of w.Versions is in use with another value; ErrTooLarge, and ErrBadValue, before any call.
	Write(ctx context.Context, w Write) (secret.Copy, error)
}

// Write is what a copy shall be.
type Write struct {
	Name secret.Name
	// Have is the copy as it was last seen; nil: it must not exist.
	Have *secret.Copy
	// Versions are the ids that the value may be written under, by generation: the first that is free, or holds this very value, is taken.
	Versions []secret.Version
	// Value is the value of Versions. Zero where only metadata is to be written.
	Value       secret.Value
	Mark        secret.Mark
	Description string
	Tags        map[string]string // added and overwritten, never removed
	Key         secret.Key
	// Type is what kind of object the copy is made as, where the store has several ("kubernetes.io/tls"); empty: the store's default.
	Type string
	// Restore takes back a deletion that we scheduled, first.
	Restore bool
}

// A Deleter is a Destination whose copies can be deleted.
type Deleter interface {
	// Delete schedules the deletion of have, to be done after recoveryDays (7 to 30), and leaves the time of scheduling in its mark before it does.
	// Deleting what is scheduled already succeeds, and removes what is Expired.
	Delete(ctx context.Context, have secret.Copy, recoveryDays int) error
}

// A Verifier is a Destination whose values can be read, to compare them for real.
type Verifier interface {
	// Read is as Source.Read.
	Read(ctx context.Context, names []secret.Name) []Reading
	BatchSize() int
}

// A Comparer is a Verifier that keeps a value in another form than it was given: it says whether what was read is what was written.
type Comparer interface {
	Same(written, read secret.Value) bool
}

// A KeyResolver is a Destination that can tell whether two names of keys mean the same key.
type KeyResolver interface {
	// SameKey reports whether a and b name one key. Names of one form are compared as they are; an alias and an id cost one call, once.
	// Where that call is denied, ok is false and nothing is known.
	SameKey(ctx context.Context, a, b secret.Key) (same, ok bool)
}

// A KeyExaminer is a Destination that can tell whether a key could be used there.
type KeyExaminer interface {
	// ExamineKey returns why copies can't be written under key: ErrKey where it is absent or disabled, ErrNotPermitted where it can't be looked at.
	ExamineKey(ctx context.Context, key secret.Key) error
}
