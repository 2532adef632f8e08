// Package iam makes the policies that an installation needs and no more, from its configuration and from what each store's driver says of its calls.
// It contacts nothing, and knows no action of a store by name but for the rules of AWS that are said where they are used.
//
// What AWS has no condition for: the tags that come with a CreateSecret need the same permission as tags put on a secret later. So whoever holds a role made
// here can mark a secret without an owner as ours, within the names of the role, and then write it. A copy of another owner stays out of reach.
package iam

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// DefaultHubRole is the name of the hub's role where none is given.
const DefaultHubRole = "SecretSyncLambdaRole"

// Input is what policies are made from.
type Input struct {
	// Owner is the name of the installation. Empty: as a run derives it, "secretsync-" and the account of the first store that is in one.
	Owner  secret.Owner
	Rules  []plan.Rule
	Stores map[secret.StoreName]Store
	Groups map[plan.GroupName]plan.Group
	// GroupsFrom is the secret that holds more groups; nil: there is none.
	GroupsFrom *SecretRef
	// Topics are the ARNs of the SNS topics that failures are published to.
	Topics []string
	// Queue is the ARN of the queue that the daemon takes events from; empty: none.
	Queue string
	// Clusters are those of Amazon EKS that copies go to.
	Clusters []Cluster
	// Rotations are the secrets that are rotated.
	Rotations []Rotation
	// HubRole is the ARN of the role that runs the program. Empty: DefaultHubRole of the hub's account.
	HubRole string
	// Accounts are accounts that the configuration does not name, as those of the groups' secret.
	Accounts []secret.AccountID
	// Partition is the one that everything is in. Empty: that of HubRole, or "aws".
	Partition string
}

// Store is an entry of `stores:`, and how the hub gets there.
type Store struct {
	store.Store
	Role       string // a role's name or ARN; empty: the hub's own credentials
	ExternalID string
}

// SecretRef names a secret in a store.
type SecretRef struct {
	Store  secret.StoreName
	Secret secret.Name
}

// For says whom a document is for.
type For string

// The two sides: the account that the secrets are in, and those that the copies go to.
const (
	Hub   For = "hub"
	Spoke For = "spoke"
)

// Document is what one role needs.
type Document struct {
	For     For              `json:"for"`
	Account secret.AccountID `json:"account"`
	Name    string           `json:"name"` // of the role, without its path
	// Trust says who may assume the role; nil for the hub's, which whatever runs the program assumes.
	Trust  *Policy `json:"trust,omitempty"`
	Policy *Policy `json:"policy"`
}

// Result holds the documents, the hub's first, then by account and role; and what a person should know about them.
type Result struct {
	Documents []Document
	Warnings  []string
}

// Generate makes the policies; none where nothing is in AWS. The error says what the configuration must tell first: the hub's account, the accounts of a store that is opened once for each.
func Generate(in Input) (*Result, error) {
	g := &generator{Input: in, roles: map[string]*role{}}
	if in.HubRole == "" && len(in.Topics)+len(in.Clusters) == 0 && in.Queue == "" && !slices.ContainsFunc(slices.Collect(maps.Values(in.Stores)), inAWS) {
		return &Result{Warnings: []string{"no store is in AWS: there is no policy to make"}}, nil
	}
	if err := g.resolveHub(); err != nil {
		return nil, err
	}
	var errs []error
	for i := range in.Rules {
		errs = append(errs, g.rule(&in.Rules[i]))
	}
	errs = append(errs, g.reads())
	for _, topic := range in.Topics {
		g.hub.allow(purposeNotify, nil, "sns:Publish", []string{topic})
	}
	for _, r := range in.Rotations {
		errs = append(errs, g.rotation(r))
	}
	g.events()
	g.clusters()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return g.result(), nil
}

// generator is one call of Generate.
type generator struct {
	Input
	hub      *role
	roles    map[string]*role // by ARN, the hub's included
	warnings []string
}

// role is a role, and what it has to be allowed.
type role struct {
	arn         string
	account     secret.AccountID
	externalIDs []string
	trusts      []string // actions by which the hub gets in
	permissions
}

func (r *role) name() string { return r.arn[strings.LastIndexByte(r.arn, '/')+1:] }

// resolveHub finds the hub's role and account.
func (g *generator) resolveHub() error {
	var account secret.AccountID
	if g.HubRole != "" {
		parts := strings.SplitN(g.HubRole, ":", 6)
		if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !secret.AccountID(parts[4]).Valid() || !strings.HasPrefix(parts[5], "role/") {
			return fmt.Errorf("hub role %q: want the ARN of a role, as in arn:aws:iam::123456789012:role/%s", g.HubRole, DefaultHubRole)
		}
		account = secret.AccountID(parts[4])
		g.Partition = parts[1]
	}
	g.Partition = cmp.Or(g.Partition, "aws")
	for _, name := range slices.Sorted(maps.Keys(g.Stores)) {
		at, _ := g.Stores[name].Fixed()
		switch {
		case g.Stores[name].Role != "" || at.Account == "":
		case account == "":
			account = at.Account
		case account != at.Account:
			return fmt.Errorf("store %q is account %s, and the hub is account %s: a store of another account needs a role", name, at.Account, account)
		}
	}
	if account == "" {
		return errors.New("the hub's account is not known: give --hub-role ARN, the role that runs secretsync, or account: in the store that it reads")
	}
	g.hub = g.role(cmp.Or(g.HubRole, fmt.Sprintf("arn:%s:iam::%s:role/%s", g.Partition, account, DefaultHubRole)), account)
	if g.Owner == "" {
		g.Owner = g.owner()
	}
	return nil
}

// owner returns the name that a run gives the installation where none is set: that of the account of the first store, in the order of the syncs, that is in one.
func (g *generator) owner() secret.Owner {
	var stores []secret.StoreName
	for i := range g.Rules {
		stores = append(stores, g.Rules[i].From)
	}
	for i := range g.Rules {
		for _, to := range g.Rules[i].To {
			stores = append(stores, to.Store)
		}
	}
	for _, name := range stores {
		if st, ok := g.Stores[name]; ok {
			if at := g.place(st); at.Account != "" {
				return secret.Owner("secretsync-" + string(at.Account))
			}
		}
	}
	return "secretsync"
}

func (g *generator) role(arn string, account secret.AccountID) *role {
	if g.roles[arn] == nil {
		g.roles[arn] = &role{arn: arn, account: account}
	}
	return g.roles[arn]
}

// roleARN returns the ARN of a role that is named by it, or by its name in an account.
func (g *generator) roleARN(role string, account secret.AccountID) string {
	if strings.HasPrefix(role, "arn:") {
		return role
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", g.Partition, account, strings.TrimPrefix(role, "/"))
}

// roleOf returns the role that works in a store, and lets the hub into it.
func (g *generator) roleOf(st Store, account secret.AccountID) *role {
	if st.Role == "" {
		return g.hub
	}
	arn := g.roleARN(st.Role, account)
	r := g.role(arn, account)
	if st.ExternalID != "" && !slices.Contains(r.externalIDs, st.ExternalID) {
		r.externalIDs = append(r.externalIDs, st.ExternalID)
	}
	for _, a := range st.Access(store.UseConnect) {
		g.hub.allow(purposeAssume, nil, a.Action, []string{arn})
		if !slices.Contains(r.trusts, a.Action) {
			r.trusts = append(r.trusts, a.Action)
		}
	}
	return r
}

// inAWS reports whether a store is one of AWS's: Vault's permissions, for one, are not made here.
func inAWS(st Store) bool {
	kind := st.Traits().Kind
	return kind == secret.SecretsManager || kind == secret.ParameterStore
}

// place returns where a store is, as far as the configuration tells: a Region that only the environment knows is anything.
func (g *generator) place(st Store) secret.Place {
	at, one := st.Fixed()
	if !inAWS(st) {
		return at
	}
	if one && st.Role == "" {
		at.Account = g.hub.account
	}
	if one && at.Region == "" {
		at.Region = anything
	}
	return at
}

// inlineLimit and managedLimit are how many characters AWS takes in all inline policies of a role, and in a managed one.
const (
	inlineLimit  = 10240
	managedLimit = 6144
)

func (g *generator) result() *Result {
	res := &Result{Warnings: g.warnings}
	spokes := slices.Collect(maps.Values(g.roles))
	slices.SortFunc(spokes, func(a, b *role) int { return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.arn, b.arn)) })
	add := func(what For, r *role, trust *Policy) {
		doc := Document{For: what, Account: r.account, Name: r.name(), Trust: trust, Policy: r.policy()}
		if n := doc.Policy.size(); n > managedLimit {
			res.Warnings = append(res.Warnings, fmt.Sprintf("the policy of role %s in %s has %d characters: AWS takes %d in a managed policy and %d inline",
				doc.Name, doc.Account, n, managedLimit, inlineLimit))
		}
		res.Documents = append(res.Documents, doc)
	}
	add(Hub, g.hub, nil)
	for _, r := range spokes {
		if r != g.hub {
			add(Spoke, r, g.trust(r))
		}
	}
	return res
}

// trust lets the hub's role in, and nobody else.
func (g *generator) trust(r *role) *Policy {
	s := Statement{Sid: "SecretSyncHub", Effect: "Allow", Principal: &Principal{AWS: g.hub.arn}, Action: r.trusts}
	if len(r.externalIDs) > 0 {
		s.Condition = Condition(nil).with("StringEquals", "sts:ExternalId", slices.Sorted(slices.Values(r.externalIDs))...)
	}
	return &Policy{Version: policyVersion, Statement: []Statement{s}}
}
