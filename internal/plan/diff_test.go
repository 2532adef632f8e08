package plan_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

var (
	here    = plan.Target{Store: "t", Place: secret.Place{Kind: secret.SecretsManager, Account: "111111111111", Region: "us-east-1"}}
	anyTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func TestTheDecisionTableOfTheComparison(t *testing.T) {
	data, err := os.ReadFile("testdata/diff.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split(string(data), "\n== ")[1:] {
		title, body, _ := strings.Cut(text, "\n")
		t.Run(title, func(t *testing.T) { diffCase(t, body) })
	}
}

func diffCase(t *testing.T, body string) {
	rule := &plan.Rule{Name: "s", From: "hub", Deletion: plan.Retain, Drift: plan.Mend, Existing: plan.Refuse, Tags: plan.CopyTags}
	policy := plan.Policy{Owner: "me", Rules: func(n secret.SyncName) *plan.Rule {
		if n == rule.Name {
			return rule
		}
		return nil
	}}
	var wants []*plan.Want
	var have []secret.Copy
	var expected []string
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		fields := strings.Fields(line)
		switch fields[0] {
		case "rule":
			for k, v := range settings(fields[1:]) {
				switch k {
				case "drift":
					rule.Drift = plan.DriftPolicy(v)
				case "existing":
					rule.Existing = plan.ExistingPolicy(v)
				case "deletion":
					rule.Deletion = plan.Deletion(v)
				case "tags":
					rule.Tags = plan.TagPolicy(v)
				default:
					t.Fatalf("unknown setting %q", k)
				}
			}
		case "policy":
			set := settings(fields[1:])
			policy.Key = func(secret.StoreName) secret.Key { return secret.Key(set["key"]) }
			if set["adopt"] != "" {
				policy.Adopt = []string{set["adopt"]}
			}
		case "want":
			wants = append(wants, &plan.Want{Rule: rule, Source: metaOf(fields[1], settings(fields[2:])), Name: secret.Name(fields[1])})
		case "have":
			have = append(have, copyOf(fields[1], settings(fields[2:])))
		case "->":
			if rest := strings.TrimSpace(strings.TrimPrefix(line, "->")); rest != "" {
				expected = append(expected, rest)
			}
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	var got []string
	plan.Diff(here, wants, have, policy, func(f plan.Found) { got = append(got, foundText(f)) })
	if !slices.Equal(got, expected) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(expected, "\n  "))
	}
}

func foundText(f plan.Found) string {
	name := secret.Name("?")
	if f.Want != nil {
		name = f.Want.Name
	} else if f.Have != nil {
		name = f.Have.Name
	}
	if f.Change == nil {
		return fmt.Sprintf("%s %s", name, f.State)
	}
	text := fmt.Sprintf("%s %s %s %s", name, f.State, f.Change.Action, f.Change.Reason)
	if f.Change.Detail != "" && f.Change.Detail != "somebody else wrote it" {
		text += ": " + f.Change.Detail
	}
	return text
}

func settings(fields []string) map[string]string {
	set := map[string]string{}
	for _, f := range fields {
		k, v, _ := strings.Cut(f, "=")
		set[k] = v
	}
	return set
}

func metaOf(name string, set map[string]string) *secret.Meta {
	m := &secret.Meta{Name: secret.Name(name), Identity: secret.NewIdentity(hub, secret.Name(name)), Version: "v2", Held: []secret.Version{"v1", "v2"},
		Created: anyTime, Tags: map[string]string{}}
	for k, v := range set {
		switch k {
		case "version":
			m.Version = secret.Version(v)
		case "held":
			m.Held = versions(v)
		case "description":
			m.Description = v
		case "customKey":
			m.CustomKey = true
		case "id":
			m.Identity = secret.Identity(v)
		case "tags":
			n := 0
			_, _ = fmt.Sscan(v, &n)
			for i := range n {
				m.Tags[fmt.Sprint("k", i)] = "v"
			}
		default:
			m.Tags[strings.TrimPrefix(k, "tag:")] = v
		}
	}
	return m
}

func copyOf(name string, set map[string]string) secret.Copy {
	c := secret.Copy{Name: secret.Name(name), Version: "v2", Tags: map[string]string{}, Revision: "r",
		Mark: secret.Mark{Owner: "me", Sync: "s", Source: secret.NewIdentity(hub, secret.Name(name))}}
	if v, ok := set["version"]; ok {
		c.Version = secret.Version(v)
	}
	if c.Version == "generation1" {
		c.Version = secret.Tokens("me", []secret.Input{{Identity: c.Mark.Source, Version: "v2", Created: anyTime}}, "")[1]
	}
	c.Labelled, c.Held = c.Version, []secret.Version{c.Version}
	for k, v := range set {
		switch k {
		case "version":
		case "owner":
			c.Mark.Owner = secret.Owner(v)
			if v == "" {
				c.Mark, c.Labelled = secret.Mark{}, ""
			}
		case "source":
			c.Mark.Source = secret.Identity(v)
		case "sync":
			c.Mark.Sync = secret.SyncName(v)
		case "first":
			c.Mark.First = secret.Version(v)
		case "labelled":
			c.Labelled = secret.Version(v)
		case "held":
			c.Held = versions(v)
		case "deleted":
			c.Deleted = anyTime
		case "deleting":
			c.Mark.Deleting = anyTime
		case "unwritable":
			c.Unwritable = v
		case "description":
			c.Description = v
		case "key":
			c.Key = secret.Key(v)
		default:
			c.Tags[strings.TrimPrefix(k, "tag:")] = v
		}
	}
	return c
}

func versions(list string) []secret.Version {
	var all []secret.Version
	for _, v := range strings.Split(list, ",") {
		all = append(all, secret.Version(v))
	}
	return all
}

func TestBrakesHoldDeletionsBackByNumberAndByShare(t *testing.T) {
	limits := plan.Limits{Deletes: 25, DeletePercent: 10}
	for _, c := range []struct {
		n, ours, allow int
		held           bool
		limit          int
	}{
		{0, 100, -1, false, 0},
		{4, 5, -1, false, 0},   // the share counts from 5 deletions up
		{5, 100, -1, false, 0}, // 5 %
		{5, 40, -1, true, 4},   // 12.5 %
		{10, 100, -1, false, 0},
		{11, 100, -1, true, 10},
		{25, 1000, -1, false, 0},
		{26, 1000, -1, true, 25},
		{40, 90, -1, true, 25},
		{40, 90, 40, false, 0}, // a person allows as many
		{40, 90, 39, true, 25},
		{5, 40, 0, true, 4},
	} {
		b, held := limits.Held(here, c.n, c.ours, c.allow)
		if held != c.held || b.Limit != c.limit {
			t.Errorf("%d of %d, %d allowed: held %t with limit %d, want %t with %d", c.n, c.ours, c.allow, held, b.Limit, c.held, c.limit)
		}
	}
}
