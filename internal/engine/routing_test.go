package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
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

func TestStatusTellsTheStatesApart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	for _, name := range []string{"app/behind", "app/drifted", "app/gone", "app/ok", "app/removed"} {
		l.put(hub, east, name, "one")
	}
	l.put(hub, west, "app/foreign", "theirs")
	l.sync(e, engine.Options{})
	l.put(hub, east, "app/foreign", "one")
	l.put(hub, east, "app/behind", "two")
	l.put(hub, west, "app/drifted", "x")
	l.remove(hub, west, "app/removed")
	l.remove(hub, east, "app/gone")
	l.put(hub, east, "app/missing", "one")
	s, err := e.Status(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.Copies {
		got = append(got, string(c.Name)+" "+string(c.State)+" "+string(c.Reason))
	}
	expect(t, "states", strings.Join(got, "\n"), `
app/behind behind new-version
app/drifted drifted drifted
app/foreign foreign foreign
app/gone orphan source-deleted
app/missing behind missing
app/ok in-sync 
app/removed refused scheduled-for-deletion`)
	if s.AllInSync() || s.Summary[plan.InSync] != 1 {
		t.Errorf("summary %v", s.Summary)
	}
}

func TestVerifyComparesValuesAndFindsTheOneThatNoVersionTells(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.put(hub, east, "app/a", canary)
	l.put(hub, east, "app/b", canary)
	l.sync(e, engine.Options{})
	_, version := l.value(hub, east, "app/b")
	l.replace(hub, west, "app/b", "other", version)
	all, err := e.Verify(t.Context(), engine.Options{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Result != engine.Equal || all[1].Result != engine.Different {
		t.Errorf("got %+v", all)
	}
	all, err = e.Verify(t.Context(), engine.Options{}, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Result != engine.Equal || all[1].Result != engine.NotVerified {
		t.Errorf("within a budget of three: %+v", all)
	}
}

func TestExplainSaysWhyForEveryTarget(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", groupsJSON)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Production", "tag:SecretSync-NoSyncAccount=222222222222")
	all, err := l.engine("").Explain(t.Context(), "a", engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range all {
		got = append(got, x.Target.Place.String()+" "+x.Why)
	}
	expect(t, "reasons", strings.Join(got, "\n"), `
111111111111/us-east-1 in: tag SecretSync-SyncDestinationGroup=Production
222222222222/us-east-1 out: tag SecretSync-NoSyncAccount=222222222222 wins over tag SecretSync-SyncDestinationGroup=Production`)
	if _, err := l.engine("").Explain(t.Context(), "none", engine.Options{}); err == nil {
		t.Error("a secret that no source has is explained")
	}
}
