// Package secret is the vocabulary that every other package speaks: names, versions, marks, copies, and values that can't be printed.
// It imports the standard library only, and does no I/O.
package secret

import (
	"strings"
	"time"
)

type (
	// Name is a secret's name in its store, as that store writes it.
	Name string
	// Version is the id of one immutable value of a secret. In Secrets Manager it is the VersionId, which is also the ClientRequestToken of the write that made it.
	Version string
	// Revision stands for the whole state of a copy, metadata included. It is opaque: two are only ever compared. Empty: the copy does not exist.
	Revision string
	// Owner is the name of an installation.
	Owner string
	// SyncName is the name of one rule of the configuration.
	SyncName string
	// StoreName is the name of a store of the configuration.
	StoreName string
	// Identity says where a value comes from, in all the world: the kind of its store, the place and the name, as in "sm/ACCOUNT/REGION/NAME".
	Identity string
	// Kind is what the identities of a kind of store begin with.
	Kind string
	// AccountID is an AWS account: 12 digits.
	AccountID string
	// Region is an AWS Region.
	Region string
	// Key names an encryption key: a key id, an ARN, an alias or the ARN of one. Empty is the store's own default key.
	Key string
)

// The kinds of stores.
const (
	SecretsManager Kind = "sm"
	ParameterStore Kind = "ssm"
	Vault          Kind = "vault"
	Kubernetes     Kind = "k8s"
)

// InAWS reports whether stores of that kind are in accounts and Regions.
func (k Kind) InAWS() bool { return k == SecretsManager || k == ParameterStore }

// Valid reports whether a is 12 ASCII digits.
func (a AccountID) Valid() bool {
	if len(a) != 12 {
		return false
	}
	return strings.Trim(string(a), "0123456789") == ""
}

// Place is where a store is. Kind is always set; which of the others are depends on it: Account and Region, Cluster and Namespace, or Host and Mount,
// with a Namespace where the mount is in one. Two stores at one Place hold the same secrets.
type Place struct {
	Kind      Kind      `json:"-"`
	Account   AccountID `json:"account,omitempty"`
	Region    Region    `json:"region,omitempty"`
	Cluster   string    `json:"cluster,omitempty"`
	Host      string    `json:"-"` // and port
	Namespace string    `json:"namespace,omitempty"`
	Mount     string    `json:"mount,omitempty"`
}

// Known reports whether the place says where it is, and not only of what kind.
func (p Place) Known() bool {
	return p.Account != "" && p.Region != "" || p.Cluster != "" || p.Host != "" && p.Mount != ""
}

// String returns the fields that are set, but for the kind, joined by "/": "111111111111/us-east-1".
func (p Place) String() string {
	var parts []string
	for _, s := range []string{string(p.Account), string(p.Region), p.Cluster, p.Host, p.Namespace, p.Mount} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "/")
}

// Meta is what a listing tells of a source secret. It holds no value.
type Meta struct {
	Name        Name
	Identity    Identity
	Version     Version   // the current one; empty where the secret has no value
	NoValue     string    // why Version is empty, as in "version 3 is destroyed"; empty: it has never had one
	Held        []Version // every version that the store still labels, the current one included, sorted
	Created     time.Time // of the secret: a re-created one is another; zero where Version tells them apart already
	Description string
	Tags        map[string]string // all of them, marks and routing tags included
	Key         Key
	CustomKey   bool      // Key is managed by the customer
	Deleted     time.Time // not zero: scheduled for deletion
	Bound       string    // why its value is not its own, as in "replica of us-east-1" or "managed by rds"; empty for most
	Mark        Mark      // not zero: it is itself a copy
	Err         error     // not nil: it is there, and nothing but its name and identity could be learnt
}

// Mark is what is written with a copy: whose it is and where it comes from. The zero Mark belongs to a secret that is not ours.
type Mark struct {
	Owner      Owner
	Sync       SyncName
	Source     Identity
	First      Version   // the version that the creation made; later, one that we made current without our label
	Generation int       // more than zero after a collision of tokens
	Deleting   time.Time // not zero: we scheduled its deletion, at this time
}

// IsZero reports whether the copy carries no mark at all.
func (m Mark) IsZero() bool { return m == Mark{} }

// Copy is a secret as a target holds it. It holds no value.
type Copy struct {
	Name        Name
	Mark        Mark
	Version     Version   // the current one; empty where the secret has no value
	NoValue     string    // why Version is empty, where somebody took the value away; empty: it never had one, as where a creation was interrupted
	Previous    Version   // the one that was current before; empty where the store does not tell
	Labelled    Version   // the version that carries our label; empty if none does
	Held        []Version // every version that the store still labels, sorted
	Description string
	Tags        map[string]string // all but the marks
	Key         Key
	Deleted     time.Time // not zero: scheduled for deletion
	Expired     bool      // its recovery window is over, and the store leaves it to us to remove it
	Unwritable  string    // why it can't be written, as in "it has a rotation of its own"; empty for most
	Changed     time.Time // of the last change, as the store tells it; zero if it does not
	Revision    Revision
}

// WrittenByUs reports whether the current version was made current by this tool: it carries our label, or the mark names it as the first.
func (c Copy) WrittenByUs() bool {
	return c.Version != "" && (c.Version == c.Labelled || c.Version == c.Mark.First)
}
