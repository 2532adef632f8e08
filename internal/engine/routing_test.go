package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

const chain = `
version: 1
owner: me
stores:
  a: {type: aws-secrets-manager, region: us-east-1}
  b: {type: aws-secrets-manager, region: eu-west-1}
  c: {type: aws-secrets-manager, region: eu-north-1}
syncs:
  - {name: a-to-b, from: a, select: {tags: {go: b}}, to: [{store: b}]}
  - {name: b-to-c, from: b, select: {tags: {go: b}}, to: [{store: c}]}
  - {name: c-to-a, from: c, select: {tags: {go: b}}, to: [{store: a}]}
`

func TestACopyMayBeASourceAndACycleIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "x", "one", "tag:go=b")
	e := l.engine(chain)
	l.sync(e, engine.Options{})
	l.sync(e, engine.Options{})
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "refused refuse foreign x 123456789012/us-east-1")
	tags := l.tags(hub, "eu-north-1", "x")
	if tags["secretsync:source"] != "sm/"+hub+"/eu-west-1/x" || tags["secretsync:sync"] != "b-to-c" {
		t.Errorf("the copy of a copy carries %v", tags)
	}
	two := strings.Replace(chain, "b-to-c, from: b, select: {tags: {go: b}}, to: [{store: c}]", "b-to-a, from: b, select: {tags: {go: b}}, to: [{store: a}]", 1)
	two = two[:strings.Index(two, "  - {name: c-to-a")]
	r = l.sync(l.engine(two), engine.Options{Adopt: []string{"**"}})
	if !strings.Contains(outcomes(r), "refused refuse ambiguous x 123456789012/us-east-1") {
		t.Errorf("a cycle of two:\n%s", outcomes(r))
	}
}

// Fault 29.
func TestTwoSourcesForOneNameAreBothRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "x", "one", "tag:go=c")
	l.put(hub, west, "x", "two", "tag:go=c")
	l.put(hub, west, "y", "two", "tag:go=c")
	e := l.engine(`
version: 1
owner: me
stores:
  a: {type: aws-secrets-manager, region: us-east-1}
  b: {type: aws-secrets-manager, region: eu-west-1}
  c: {type: aws-secrets-manager, region: eu-north-1}
syncs:
  - {name: a-to-c, from: a, select: {tags: {go: c}}, to: [{store: c}]}
  - {name: b-to-c, from: b, select: {tags: {go: c}}, to: [{store: c}]}
`)
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), `
refused refuse ambiguous x 123456789012/eu-north-1
refused refuse ambiguous x 123456789012/eu-north-1
applied create missing y 123456789012/eu-north-1`)
}

func TestANameThatTheSourceDoesNotHaveIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "there", "one")
	e := l.engine(strings.Replace(deleting, "prefix: [app/]", "names: [there, nowhere]", 1))
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), `
refused refuse source-missing nowhere nowhere
applied create missing there 123456789012/eu-west-1`)
	if calls := l.calls(); !strings.Contains(calls, "DescribeSecret 2") || !strings.Contains(calls, "ListSecrets 1,") && !strings.HasSuffix(calls, "ListSecrets 1") {
		t.Errorf("names are described and the source is not listed: %s", calls)
	}
}

func TestANewTargetIsAnAccountThatNeverHadTheSecret(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	first := strings.Replace(replicate, "regions: [eu-west-1]}", "regions: [eu-west-1]}", 1)
	l.sync(l.engine(first), engine.Options{})
	more := strings.Replace(first, "regions: [eu-west-1]}]}", "regions: [eu-west-1, us-west-2]}, {store: spokes, accounts: [\"222222222222\"], regions: [eu-west-1]}]}", 1)
	for _, c := range l.plan(l.engine(more), engine.Options{}).Plan.Changes {
		if want := c.Target.Account == two; c.NewTarget != want {
			t.Errorf("%s: new target %t", c.Target, c.NewTarget)
		}
	}
}

func TestOnlyLimitsARunToTheNamesThatMatch(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/a", "one")
	l.put(hub, east, "app/b", "one")
	r := l.sync(l.engine(deleting), engine.Options{Only: []string{"*/b"}})
	expect(t, "outcomes", outcomes(r), "applied create missing app/b 123456789012/eu-west-1")
}

func TestAFreshPlanSeesWhatTheListingsDoNotShowYet(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.put(hub, east, "app/a", "one")
	l.sync(e, engine.Options{})
	l.later(10 * time.Minute)
	l.put(hub, east, "app/a", "two")
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Lag: 5 * time.Minute})
	if got := l.plan(e, engine.Options{}).Plan.Changes; len(got) != 0 {
		t.Fatalf("the lists are not behind: %s", lines(got))
	}
	expect(t, "changes", lines(l.plan(e, engine.Options{Fresh: true}).Plan.Changes), "update new-version app/a 123456789012/eu-west-1")
}

func TestAnExclusionOfAnyDepthCountsAtTheRootToo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, name := range []string{"tmp-x", "app/tmp-y", "app/z"} {
		l.put(hub, east, name, "one")
	}
	r := l.sync(l.engine(strings.Replace(spokes, `glob: ["**"]}`, `glob: ["**"], exclude: ["**/tmp-*"]}`, 1)), engine.Options{})
	expect(t, "outcomes", outcomes(r), `
applied create missing app/z 111111111111/us-east-1
applied create missing app/z 222222222222/us-east-1`)
}

// S0-12, S0-13, S0-14, S0-15, S0-16, S0-17, S0-18, S0-19, S0-20, S0-B2, S0-B3, S0-B13: sync minus nosync, and exclusion always wins.
func TestTheTagsOfASecretSayWhereItGoes(t *testing.T) {
	t.Parallel()
	const group, account, noGroup, noAccount = "tag:SecretSync-SyncDestinationGroup=", "tag:SecretSync-SyncAccount=", "tag:SecretSync-NoSyncDestinationGroup=", "tag:SecretSync-NoSyncAccount="
	for _, c := range []struct {
		what string
		tags []string
		want string // space-separated places, or a refusal
	}{
		{"a group", []string{group + "Production"}, "111111111111/us-east-1 222222222222/us-east-1"},
		{"an account, in the Region of the source", []string{account + three}, "333333333333/us-east-1"},
		{"an account in two Regions", []string{group + "Recovery", account + one}, "111111111111/eu-west-1 111111111111/us-east-1"},
		{"a group without one account", []string{group + "Production", noAccount + two}, "111111111111/us-east-1"},                      // S0-20
		{"a group and one account", []string{group + "Dev", account + "987654321098"}, "333333333333/us-east-1 987654321098/us-east-1"}, // S0-20
		{"a group that is excluded", []string{group + "Production", account + three, noGroup + "Production"}, "333333333333/us-east-1"},
		{"an account that is in both", []string{account + one, noAccount + one}, ""},
		{"exclusions only", []string{noAccount + one, noGroup + "Dev"}, ""},
		{"no tag", nil, ""},
		{"several accounts in one tag", []string{account + "111111111111,222222222222"}, "not-allowed"},
		{"a group in another case", []string{group + "production"}, "unknown-group"},
		{"an excluded group in another case", []string{group + "Production", noGroup + "dev"}, "unknown-group"},
		{"an excluded account that is none", []string{group + "Production", noAccount + "22222222222"}, "not-allowed"},
		{"a group with an account that is none", []string{group + "Bad"}, "not-allowed"},
	} {
		l := newLab(t)
		l.put(hub, east, "secret-sync/config", strings.Replace(groupsJSON, `"Dev":`, `"Bad": ["12345"], "Dev":`, 1))
		l.put(hub, east, "a", canary, c.tags...)
		var got []string
		for _, change := range l.plan(l.engine(""), engine.Options{}).Plan.Changes {
			if change.Target == nil {
				got = append(got, string(change.Reason))
			} else {
				got = append(got, change.Target.Place.String())
			}
		}
		expect(t, c.what, strings.Join(got, " "), c.want)
	}
}
