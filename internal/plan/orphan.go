package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// unwanted says what becomes of a copy that nothing wants; false: it is not ours.
func (d *differ) unwanted(have *secret.Copy) (Found, bool) {
	if have.Mark.Owner != d.policy.Owner || have.Mark.Owner == "" {
		return Found{}, false
	}
	if !have.Deleted.IsZero() && !have.Expired {
		return Found{State: Deleting, Have: have}, true
	}
	reason, name := Unwanted, have.Mark.Source.Name()
	if d.policy.Source != nil {
		state, known := d.policy.Source(have)
		name = cmp.Or(known, name)
		switch state {
		case SourceGone:
			reason = SourceDeleted
		case SourceUnreadable:
			return Found{State: Unknown, Have: have}, true
		}
	}
	action, detail := Keep, ""
	var rule *Rule
	if d.policy.Rules != nil {
		rule = d.policy.Rules(have.Mark.Sync)
	}
	switch {
	case rule == nil:
		detail = "the configuration has no such sync any more"
	case rule.Deletion != Delete:
		detail = "deletion: retain"
	case have.Unwritable != "":
		detail = have.Unwritable
	default:
		action = Remove
	}
	if action == Remove && have.Expired {
		detail = "its recovery window is over: it is removed for good"
	}
	c := d.change(action, reason, nil, have, detail)
	c.Sync = have.Mark.Sync
	if rule != nil {
		c.Source.Store = rule.From
	}
	c.Source.Name = name
	return Found{State: Orphan, Change: c, Have: have}, true
}

// Held returns the brake on n deletions among ours copies; false: they may go. allow, where it is not negative, is how many a person allows for this run.
func (l Limits) Held(target Target, n, ours, allow int) (Brake, bool) {
	const percentCountsFrom = 5
	limit := l.Deletes
	share := ours * l.DeletePercent / 100
	switch {
	case n == 0 || (allow >= 0 && n <= allow):
		return Brake{}, false
	case n > limit:
	case n >= percentCountsFrom && n > share:
		limit = max(share, percentCountsFrom-1)
	default:
		return Brake{}, false
	}
	return Brake{Target: target, Deletes: n, Of: ours, Limit: limit}, true
}

// SortWants orders wants by name, those of one name in the order of the rules.
func SortWants(wants []*Want) {
	slices.SortStableFunc(wants, func(a, b *Want) int { return strings.Compare(string(a.Name), string(b.Name)) })
}
