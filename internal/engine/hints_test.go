package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"pgregory.net/rapid"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/event"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// hint is what an event about secrets of the hub becomes.
func hint(names ...string) event.Hint {
	h := event.Hint{Kind: secret.SecretsManager, Account: hub, Region: east}
	for _, n := range names {
		h.Names = append(h.Names, secret.Name(n))
	}
	return h
}

func sweep(names ...string) event.Hint {
	h := hint(names...)
	h.Sweep = true
	return h
}

func hinted(hints ...event.Hint) engine.Options {
	return engine.Options{Hints: append([]event.Hint{}, hints...)}
}

func TestAnEventCostsOneReadAndOneWriteATargetAndListsNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(spokes)
	for i := range 120 {
		l.put(hub, east, fmt.Sprintf("s%03d", i), "one")
	}
	l.sync(e, engine.Options{})
	l.put(hub, east, "s007", "two")
	l.put(hub, east, "s008", "two")
	l.forget()
	r := l.sync(e, hinted(hint("s007")))
	expect(t, "outcomes", outcomes(r), "applied update new-version s007 111111111111/us-east-1\napplied update new-version s007 222222222222/us-east-1")
	// The source is described, read, and described once more after the writes; each target is described and written.
	expect(t, "calls", l.calls(), "DescribeSecret 4, GetSecretValue 1, PutSecretValue 2")
	if got, _ := l.value(one, east, "s008"); got != "one" {
		t.Error("the event was not about s008")
	}
	l.put(hub, east, "new", "one")
	l.forget()
	r = l.sync(e, hinted(hint("new")))
	expect(t, "outcomes", outcomes(r), "applied create missing new 111111111111/us-east-1\napplied create missing new 222222222222/us-east-1")
	expect(t, "calls of a creation", l.calls(), "CreateSecret 2, DescribeSecret 3, GetSecretValue 1")
}

// Faults 12, 13 and 15; and our own writes, which are events too.
func TestAnEventThatComesAgainWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(spokes)
	l.put(hub, east, "app", "one")
	l.sync(e, hinted(hint("app")))
	l.forget()
	for _, h := range []event.Hint{hint("app"), sweep("app"), {Names: []secret.Name{"app"}}, hint("app", "app-AbCdEf")} {
		if r := l.sync(e, hinted(h, h, h)); len(r.Changes) > 0 || r.NotAsWanted() || r.Summary.Unchanged != 2 {
			t.Errorf("%+v: got\n%s\n%d unchanged, %v", h, outcomes(r), r.Summary.Unchanged, r.Problems)
		}
	}
	if calls := l.calls(); strings.Contains(calls, "Put") || strings.Contains(calls, "Get") || strings.Contains(calls, "List") {
		t.Errorf("the calls were %s", calls)
	}
}

func TestAnEventAboutWhatNoSyncReadsMakesNoCall(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(pair)
	l.put(hub, east, "other", "one")
	l.forget()
	for what, h := range map[string]event.Hint{
		"another name":    hint("other"),
		"another account": {Kind: secret.SecretsManager, Account: three, Region: east, Names: []secret.Name{"app/x"}},
		"another Region":  {Kind: secret.SecretsManager, Account: hub, Region: west, Names: []secret.Name{"app/x"}},
		"another kind":    {Kind: secret.ParameterStore, Account: hub, Region: east, Names: []secret.Name{"app/x"}},
	} {
		r := l.sync(e, hinted(h))
		calls := strings.ReplaceAll(l.calls(), "GetCallerIdentity 1", "") // whose credentials these are is asked once
		if len(r.Changes) > 0 || r.NotAsWanted() || calls != "" {
			t.Errorf("%s: got\n%s\ncalls %q", what, outcomes(r), calls)
		}
	}
	r := l.sync(e, hinted(hint("app/unknown")))
	if len(r.Changes) > 0 || r.NotAsWanted() {
		t.Errorf("an unknown secret: got\n%s\n%v", outcomes(r), r.Problems)
	}
	if r := l.sync(e, hinted()); len(r.Changes) > 0 || len(r.Warnings) > 0 {
		t.Errorf("no hint at all: got %s, %v", outcomes(r), r.Warnings)
	}
}

// S3-B8.
func TestADeletionThatAnEventTellsOfFollowsThePolicyWithItsWindow(t *testing.T) {
	t.Parallel()
	for _, deletion := range []string{"delete", "retain"} {
		l := newLab(t)
		e := l.engine(strings.Replace(pair, "deletion: delete", "deletion: "+deletion+", recoveryDays: 9", 1))
		l.estate(e, 3)
		l.remove(hub, east, "app/001")
		r := l.sync(e, hinted(sweep("app/001")))
		if deletion == "retain" {
			expect(t, "outcomes", outcomes(r), "skipped keep source-deleted app/001 111111111111/us-east-1\nskipped keep source-deleted app/001 222222222222/us-east-1")
			continue
		}
		expect(t, "outcomes", outcomes(r), "applied delete source-deleted app/001 111111111111/us-east-1\napplied delete source-deleted app/001 222222222222/us-east-1")
		l.later(8 * 24 * time.Hour)
		if l.describe(one, east, "app/001").DeletedDate == nil {
			t.Error("it is gone before its window is over")
		}
		if r := l.sync(e, hinted(sweep("app/001"))); len(r.Changes) > 0 {
			t.Errorf("again: got\n%s", outcomes(r))
		}
		if _, err := l.as(hub, east).RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: ptr("app/001")}); err != nil {
			t.Fatal(err)
		}
		r = l.sync(e, hinted(sweep("app/001")))
		expect(t, "after the restoration", outcomes(r), "applied restore scheduled-for-deletion app/001 111111111111/us-east-1\napplied restore scheduled-for-deletion app/001 222222222222/us-east-1")
	}
}

func TestDeletionsByEventsOfOneDayAreHeldByOneBrake(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(pair + "limits: {deletes: 3, deletePercent: 100}\n")
	l.estate(e, 8)
	for i := range 5 {
		name := fmt.Sprintf("app/%03d", i)
		l.remove(hub, east, name)
		r := l.sync(e, hinted(sweep(name)))
		if r.Braked() != (i >= 3) {
			t.Errorf("deletion %d: braked %t\n%s", i, r.Braked(), outcomes(r))
		}
		if gone := l.describe(one, east, name).DeletedDate != nil; gone != (i < 3) {
			t.Errorf("deletion %d: scheduled %t", i, gone)
		}
	}
	l.later(25 * time.Hour)
	if r := l.sync(e, hinted(sweep("app/003"))); r.Braked() || l.describe(one, east, "app/003").DeletedDate == nil {
		t.Errorf("a day later: braked %t\n%s", r.Braked(), outcomes(r))
	}
}

func TestAnEventDeletesNothingWhereTheTargetCanNotBeListed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(pair)
	l.estate(e, 3)
	l.remove(hub, east, "app/001")
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: one, Code: "AccessDeniedException"})
	r := l.sync(e, hinted(sweep("app/001")))
	expect(t, "outcomes", outcomes(r), "skipped keep source-deleted app/001 111111111111/us-east-1\napplied delete source-deleted app/001 222222222222/us-east-1")
}

func TestATagThatIsTakenOffIsFollowedWhereverItCanHaveLed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: R, allow: {accounts: ["111111111111", "222222222222"]}}
syncs:
  - {name: s, from: hub, to: [{store: spokes, byTags: true}], deletion: delete}
`)
	l.put(hub, east, "app", "one", "tag:"+plan.TagSyncAccount+"="+one)
	l.put(hub, east, "other", "one", "tag:"+plan.TagSyncAccount+"="+one)
	l.sync(e, engine.Options{})
	l.tag(hub, east, "app", plan.TagSyncAccount, two)
	r := l.sync(e, hinted(sweep("app")))
	expect(t, "outcomes", outcomes(r), "applied delete unwanted app 111111111111/us-east-1\napplied create missing app 222222222222/us-east-1")
	if l.describe(one, east, "other").DeletedDate != nil {
		t.Error("another secret's copy is gone")
	}
}

func TestWhatAnEventNamesAndCanNotBeLookedAtIsToldAndMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(spokes)
	l.put(hub, east, "app", "one")
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Account: hub, Code: "ThrottlingException", Times: 50})
	r := l.sync(e, hinted(hint("app")))
	if len(r.Changes) != 1 || r.Changes[0].Action != plan.Refusal || !r.Unfinished() || !r.Changes[0].MayMend() {
		t.Errorf("got\n%s\nunfinished %t", outcomes(r), r.Unfinished())
	}
	l.aws.Faults().Clear()
	l.aws.Faults().Add(awslocal.Fault{Operation: "PutSecretValue", Account: one, Code: "InternalServiceError"})
	l.sync(l.engine(spokes), hinted(hint("app")))
	l.put(hub, east, "app", "two")
	r = l.sync(l.engine(spokes), hinted(hint("app")))
	if !r.Unfinished() || r.Summary.Failed != 1 {
		t.Errorf("got\n%s", outcomes(r))
	}
	if got, _ := l.value(two, east, "app"); got != "two" {
		t.Error("the other target was not written")
	}
}

func TestAnEventAboutAPartMakesTheWholeCopyAnew(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: s, from: hub, select: {prefix: [app/]}, to: [{store: dr, name: app/all}], value: {merge: "{{ .Base }}"}}
`)
	l.put(hub, east, "app/a", "1")
	l.put(hub, east, "app/b", "2")
	l.sync(e, engine.Options{})
	l.put(hub, east, "app/b", "3")
	r := l.sync(e, hinted(hint("app/b")))
	if got, _ := l.value(hub, west, "app/all"); r.NotAsWanted() || got != `{"a":"1","b":"3"}` {
		t.Errorf("got %s\n%s", got, outcomes(r))
	}
	l.later(10 * time.Minute)
	l.aws.SetListLag(5 * time.Minute)
	l.put(hub, east, "app/b", "4")
	r = l.sync(e, hinted(hint("app/b")))
	if got, _ := l.value(hub, west, "app/all"); r.NotAsWanted() || got != `{"a":"1","b":"4"}` {
		t.Errorf("where listings lag: got %s\n%s", got, outcomes(r))
	}
}

func TestASyncThatIsDueDeletesItsOwnOrphansOnly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: a, from: hub, select: {prefix: [a/]}, to: [{store: dr}], deletion: delete}
  - {name: b, from: hub, select: {prefix: [b/]}, to: [{store: dr}], deletion: delete}
`)
	for _, n := range []string{"a/1", "a/2", "b/1", "b/2"} {
		l.put(hub, east, n, "one")
	}
	l.sync(e, engine.Options{})
	for _, n := range []string{"a/1", "b/1"} {
		l.remove(hub, east, n)
	}
	l.put(hub, east, "a/2", "two")
	l.put(hub, east, "b/2", "two")
	r := l.sync(e, engine.Options{Due: []secret.SyncName{"a"}})
	expect(t, "outcomes", outcomes(r), "applied update new-version a/2 "+hub+"/eu-west-1\napplied delete source-deleted a/1 "+hub+"/eu-west-1")
	if r.Summary.Unchanged != 0 || len(r.Targets) != 1 || r.Targets[0].States[plan.InSync] != 1 || r.Targets[0].States[plan.Deleting] != 1 {
		t.Errorf("%d unchanged, targets %+v", r.Summary.Unchanged, r.Targets)
	}
	if _, err := e.Plan(t.Context(), engine.Options{Due: []secret.SyncName{"c"}}); err == nil {
		t.Error("a sync that is not there is due")
	}
}

// Faults 12 to 16: whatever becomes of the events, one scheduled run later every copy is as its source.
func TestAfterEventsInAnyOrderTwiceOrNeverAndCrashesOneScheduledRunMakesEveryCopyEqual(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l := newLab(t)
		e := l.engine(pair)
		var pending []event.Hint
		edits := 0
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			name := fmt.Sprintf("app/%d", rapid.IntRange(0, 3).Draw(r, "secret"))
			switch rapid.SampledFrom([]string{"edit", "edit", "edit", "delete", "event", "event", "crash", "lose", "twice"}).Draw(r, "what") {
			case "edit":
				edits++
				if !l.missing(hub, east, name) && l.describe(hub, east, name).DeletedDate != nil {
					if _, err := l.as(hub, east).RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: &name}); err != nil {
						r.Fatal(err)
					}
				}
				l.put(hub, east, name, fmt.Sprint("value ", edits))
				pending = append(pending, hint(name))
			case "delete":
				if !l.missing(hub, east, name) && l.describe(hub, east, name).DeletedDate == nil {
					l.remove(hub, east, name)
					pending = append(pending, sweep(name))
				}
			case "event", "crash":
				if len(pending) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(pending)-1).Draw(r, "which")
				ctx, cancel := context.WithCancel(t.Context())
				if rapid.Bool().Draw(r, "crashes") {
					l.aws.Faults().Add(awslocal.Fault{After: rapid.IntRange(0, 9).Draw(r, "after"), Times: 1, Drop: true, Then: func(awslocal.Call) { cancel() }})
				}
				if run, err := e.Plan(ctx, hinted(pending[i])); err == nil {
					e.Apply(ctx, run)
				}
				cancel()
				l.aws.Faults().Clear()
				pending = slices.Delete(pending, i, i+1)
			case "lose":
				if len(pending) > 0 {
					pending = pending[1:]
				}
			case "twice":
				if len(pending) > 0 {
					pending = append(pending, pending[0])
				}
			}
		}
		l.aws.Faults().Clear()
		if report := l.sync(e, engine.Options{}); report.NotAsWanted() && !report.Braked() {
			r.Fatalf("the scheduled run:\n%s\n%v", outcomes(report), report.Problems)
		}
		for i := range 4 {
			name := fmt.Sprintf("app/%d", i)
			if l.missing(hub, east, name) || l.describe(hub, east, name).DeletedDate != nil {
				continue
			}
			want, version := l.value(hub, east, name)
			for _, account := range []string{one, two} {
				if got, at := l.value(account, east, name); got != want || at != version {
					r.Fatalf("%s in %s is %q at %s, want %q at %s", name, account, got, at, want, version)
				}
			}
		}
	})
}

func TestARunTellsHowLongItTookInEveryTarget(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var ticks atomic.Int64
	e := l.engine(pair, func(s *engine.Setup) { s.Now = func() time.Time { return time.Unix(1e9+ticks.Add(1), 0) } })
	l.put(hub, east, "app/a", "1")
	r := l.sync(e, engine.Options{})
	if len(r.Targets) != 2 {
		t.Fatalf("%d targets", len(r.Targets))
	}
	for _, target := range r.Targets {
		if target.Took < 2*time.Second { // a tick for looking, and one for writing
			t.Errorf("%s took %s", target.Target, target.Took)
		}
	}
	if r := l.sync(e, engine.Options{}); r.Targets[0].Took < time.Second {
		t.Errorf("looking took %s", r.Targets[0].Took)
	}
}
