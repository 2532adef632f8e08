package share

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// What policies hold at most, in bytes.
const (
	maxPolicy    = 20480
	maxKeyPolicy = 32768
)

// Request says what is shared with whom, or no longer is.
type Request struct {
	Secret secret.Name // or its ARN
	With   Principal
	Revoke bool
}

// Kind says whose policy a change is about.
type Kind string

// The kinds.
const (
	OfKey    Kind = "key"
	OfSecret Kind = "secret"
)

// Outcome is what came of a change; empty: it was not applied yet.
type Outcome string

// The outcomes.
const (
	Unchanged Outcome = "unchanged"
	Applied   Outcome = "applied"
	Failed    Outcome = "failed"
	Skipped   Outcome = "skipped"
)

// Change is a policy as it is, and as it shall be.
type Change struct {
	Kind          Kind
	Of            string // the ARN of the secret or the key
	Before, After string // as JSON; empty: there is none
	Old, New      json.RawMessage
	Outcome       Outcome
	Err           error // why it failed, or why the policy could not be read
}

// Needed reports whether there is anything to write.
func (c *Change) Needed() bool { return c.Err == nil && c.Before != c.After }

// Plan is what a request would change. It is data, and holds no value.
type Plan struct {
	Secret    store.Shared
	Principal string // an ARN
	Revoke    bool
	// Changes are in the order in which they are applied: what opens comes last, and what closes first.
	Changes []*Change
	// Notes are what a person should know before.
	Notes []string
}

// Needed reports whether the plan writes anything.
func (p *Plan) Needed() bool {
	for _, c := range p.Changes {
		if c.Needed() {
			return true
		}
	}
	return false
}

// Identity returns the policy that the principal needs in its own account; nil for a revocation.
func (p *Plan) Identity() *IdentityPolicy {
	if p.Revoke {
		return nil
	}
	own := identityPolicy(p.Secret)
	return &own
}

// Make reads the policies and works out what to change. It writes nothing. What can't be shared is an error with the way out: ErrKey for a secret under a key that
// other accounts can't use, ErrInvalid for a principal of the secret's own account, a policy that is public already, and one that would become too large, ErrUnwritable for a
// replica, ErrScheduled, ErrNotPermitted with the action. A revocation goes on without the key's policy where that can't be read, and has the error in its change.
func Make(ctx context.Context, s store.Sharing, r Request) (*Plan, error) {
	it, err := s.Shared(ctx, r.Secret)
	if err != nil {
		return nil, err
	}
	p := &Plan{Secret: it, Revoke: r.Revoke}
	refuse := func(kind error, help, format string, args ...any) error {
		return &store.Error{Op: "share", Name: it.Name, Place: it.Place, Kind: kind, Err: fmt.Errorf(format, args...), Help: help}
	}
	if p.Principal, err = r.With.in(awscfg.Partition(it.Place.Region)); err != nil {
		return nil, refuse(store.ErrInvalid, "", "%w", err)
	}
	keyAccount, _ := awscfg.ARNAccount(it.Key)
	switch {
	case it.Deleted:
		return nil, refuse(store.ErrScheduled, "restore it first", "nobody can read it")
	case it.Replica != "":
		return nil, refuse(store.ErrUnwritable, "share it there, or let copies be made", "it is a replica of the secret in %s", it.Replica)
	case r.Revoke:
	case r.With.Account == it.Place.Account:
		return nil, refuse(store.ErrInvalid, "attach a policy with secretsmanager:GetSecretValue to the role or the user itself", "%s is of the secret's own account, where its own policies suffice", p.Principal)
	case it.Key == "":
		return nil, refuse(store.ErrKey, "give it a key of your own: aws kms create-key, then aws secretsmanager update-secret --secret-id "+string(it.Name)+
			" --kms-key-id KEY, which encrypts its current value anew, and share it again; or let copies be made", "it is under AWS's own key aws/secretsmanager, which no other account can use")
	case keyAccount != it.Place.Account:
		return nil, refuse(store.ErrKey, "give it a key of "+string(it.Place.Account)+", or let copies be made", "its key is of account %s, and only that can change the key's policy", keyAccount)
	}
	if it.Copy {
		p.Notes = append(p.Notes, "this secret is a copy: what is shared ends when the copy is deleted, and a new copy is not shared")
	}
	if err := p.look(ctx, s, refuse); err != nil {
		return nil, err
	}
	return p, nil
}

// look reads both policies and puts the changes in their order.
func (p *Plan) look(ctx context.Context, s store.Sharing, refuse func(kind error, help, format string, args ...any) error) error {
	it := p.Secret
	own := &Change{Kind: OfSecret, Of: it.ARN}
	text, err := s.Policy(ctx, it.ARN)
	if err != nil {
		return err
	}
	doc, err := p.change(own, text, grantRead(p.Principal))
	switch {
	case err != nil:
		return refuse(store.ErrInvalid, "", "resource policy: %w", err)
	case own.Before != own.After && len(own.After) > maxPolicy:
		return refuse(store.ErrInvalid, "share with the account as a whole, or let copies be made", "its resource policy would have %d bytes: at most %d are possible", len(own.After), maxPolicy)
	}
	if open := doc.public(); open != "" && own.Needed() && !p.Revoke {
		return refuse(store.ErrInvalid, "take that statement out, or limit it, first", "its resource policy is open to everybody already, by %s, which is not ours", open)
	}
	p.notice("the resource policy", doc)
	if own.Needed() && own.After != "" && !p.Revoke {
		if err := s.CheckPolicy(ctx, it.ARN, own.After); err != nil {
			return err
		}
	}
	p.Changes = []*Change{own}
	if it.Key == "" {
		p.Notes = append(p.Notes, "the secret is under AWS's own key now: where it was shared under another, that key's policy still has a statement of ours, which opens nothing by itself")
		return nil
	}

	key := &Change{Kind: OfKey, Of: it.Key}
	text, err = s.KeyPolicy(ctx, it.Key)
	if err == nil {
		doc, err = p.change(key, text, grantDecrypt(it, p.Principal))
		if err != nil {
			err = refuse(store.ErrInvalid, "", "key policy: %w", err)
		} else if key.Before != key.After && len(key.After) > maxKeyPolicy && !p.Revoke {
			err = refuse(store.ErrInvalid, "share with the account as a whole, give the secret a key of its own, or let copies be made",
				"its key's policy would have %d bytes: at most %d are possible", len(key.After), maxKeyPolicy)
		}
	}
	switch {
	case err != nil && !p.Revoke:
		return err
	case err != nil:
		key.Err = err
	}
	if p.Revoke {
		p.Changes = []*Change{own, key}
		return nil
	}
	p.notice("the key's policy", doc)
	p.Changes = []*Change{key, own}
	return nil
}

// change fills in what becomes of a policy, and returns it as it is.
func (p *Plan) change(c *Change, text string, st Statement) (Document, error) {
	doc, err := ParseDocument(text)
	if err != nil {
		return doc, err
	}
	c.Before, c.After, c.Old = text, text, doc.Find(st.Sid)
	if p.Revoke {
		if c.Old != nil {
			next := doc.Without(st.Sid)
			if c.After = next.String(); next.Empty() && c.Kind == OfSecret {
				c.After = ""
			}
		}
		return doc, nil
	}
	c.New = st.raw()
	switch {
	case c.Old != nil && same(c.Old, c.New):
		c.New = c.Old
	default:
		c.After = doc.With(st).String()
	}
	return doc, nil
}

// notice warns of denials that others wrote, which win over what we allow.
func (p *Plan) notice(of string, d Document) {
	if !p.Revoke && d.denies() {
		p.Notes = append(p.Notes, of+" has statements with Effect Deny, which win over ours: try whether the principal can read")
	}
}

// errMoved says that a policy is not what the plan was made from.
var errMoved = errors.New("the policy was changed by somebody else in the meantime")
