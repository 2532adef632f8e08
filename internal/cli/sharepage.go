package cli

import (
	"encoding/json"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/share"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// sharePlanPage shows what becomes of the policies.
func (a *app) sharePlanPage(p *share.Plan) string {
	page := a.newPage()
	for _, c := range p.Changes {
		text := c.Diff()
		if text == "" {
			continue
		}
		what := "Resource policy of "
		if c.Kind == share.OfKey {
			what = "Key policy of "
		}
		page.gap()
		page.heading(what + c.Of)
		for line := range strings.Lines(text) {
			colour := plain
			switch line[0] {
			case '+':
				colour = green
			case '-':
				colour = red
			case '@':
				colour = faint
			}
			page.b.WriteString("  " + page.paint(colour, clean(line)) + "\n")
		}
	}
	return page.String()
}

// shareResultPage says what was done, and what the other side still needs.
func (a *app) shareResultPage(p *share.Plan, dryRun bool, err error) string {
	page := a.newPage()
	if p.Needed() {
		page.b.WriteString("\n") // after the policies
	}
	name, whom := p.Secret.Name, p.Principal
	switch {
	case err != nil:
		page.linef("NOT done.")
		return page.String()
	case !p.Needed() && p.Revoke:
		page.linef("Nothing to revoke: %s is not shared with %s by us.", name, whom)
	case !p.Needed():
		page.linef("Nothing to change: %s is shared with %s.", name, whom)
	case dryRun:
		page.linef("Dry run: nothing was changed.")
	case p.Revoke:
		page.linef("Revoked: %s is no longer shared with %s by us.", name, whom)
	default:
		page.linef("Shared: %s with %s.", name, whom)
	}
	own := p.Identity()
	if own == nil {
		return page.String()
	}
	text, failed := marshal(own)
	if failed != nil {
		return page.String()
	}
	page.linef("Account %s has to allow it too. Attach this policy to the role or user that reads, which names the secret by its full ARN:", accountOf(whom))
	page.gap()
	for line := range strings.Lines(string(text)) {
		page.b.WriteString(strings.TrimRight(line, "\n") + "\n")
	}
	return page.String()
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return arn
}

func (a *app) grantsPage(l *share.Listing) string {
	page := a.newPage()
	page.heading(string(l.Secret.Name) + " in " + l.Secret.Place.String())
	if len(l.Grants) == 0 {
		page.linef("  It has no resource policy: it is shared with nobody.")
		return page.String()
	}
	var rows []row
	for _, g := range l.Grants {
		r := row{symbol: "+", colour: green, cells: []string{strings.Join(g.Principals, ", "), strings.Join(g.Actions, ", "), list(whose(g), where(g))}}
		switch {
		case g.Effect != "Allow":
			r.symbol, r.colour = "-", red
		case g.Public:
			r.symbol, r.colour = "!", red
		case g.Key != nil && !*g.Key:
			r.symbol, r.colour, r.under = "!", yellow, "the key's policy lacks our statement: share it again"
		}
		rows = append(rows, r)
	}
	page.table(rows)
	return page.String()
}

func whose(g share.Grant) string {
	if g.Ours {
		return "ours"
	}
	return "not ours"
}

func where(g share.Grant) string {
	switch {
	case g.Effect != "Allow":
		return strings.ToLower(g.Effect)
	case g.Public:
		return "PUBLIC"
	case g.Elsewhere && g.Conditional:
		return "another account, with conditions"
	case g.Elsewhere:
		return "another account"
	}
	return ""
}

// sharedJSON is a secret in the JSON of `share`.
type sharedJSON struct {
	Name    secret.Name      `json:"name"`
	ARN     string           `json:"arn"`
	Account secret.AccountID `json:"account"`
	Region  secret.Region    `json:"region"`
	Key     string           `json:"key"`
}

func sharedOf(s store.Shared) sharedJSON {
	return sharedJSON{s.Name, s.ARN, s.Place.Account, s.Place.Region, s.Key}
}

type shareChangeJSON struct {
	Policy  share.Kind      `json:"policy"`
	Of      string          `json:"of"`
	Before  json.RawMessage `json:"before"` // our statement; null: there was none
	After   json.RawMessage `json:"after"`
	Changes bool            `json:"changes"`
	Outcome share.Outcome   `json:"outcome,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// shareJSON is a plan to share, with what came of it.
func shareJSON(p *share.Plan) any {
	out := struct {
		Version   int                   `json:"version"`
		Action    string                `json:"action"`
		Secret    sharedJSON            `json:"secret"`
		Principal string                `json:"principal"`
		Changes   []shareChangeJSON     `json:"changes"`
		Identity  *share.IdentityPolicy `json:"identityPolicy,omitempty"` // what the principal needs in its own account
		Warnings  []string              `json:"warnings,omitempty"`
	}{Version: 1, Action: "share", Secret: sharedOf(p.Secret), Principal: p.Principal, Identity: p.Identity(), Warnings: p.Notes}
	if p.Revoke {
		out.Action = "revoke"
	}
	for _, c := range p.Changes {
		line := shareChangeJSON{Policy: c.Kind, Of: c.Of, Before: c.Old, After: c.New, Changes: c.Before != c.After, Outcome: c.Outcome}
		if c.Err != nil {
			line.Error = c.Err.Error()
		}
		out.Changes = append(out.Changes, line)
	}
	return out
}
