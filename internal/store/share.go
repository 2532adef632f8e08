package store

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// A Sharer is a Store whose secrets others can be let read where they are, by policies on the secret and on its key. Its methods may be called concurrently.
type Sharer interface {
	// Sharing opens the store for that. at is the place of the secret where its name says it; zero: the store's own. It makes no call.
	// ErrInvalid where the store is a family and at is zero, and for a place that the settings do not let it be opened at.
	Sharing(ctx context.Context, at secret.Place) (Sharing, error)
}

// Sharing reads and writes the policies of secrets in one place. Policies are JSON, as the service gave them. Its methods may be called concurrently.
// What is denied is ErrNotPermitted, with the action in Help.
type Sharing interface {
	// Shared describes a secret, by its name or ARN, after making sure that the credentials are of the account of the place: ErrWrongAccount. It reads no value.
	Shared(ctx context.Context, name secret.Name) (Shared, error)
	// Policy returns the resource policy of the secret with that ARN; empty: it has none.
	Policy(ctx context.Context, arn string) (string, error)
	// CheckPolicy has the service judge a resource policy, and stores nothing: ErrInvalid where it would be refused. Where it can't
	// be judged, as where that is not permitted, nothing is said: the write judges too.
	CheckPolicy(ctx context.Context, arn, policy string) error
	// PutPolicy replaces the resource policy; an empty one takes it away. block has the service refuse one that opens the secret to everybody.
	PutPolicy(ctx context.Context, arn, policy string, block bool) error
	// KeyPolicy returns the policy of the key with that ARN.
	KeyPolicy(ctx context.Context, key string) (string, error)
	// PutKeyPolicy replaces it. The service refuses one that locks us out.
	PutKeyPolicy(ctx context.Context, key, policy string) error
}

// Shared is what sharing needs to know of a secret.
type Shared struct {
	Name  secret.Name
	ARN   string
	Place secret.Place
	// Key is the ARN of the customer's key that the secret is under; empty where it is the service's own key, which no other account can use.
	Key string
	// Service is the service and the Region that the key is used through, as kms:ViaService has it: "secretsmanager.us-east-1.amazonaws.com".
	Service string
	// Copy says that the secret is a copy that some installation of the tool made.
	Copy bool
	// Replica is the Region that the secret is a replica of; empty: it is none.
	Replica secret.Region
	// Deleted says that the secret is scheduled for deletion.
	Deleted bool
}
