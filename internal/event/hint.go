// Package event reads what AWS sends when something happened to a secret, in every envelope that it arrives in. It is pure: no I/O, no clock.
//
// An event is a hint. It says which secrets are worth a look, never what they hold or what is to be done.
package event

import "github.com/secretsync-dev/secretsync/internal/secret"

// Hint names a source secret that something may have happened to.
type Hint struct {
	Kind    secret.Kind      // of the store that it is in; empty: any
	Account secret.AccountID // empty: any
	Region  secret.Region    // empty: any
	// Names is what the secret may be called: an ARN does not tell whether its last seven characters belong to the name. Those that do not exist are ignored.
	Names []secret.Name
	// Sweep says that copies may have become unwanted: by a deletion, or by other tags. They are then looked for wherever the configuration can lead.
	Sweep bool
}

// At reports whether the hint is about what is at a place, as far as both say.
func (h Hint) At(p secret.Place) bool {
	return (h.Kind == "" || h.Kind == p.Kind) && (h.Account == "" || p.Account == "" || h.Account == p.Account) && (h.Region == "" || p.Region == "" || h.Region == p.Region)
}
