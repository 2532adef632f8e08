// Package vault is the store that a KV version 2 engine of HashiCorp Vault, or of OpenBao, is.
package vault

import (
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Type is what `type:` says in the configuration.
const Type = "vault"

// Options are how patient a driver is. The zero Options are right for production.
type Options struct {
	// Wait is how long a call waits in all for a server that is sealed, on standby, busy or out of reach. Zero: 30 seconds.
	Wait time.Duration
	// MaxBackoff is the longest wait between two attempts; each is at least half of a wait that doubles, the rest is left to chance. Zero: 5 seconds.
	MaxBackoff time.Duration
	// FirstLook is how long a token that was given to us is used before it is looked up, to learn when it must be renewed. Zero: a minute.
	FirstLook time.Duration
}

// Driver returns the driver of Vault. An AWS login takes its credentials from f.
func Driver(f *awscfg.Factory) store.Driver { return Options{}.Driver(f) }

// Driver returns the driver of Vault with other waits.
func (o Options) Driver(f *awscfg.Factory) store.Driver {
	if o.Wait <= 0 {
		o.Wait = 30 * time.Second
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = 5 * time.Second
	}
	if o.FirstLook <= 0 {
		o.FirstLook = time.Minute
	}
	return store.Driver{
		Type:   Type,
		Schema: schema(),
		Open: func(d store.Definition) (store.Store, error) {
			var set settings
			if err := d.Decode(&set); err != nil {
				return nil, err
			}
			set.complete()
			if err := set.check(); err != nil {
				return nil, err
			}
			return &kv{opts: o, factory: f, name: d.Name, lookup: d.Lookup, set: set}, nil
		},
	}
}
