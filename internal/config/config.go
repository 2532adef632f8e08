// Package config reads the configuration: one strict YAML file that becomes plain structs, or an error for everything that is wrong with it, each with file, line and column.
// It contacts nothing and knows no driver's settings: a kind of store is known by its name and a JSON Schema.
package config

import (
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// File is a checked configuration. It is never changed after Parse: safe for concurrent use.
type File struct {
	Path       string       // as named by the user; BuiltInPath for the built-in default
	Owner      secret.Owner // empty: derived from the hub's account
	Stores     []Store      // in the file's order
	Groups     map[plan.GroupName]plan.Group
	GroupsFrom *SecretRef // nil: Groups are all there are
	Rules      []plan.Rule
	Limits     plan.Limits
	Rotations  []Rotation // in the file's order; not part of Digest
	Notify     []Notify   // in the file's order; not part of Digest
	Serve      Serve      // not part of Digest
	BuiltIn    bool
	// Digest is the SHA-256, in hex, of what the file says after ${VAR} replacement. Comments, the order of keys and the spelling of a default do not count.
	Digest string

	marks marks
}

// Store is one entry of `stores:`.
type Store struct {
	Name secret.StoreName
	Type string
	// Decode reads the entry's settings, those without `type`, into a pointer to a struct with yaml tags. An unknown key or a wrong type is an error with
	// file, line and column. Safe for concurrent use.
	Decode func(into any) error
}

// SecretRef names a secret in a store.
type SecretRef struct {
	Store  secret.StoreName
	Secret secret.Name
}

// Kind is a kind of store, as far as the configuration has to know it.
type Kind struct {
	// Type is what `type:` says.
	Type string
	// Settings are the JSON Schemas (draft-07) of the settings beside `type`, by name.
	Settings map[string]any
}

// DefaultGroupsSecret is the secret that holds the groups where groupsFrom names none.
const DefaultGroupsSecret secret.Name = "secret-sync/config"

// maxSize bounds a configuration: a larger file is a mistake.
const maxSize = 1 << 20

// Parse reads a configuration. name is the path that messages carry; env looks a variable up for ${VAR}, as os.LookupEnv does.
// The error joins everything that is wrong, in the order of the file, each an *Error. No message contains the value of a variable.
func Parse(name string, data []byte, env func(string) (string, bool), kinds []Kind) (*File, error) {
	return parse(&parser{path: name, env: env, raw: rawText{}}, data, kinds)
}

// ParseSecret is Parse for a configuration that is kept as the value of a secret. A wrong name leads to any secret: no error, of Decode neither, quotes anything
// of the value. They say where, and which rule it breaks.
func ParseSecret(name string, data []byte, env func(string) (string, bool), kinds []Kind) (*File, error) {
	return parse(&parser{path: name, env: env, raw: rawText{}, quiet: true}, data, kinds)
}

func parse(p *parser, data []byte, kinds []Kind) (*File, error) {
	if root := p.load(data); root != nil {
		f := p.file(root, kinds)
		if len(p.errs) == 0 {
			f.Digest = f.digest(p.settings)
			return f, nil
		}
	}
	return nil, p.err()
}
