package rotate

import (
	"context"
	"errors"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// An Engine changes one kind of credential where it is used. Its methods may be called concurrently, and each may be called again at any time: what was done already
// is done, and says so by succeeding. No error of theirs holds a value, or part of one.
type Engine interface {
	// Next returns the credential that shall take the place of c.Current. It changes nothing.
	Next(ctx context.Context, c Change) (secret.Value, error)
	// Set makes the service accept c.Pending. Where it returns an error the service accepts what it accepted before, unless the error is ErrLost.
	Set(ctx context.Context, c Change) error
	// Test makes sure that the service accepts c.Pending. It changes nothing. ErrDenied where it does not.
	Test(ctx context.Context, c Change) error
	// Undo makes the service accept c.Current, and, where one user has one password, c.Pending no longer. It is Set backwards: for a rotation that is given up.
	Undo(ctx context.Context, c Change) error
	// Done is told that c.Pending is current now. What neither it nor c.Current (which is previous now) needs may be taken away.
	Done(ctx context.Context, c Change) error
}

// fitter is an Engine that can tell before it is made pending that a previous value can't be rolled back to.
type fitter interface{ fits(c Change) error }

// Maker is an Engine whose new credentials may differ from the current one in any member: the decision is somebody else's.
type Maker interface{ MakesAnything() bool }

// Change is one rotation of one secret, as an Engine sees it.
type Change struct {
	Place secret.Place
	Name  secret.Name
	// Current and Previous are the values of these stages; Previous may be zero. Pending is zero in Next.
	Current, Pending, Previous secret.Value
	// Rollback says that Pending is what was previous before.
	Rollback bool
	// Master returns the credential of a user who may change others, read once; nil: there is none.
	Master func(ctx context.Context) (secret.Value, error)
	// Note takes what an operator should know, and is no failure; no value. Nil: nobody listens.
	Note func(text string)
	Settings
}

// What can be wrong with a service or a credential, beside the kinds of errors of package store. An engine wraps them; their texts never hold a value.
var (
	// ErrDenied is a credential that the service refuses.
	ErrDenied = errors.New("the credential is refused")
	// ErrAway is a service that can't be reached, or does not answer: nothing is known about the credential.
	ErrAway = errors.New("the service can't be reached")
	// ErrForm is a secret that is not of the form that its engine needs.
	ErrForm = errors.New("not of the form that this rotation needs")
	// ErrLost is a service that accepts neither the one nor the other credential, or may not.
	ErrLost = errors.New("the service may accept neither credential")
)

// A Login is a service in which users log in with a password: Database makes an Engine of it. Its methods may be called concurrently.
type Login interface {
	// Connect logs in as the user of a credential. ErrDenied where the user or password is refused; ErrAway where the server can't be reached, or breaks off; ErrForm where the
	// credential lacks what it takes.
	Connect(ctx context.Context, c Credential, t TLS) (Session, error)
	// Clone returns the user that takes turns with user: it ends in _clone, or not. ErrForm where a name would be too long.
	Clone(user string) (string, error)
}

// A Session is one login. It is not safe for concurrent use.
type Session interface {
	// SetPassword gives a user a password. It is sent as a verifier where the protocol has one. What keeps an older password valid beside it keeps the last one.
	// Where its error is not ErrAway, and ctx is not over, nothing was changed.
	SetPassword(ctx context.Context, user, password string) error
	// SetClone makes clone a user with this password and the rights that user has: it is created, or changed.
	SetClone(ctx context.Context, user, clone, password string) error
	// Forget takes away every password of a user but these, where a user can have several. An error, with nothing changed, where the user has none of these.
	Forget(ctx context.Context, user string, keep []string) error
	// Close ends it.
	Close(ctx context.Context)
}

// A Noter is a Session that has something to tell of what was done in it, beside success and failure.
type Noter interface {
	// Notes returns what an operator should know, each thing once. It holds no value.
	Notes() []string
}
