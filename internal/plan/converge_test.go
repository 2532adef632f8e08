package plan_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestApplyingAPlanLeavesNothingToDo(t *testing.T) { rapid.Check(t, converges) }

func FuzzApplyingAPlanLeavesNothingToDo(f *testing.F) { f.Fuzz(rapid.MakeFuzz(converges)) }

// converges draws a target and what is wanted there, does what the comparison says as a store would, and compares again.
func converges(t *rapid.T) {
	rule := &plan.Rule{Name: "s", From: "hub",
		Deletion: rapid.SampledFrom([]plan.Deletion{plan.Retain, plan.Delete}).Draw(t, "deletion"),
		Drift:    rapid.SampledFrom([]plan.DriftPolicy{plan.Mend, plan.Report}).Draw(t, "drift"),
		Existing: rapid.SampledFrom([]plan.ExistingPolicy{plan.Refuse, plan.AdoptLegacy}).Draw(t, "existing"),
		Tags:     rapid.SampledFrom([]plan.TagPolicy{plan.CopyTags, plan.NoTags}).Draw(t, "tags")}
	key := rapid.SampledFrom([]secret.Key{"", "alias/k"}).Draw(t, "key")
	policy := plan.Policy{Owner: "me", Key: func(secret.StoreName) secret.Key { return key },
		Adopt: rapid.SampledFrom([][]string{nil, {"a"}, {"**"}}).Draw(t, "adopt"),
		Rules: func(n secret.SyncName) *plan.Rule {
			if n == "s" {
				return rule
			}
			return nil
		}}
	version := rapid.SampledFrom([]secret.Version{"", "v1", "v2", "v3"})
	tags := rapid.MapOfN(rapid.SampledFrom([]string{"k", "l", "SyncedFrom", plan.TagSyncAccount}), rapid.SampledFrom([]string{"x", "123456789012"}), 0, 3)
	var wants []*plan.Want
	var have []secret.Copy
	for _, name := range []string{"a", "b", "c", "d"} {
		if rapid.Bool().Draw(t, "wanted") {
			m := metaOf(name, nil)
			m.Version, m.Tags = version.Draw(t, "version"), tags.Draw(t, "tags")
			m.Held = slices.Compact(slices.Sorted(slices.Values([]secret.Version{m.Version, version.Draw(t, "also")})))
			m.CustomKey = rapid.Bool().Draw(t, "custom")
			m.Description = rapid.SampledFrom([]string{"", "text"}).Draw(t, "description")
			wants = append(wants, &plan.Want{Rule: rule, Source: m, Name: m.Name})
		}
		if rapid.Bool().Draw(t, "there") {
			c := copyOf(name, nil)
			c.Version, c.Labelled, c.Mark.First = version.Draw(t, "current"), version.Draw(t, "labelled"), version.Draw(t, "first")
			c.Held = []secret.Version{c.Version}
			c.Mark.Owner = rapid.SampledFrom([]secret.Owner{"me", "", "them"}).Draw(t, "owner")
			c.Mark.Sync = rapid.SampledFrom([]secret.SyncName{"s", "other"}).Draw(t, "sync")
			c.Tags, c.Key = tags.Draw(t, "its tags"), rapid.SampledFrom([]secret.Key{"", "alias/k", "alias/l"}).Draw(t, "its key")
			if rapid.Bool().Draw(t, "deleted") {
				c.Deleted = anyTime
			}
			if rapid.Bool().Draw(t, "deleting") {
				c.Mark.Deleting = anyTime
			}
			have = append(have, c)
		}
	}
	before := map[secret.Name]secret.Copy{}
	after := map[secret.Name]secret.Copy{}
	for _, c := range have {
		before[c.Name], after[c.Name] = c, c
	}
	plan.Diff(here, wants, have, policy, func(f plan.Found) { apply(after, policy, f) })
	for name, c := range before {
		foreign := c.Mark.Owner != "me" && !plan.MatchAny(policy.Adopt, string(name)) && rule.Existing == plan.Refuse
		if foreign && !same(c, after[name]) {
			t.Fatalf("%q is not ours, and was changed", name)
		}
	}
	again := slices.SortedFunc(maps.Values(after), func(a, b secret.Copy) int { return strings.Compare(string(a.Name), string(b.Name)) })
	plan.Diff(here, wants, again, policy, func(f plan.Found) {
		if f.Change != nil && f.Change.Action != plan.Keep && f.Change.Action != plan.Refusal {
			t.Fatalf("after the plan was applied there is still: %s", foundText(f))
		}
	})
}

func same(a, b secret.Copy) bool {
	return a.Version == b.Version && a.Mark == b.Mark && a.Key == b.Key && a.Deleted.Equal(b.Deleted) && maps.Equal(a.Tags, b.Tags)
}

// apply does to the target what a change says.
func apply(target map[secret.Name]secret.Copy, policy plan.Policy, f plan.Found) {
	if f.Change == nil {
		return
	}
	switch f.Change.Action {
	case plan.Create, plan.Update, plan.Metadata, plan.Restore:
		c := target[f.Want.Name]
		mark := f.Want.Mark(policy.Owner, f.Have)
		if f.Have == nil {
			mark.First = f.Want.Source.Version
		}
		if f.Change.Action != plan.Metadata && c.Version != f.Want.Source.Version {
			c.Version, c.Labelled = f.Want.Source.Version, f.Want.Source.Version
		}
		if c.Version != c.Labelled {
			mark.First = c.Version
		}
		tags := maps.Clone(c.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		maps.Copy(tags, f.Want.OwnTags())
		c.Name, c.Mark, c.Tags, c.Key, c.Description, c.Deleted = f.Want.Name, mark, tags, policy.Key("t"), f.Want.Source.Description, time.Time{}
		target[f.Want.Name] = c
	case plan.Remove:
		c := target[f.Change.Name]
		c.Deleted, c.Mark.Deleting = anyTime, anyTime
		target[f.Change.Name] = c
	}
}
