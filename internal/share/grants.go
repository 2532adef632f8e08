package share

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Grant is one statement of a secret's resource policy, as far as a person has to know.
type Grant struct {
	Sid         string   `json:"sid,omitempty"`
	Effect      string   `json:"effect"`
	Principals  []string `json:"principals"`
	Actions     []string `json:"actions"`
	Conditional bool     `json:"conditional"` // it has conditions
	Ours        bool     `json:"ours"`
	Public      bool     `json:"public"`    // it allows everybody, without a condition
	Elsewhere   bool     `json:"elsewhere"` // it allows somebody of another account
	// Key says of a statement of ours whether the key's policy has its counterpart, without which nothing can be read; nil: not known, or not ours.
	Key *bool `json:"key,omitempty"`
}

// Listing is with whom a secret is shared.
type Listing struct {
	Secret store.Shared
	Grants []Grant
	// KeyErr is why the key's policy could not be looked at.
	KeyErr error
}

// List reads with whom a secret is shared, by us and by others.
func List(ctx context.Context, s store.Sharing, name secret.Name) (*Listing, error) {
	it, err := s.Shared(ctx, name)
	if err != nil {
		return nil, err
	}
	out := &Listing{Secret: it, Grants: []Grant{}}
	text, err := s.Policy(ctx, it.ARN)
	if err != nil {
		return nil, err
	}
	doc, err := ParseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("share %q: resource policy: %w", it.Name, err)
	}
	for _, st := range doc.statements {
		out.Grants = append(out.Grants, grantOf(st, it.Place.Account))
	}
	if it.Key != "" && slices.ContainsFunc(out.Grants, func(g Grant) bool { return g.Ours }) {
		out.KeyErr = out.counterparts(ctx, s)
	}
	return out, nil
}

// counterparts notes which statements of ours have theirs in the key's policy.
func (l *Listing) counterparts(ctx context.Context, s store.Sharing) error {
	text, err := s.KeyPolicy(ctx, l.Secret.Key)
	if err != nil {
		return err
	}
	doc, err := ParseDocument(text)
	if err != nil {
		return err
	}
	for i := range l.Grants {
		if g := &l.Grants[i]; g.Ours && len(g.Principals) == 1 {
			there := doc.Find(sid(l.Secret.ARN, g.Principals[0])) != nil
			g.Key = &there
		}
	}
	return nil
}

func grantOf(st json.RawMessage, home secret.AccountID) Grant {
	var s struct {
		Sid, Effect  string
		Principal    json.RawMessage
		NotPrincipal json.RawMessage
		Action       json.RawMessage
		NotAction    json.RawMessage
		Condition    map[string]json.RawMessage
	}
	if json.Unmarshal(st, &s) != nil {
		return Grant{Effect: "unknown", Principals: []string{}, Actions: []string{}}
	}
	g := Grant{Sid: s.Sid, Effect: s.Effect, Principals: principals(s.Principal), Actions: texts(s.Action), Conditional: len(s.Condition) > 0}
	if s.NotAction != nil {
		g.Actions = []string{"all but " + strings.Join(texts(s.NotAction), ", ")}
	}
	everybody := slices.Contains(g.Principals, "*")
	if s.NotPrincipal != nil {
		g.Principals, everybody = []string{"all but " + strings.Join(principals(s.NotPrincipal), ", ")}, true
	}
	g.Ours = strings.HasPrefix(s.Sid, sidPrefix) && len(s.Sid) == len(sid(""))
	g.Public = s.Effect == "Allow" && everybody && !g.Conditional
	g.Elsewhere = s.Effect == "Allow" && (everybody || slices.ContainsFunc(g.Principals, func(p string) bool {
		account, _ := awscfg.ARNAccount(p)
		if account == "" {
			account = secret.AccountID(p)
		}
		return account.Valid() && account != home
	}))
	return g
}

// principals returns everybody that a Principal element names, services with their kind.
func principals(raw json.RawMessage) []string {
	var kinds map[string]json.RawMessage
	if json.Unmarshal(raw, &kinds) != nil {
		return texts(raw)
	}
	all := []string{}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, texts(kinds[kind])...)
	}
	return all
}

// texts returns a text or a list of texts as a list.
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	all := []string{}
	_ = json.Unmarshal(raw, &all) // what is neither is shown as nothing
	return all
}

// public returns what a statement is called that opens the document to everybody without a condition; empty: none does.
func (d Document) public() string {
	for i, st := range d.statements {
		if g := grantOf(st, ""); g.Public {
			if g.Sid != "" {
				return fmt.Sprintf("statement %q", g.Sid)
			}
			return fmt.Sprintf("statement %d", i+1)
		}
	}
	return ""
}

func (d Document) denies() bool {
	return slices.ContainsFunc(d.statements, func(st json.RawMessage) bool { return grantOf(st, "").Effect == "Deny" })
}
