package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// A Driver is one kind of store.
type Driver struct {
	// Type is what `type:` says in the configuration: "aws-secrets-manager".
	Type string
	// Schema is the JSON Schema (draft-07) of the settings that this kind has beside `type`: the properties by name.
	Schema map[string]any
	// Open makes a store of its settings. It reads and checks them and contacts nothing.
	Open func(Definition) (Store, error)
}

// Definition is one entry of `stores:`.
type Definition struct {
	Name secret.StoreName
	// Decode reads the entry's settings, those without `type`, into a struct, strictly: an unknown key or a wrong type is an error with file, line and column.
	Decode func(into any) error
	// Lookup reads a secret of another store of the configuration, as what a connection is made with: its current value. It is not called by Open.
	Lookup func(context.Context, Ref) (secret.Value, error)
}

// Ref names a secret in a store.
type Ref struct {
	Store  secret.StoreName
	Secret secret.Name
}

// Traits are what sets one kind of store apart from another.
type Traits struct {
	// Kind is what the identities of its secrets begin with.
	Kind secret.Kind
	// Tags, Description and Keys say what its secrets have beside a value: what it does not have is not copied there, and not compared.
	Tags, Description, Keys bool
	// ListsTags says that a listing tells the tags, so that secrets can be selected and routed by them.
	ListsTags bool
	// Forgets says that a write by others can take our mark off: a wanted copy without one is described, which looks at its history.
	Forgets bool
	// PricePerMonth is what one copy costs a month, in US dollars.
	PricePerMonth float64
}

// A Store is one entry of `stores:`: a place, or a family of places that is opened once for each. Its methods may be called concurrently.
type Store interface {
	Traits() Traits
	// Fixed reports the place as far as the settings fix it, and whether there is only one: false for a store that is opened once per account and Region.
	// What is missing of a store with one place comes from the environment, or from a secret: Home finds it out. The kind is always there.
	Fixed() (at secret.Place, one bool)
	// Scope returns what all names begin with that the store's settings let it list and write; empty: anything.
	Scope() string
	// CopyName returns the name of a copy there where a sync gives none, from that of the source.
	CopyName(source secret.Name) secret.Name
	// Allow returns the accounts that the store may be opened for; nil where the settings name none, which allows every account.
	Allow() []secret.AccountID
	// Key returns the key that every copy written there gets; empty if the settings name none.
	Key() secret.Key
	// Source opens the store for reading. within holds beginnings of names: a listing may leave out, and not look for, what begins with none of them; nil: it is whole.
	// ErrInvalid for a family.
	Source(ctx context.Context, within []string) (Source, error)
	// Home returns the place of a store with one place, completed from the environment. It may make a call, once.
	Home(ctx context.Context) (secret.Place, error)
	// Destination opens the store at a place for writing. A store of one account takes its own only, in any Region; another with one place takes that place only.
	Destination(ctx context.Context, at secret.Place) (Destination, error)
	// Access returns the permissions that the store's calls need for a use, for the policies made from them.
	Access(use Use) []Access
}

// Dependent is a Store whose settings lead to secrets of other stores: they are never synced, and never overwritten.
type Dependent interface {
	Reads() []Ref
}

// Divided is a Store whose place is divided into namespaces, so that a destination can give each copy one of its own. Its methods may be called concurrently.
type Divided interface {
	// Namespaces returns the globs of which a copy's namespace has to match one; nil: only the store's own namespace.
	Namespaces() []string
	// Present returns the namespaces, sorted, in which copies of ours may be: those that Namespaces writes out, and those that exist and match one of its globs.
	// Where the server does not let us list namespaces, whole is false and the answer has only the former.
	Present(ctx context.Context) (all []string, whole bool, err error)
	// Reached says how the store's place is found where its settings do not name it: two stores that are reached differently must not be called the same.
	// Empty: they name it, and whoever wrote them knows.
	Reached() string
	// Rules returns what the store's calls need for a use, in each namespace unless it is Clusterwide. It does not depend on Access, which is AWS's.
	Rules(use Use) []Rule
}

// Rule is a permission of Kubernetes' RBAC.
type Rule struct {
	Group, Resource string // "apps" and "deployments"; the group of "secrets" is empty
	Verbs           []string
	// Clusterwide says that a Role in a namespace can't hold it: it takes a ClusterRole.
	Clusterwide bool
	// Optional: without it the tool works by a fallback, or does less.
	Optional bool
}

// Use is what a store is used for.
type Use string

// The uses.
const (
	UseSource  Use = "source"  // list, describe, read
	UseWrite   Use = "write"   // list, describe, create, update
	UseDelete  Use = "delete"  // what deletion and restoration need beyond UseWrite
	UseVerify  Use = "verify"  // what comparing values needs beyond UseWrite
	UseConnect Use = "connect" // what the hub needs to get there
	UseRotate  Use = "rotate"  // all that a Rotation calls, of the secret and of what is kept beside it
)

// Access is one permission.
type Access struct {
	Action   string // "secretsmanager:PutSecretValue"
	Resource string // ScopeAny, ScopeSecret, ScopeParameter, ScopeKey or ScopeRole
	// Optional: without it the tool works by a fallback.
	Optional bool
	// Beside is what the names of secrets end in where it is not about them, but about what is kept beside them.
	Beside string
}

// What an Access is about.
const (
	ScopeAny       = "*"
	ScopeSecret    = "secret"
	ScopeParameter = "parameter"
	ScopeKey       = "key"
	ScopeRole      = "role"
)

// Registry holds the drivers by type. The zero Registry holds none.
type Registry struct{ drivers map[string]Driver }

// NewRegistry returns a registry of drivers. Two of one type are a mistake of the program.
func NewRegistry(drivers ...Driver) (*Registry, error) {
	r := &Registry{drivers: map[string]Driver{}}
	for _, d := range drivers {
		if _, dup := r.drivers[d.Type]; dup {
			return nil, fmt.Errorf("driver %q is registered twice", d.Type)
		}
		r.drivers[d.Type] = d
	}
	return r, nil
}

// Driver returns the driver of a type.
func (r *Registry) Driver(typ string) (Driver, bool) {
	d, ok := r.drivers[typ]
	return d, ok
}

// Drivers returns all of them, sorted by type.
func (r *Registry) Drivers() []Driver {
	types := make([]string, 0, len(r.drivers))
	for t := range r.drivers {
		types = append(types, t)
	}
	slices.Sort(types)
	all := make([]Driver, 0, len(types))
	for _, t := range types {
		all = append(all, r.drivers[t])
	}
	return all
}
