// Package rotate changes a credential where it is used and where it is kept, in the four steps of Secrets Manager: createSecret, setSecret, testSecret and finishSecret.
// Each step can be repeated at any time, by anybody, after a crash at any call: what a version is, the store says, and whether a credential works, its service says.
package rotate

import (
	"context"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Step is one of the four, by the name that Secrets Manager gives it.
type Step string

// The steps, in their order.
const (
	Create Step = "createSecret" // a new credential is made, and kept as pending
	Set    Step = "setSecret"    // the service is made to accept it
	Test   Step = "testSecret"   // it is used
	Finish Step = "finishSecret" // it becomes current
)

// Steps returns the four in their order.
func Steps() []Step { return []Step{Create, Set, Test, Finish} }

// Strategy says whose password changes.
type Strategy string

// The strategies.
const (
	// SingleUser changes the password of the user in the secret. Between setSecret and finishSecret the current password may be refused.
	SingleUser Strategy = "single-user"
	// AlternatingUsers changes the password of a second user with the same rights, who is in the secret from then on: NAME and NAME_clone take turns. It takes
	// another secret, of a user who may create users. A rotation makes neither the current credential refused nor the one that was current until then. A rollback may, where somebody
	// changed the password of the previous user by hand: that user is given the one in the secret again.
	AlternatingUsers Strategy = "alternating-users"
)

// Secret is one secret and how it is rotated.
type Secret struct {
	Store secret.StoreName
	Name  secret.Name
	At    store.Rotation
	// Lookup reads the current value of another secret: the one that Settings.Master names or, where that is nil, the one whose ARN (a name, in other stores) is in the member
	// "masterarn". Nil: a rotation that needs a master is an error.
	Lookup func(ctx context.Context, ref *store.Ref, masterARN string) (secret.Value, error)
	Settings
}

// Settings are how a secret is rotated. The zero Settings do what the secret's own JSON says, with one user.
type Settings struct {
	Engine   string // what the credential is for: "postgres", "mysql", "redis", "generate", "exec", "webhook", …; empty: what the secret's member "engine" says
	Strategy Strategy
	Master   *store.Ref // nil: what the secret's member "masterarn" says, or no master
	Generate Generate
	TLS      TLS
	Command  Command
	Webhook  Webhook
}
