// Package plan decides what a run would change: it routes secrets to targets, compares what is wanted with what is there, and applies the brakes.
// It is pure: no I/O, no clock, no value.
package plan

import "github.com/secretsync-dev/secretsync/internal/secret"

// Rule is one sync of the configuration: from one store, these secrets, to these stores, with this policy.
type Rule struct {
	Name         secret.SyncName
	From         secret.StoreName
	Select       Selection
	To           []Route
	Schedule     string // "rate(1 hour)" or "cron(…)", for unattended runs; checked, and not used by a single run
	Deletion     Deletion
	RecoveryDays int // 7 to 30
	Drift        DriftPolicy
	Existing     ExistingPolicy
	Tags         TagPolicy
}

// Selection says which secrets of the source a rule is about. Kinds are ANDed, entries of one kind ORed, Exclude wins. The zero Selection selects everything.
type Selection struct {
	Prefix  []string
	Glob    []string          // "*" stops at "/", "**" does not, "?" is one character but "/"
	Names   []secret.Name     // described one by one, never listed
	Tags    map[string]string // the source's own tags, exactly
	Exclude []string          // globs
}

// Route is one destination of a rule.
type Route struct {
	Store    secret.StoreName
	ByTags   bool // the SecretSync-* tags on each secret decide
	Groups   []GroupName
	Accounts []secret.AccountID
	Regions  []secret.Region // where given, they replace the group's, the store's and the source's
	Except   Except
	// ByName says that the source's name says where it goes: CLUSTER/NAMESPACE/NAME. A secret that is named otherwise, or for another cluster, is none of the route's.
	ByName    bool
	Namespace string // a template for the namespace of the copy; empty: the store's own
	Name      string // a template for the name of the copy; empty: the store's own way
	Shape     *Shape // how the value is made; nil: as it is
}

// Except takes accounts, groups of accounts and Regions out of a route, everywhere.
type Except struct {
	Accounts []secret.AccountID
	Groups   []GroupName
	Regions  []secret.Region
}

// GroupName names a group of accounts. It is case-sensitive.
type GroupName string

// Group is a named list of accounts, in one Region if it names one. Accounts are as written: Valid tells the bad ones.
type Group struct {
	Accounts []secret.AccountID
	Region   secret.Region // empty: the store's, else the source's
}

// Deletion is what happens to a copy that nothing wants any more.
type Deletion string

// Deletion policies.
const (
	Retain Deletion = "retain"
	Delete Deletion = "delete"
)

// DriftPolicy is what happens to a copy that somebody else has written.
type DriftPolicy string

// Drift policies.
const (
	Mend   DriftPolicy = "mend"
	Report DriftPolicy = "report"
)

// ExistingPolicy is what happens to a secret of the wanted name that does not carry our mark.
type ExistingPolicy string

// Policies for what is there already.
const (
	Refuse      ExistingPolicy = "refuse"
	AdoptLegacy ExistingPolicy = "adopt-legacy"
)

// TagPolicy says whether a source's own tags go with its copies.
type TagPolicy string

// Tag policies.
const (
	CopyTags TagPolicy = "copy"
	NoTags   TagPolicy = "none"
)

// Limits are the brakes on deletions, per target. The percentage, of the copies that are ours, counts from 5 deletions up.
type Limits struct {
	Deletes       int
	DeletePercent int
}

// The defaults of a configuration that is silent.
const (
	DefaultDeletes       = 25
	DefaultDeletePercent = 10
	DefaultRecoveryDays  = 30
)
