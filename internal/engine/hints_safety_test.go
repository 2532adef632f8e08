package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

const namedParts = `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: s, from: hub, select: {names: [app/a, app/b]}, to: [{store: dr, name: app/all}], value: {merge: "{{ .Base }}"}}
`

func TestAnEventMakesNoCopyWithoutAPartThatCanNotBeLookedAt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(namedParts)
	l.put(hub, east, "app/a", "1")
	r := l.sync(e, hinted(hint("app/a")))
	if !l.missing(hub, west, "app/all") || !r.NotAsWanted() {
		t.Errorf("made without a part that names lists:\n%s", outcomes(r))
	}
	l.put(hub, east, "app/b", "2")
	l.sync(e, engine.Options{})
	l.put(hub, east, "app/a", "3")
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Account: hub, Resource: "app/b", Code: "AccessDeniedException"})
	r = l.sync(e, hinted(hint("app/a")))
	if got, _ := l.value(hub, west, "app/all"); got != `{"a":"1","b":"2"}` || !r.NotAsWanted() {
		t.Errorf("the copy is %s\n%s", got, outcomes(r))
	}
}

func TestAnEventIsNotJudgedByAListingThatAnotherSyncNeeds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
  mid: {type: aws-secrets-manager, region: eu-central-1}
syncs:
  - {name: s, from: hub, select: {prefix: [app/]}, to: [{store: dr, name: all}], value: {merge: "{{ .Base }}"}}
  - {name: p, from: hub, select: {prefix: [app/]}, to: [{store: mid}]}
`)
	l.put(hub, east, "app/a", "1")
	l.put(hub, east, "app/b", "1")
	l.sync(e, engine.Options{})
	l.later(time.Hour)
	l.aws.SetListLag(5 * time.Minute)
	l.put(hub, east, "app/a", "2")
	r := l.sync(e, hinted(hint("app/a")))
	whole, _ := l.value(hub, west, "all")
	if alone, _ := l.value(hub, "eu-central-1", "app/a"); alone != "2" || whole != `{"a":"2","b":"1"}` {
		t.Errorf("merged %s, alone %s\n%s", whole, alone, outcomes(r))
	}
}

func TestAnEventDeletesNothingThatAnotherSourceWants(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: s, from: hub, select: {prefix: [a/, b/]}, to: [{store: dr, name: "{{ .Base }}"}], deletion: delete}
`)
	l.put(hub, east, "a/x", "A")
	l.put(hub, east, "a/y", "A")
	l.put(hub, east, "a/z", "A")
	l.sync(e, engine.Options{})
	l.put(hub, east, "b/x", "B")
	l.remove(hub, east, "a/x")
	l.remove(hub, east, "a/y")
	r := l.sync(e, hinted(sweep("a/x"), sweep("a/y")))
	if again := l.sync(e, hinted(sweep("b/z"))); len(again.Changes) > 0 {
		t.Errorf("an event about another source of a name is about its copy:\n%s", outcomes(again))
	}
	expect(t, "outcomes", outcomes(r), "skipped keep source-deleted x "+hub+"/eu-west-1\napplied delete source-deleted y "+hub+"/eu-west-1")
}

func TestADeletionThatWasNotProvedMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	for what, fault := range map[string]awslocal.Fault{
		"the target can't be listed":       {Operation: "ListSecrets", Account: one, Code: "ThrottlingException"},
		"the source can't be listed":       {Operation: "ListSecrets", Account: hub, Code: "InternalServiceError"},
		"another secret could not be read": {Operation: "GetSecretValue", Account: hub, Resource: "app/002", Code: "InternalServiceError"},
	} {
		l := newLab(t)
		e := l.engine(pair)
		l.estate(e, 4)
		l.remove(hub, east, "app/001")
		l.put(hub, east, "app/002", "new")
		l.aws.Faults().Add(fault)
		r := l.sync(e, hinted(sweep("app/001"), hint("app/002")))
		again := false
		for i := range r.Changes {
			again = again || r.Changes[i].Name == "app/001" && r.Changes[i].MayMend()
		}
		if l.describe(one, east, "app/001").DeletedDate != nil || !again {
			t.Errorf("%s: may be tried again: %t\n%s", what, again, outcomes(r))
		}
	}
}

func TestANameThatNoSecretCanHaveHoldsNothingUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(pair)
	l.estate(e, 2)
	l.remove(hub, east, "app/001")
	r := l.sync(e, hinted(sweep("app/001"), sweep("app/<bad name>")))
	if r.Unfinished() || l.describe(one, east, "app/001").DeletedDate == nil {
		t.Errorf("unfinished %t\n%s\n%v", r.Unfinished(), outcomes(r), r.Problems)
	}
}

func TestTheBrakesHoldForEventsThatComeTogetherAndWhereListingsLag(t *testing.T) {
	t.Parallel()
	gone := func(l *lab) (n int) {
		for i := range 20 {
			if l.describe(one, east, fmt.Sprintf("app/%03d", i)).DeletedDate != nil {
				n++
			}
		}
		return n
	}
	l := newLab(t)
	e := l.engine(pair + "limits: {deletes: 5, deletePercent: 100}\n")
	l.estate(e, 40)
	var runs []*engine.Run // as they are made beside each other
	for i := range 20 {
		l.remove(hub, east, fmt.Sprintf("app/%03d", i))
	}
	for g := range 4 {
		o := hinted()
		for i := range 5 {
			o.Hints = append(o.Hints, sweep(fmt.Sprintf("app/%03d", g*5+i)))
		}
		runs = append(runs, l.plan(e, o))
	}
	for _, run := range runs {
		e.Apply(t.Context(), run)
	}
	if n := gone(l); n != 5 {
		t.Errorf("%d deletions at once, the limit is 5", n)
	}

	l = newLab(t)
	e = l.engine(pair + "limits: {deletes: 3, deletePercent: 100}\n")
	l.estate(e, 30)
	l.later(time.Hour)
	l.aws.SetListLag(5 * time.Minute)
	for i := range 20 {
		name := fmt.Sprintf("app/%03d", i)
		l.remove(hub, east, name)
		l.sync(e, hinted(sweep(name)))
	}
	if n := gone(l); n != 3 {
		t.Errorf("%d deletions one after the other, the limit is 3", n)
	}
}

func TestAnEventForOneSyncInARunThatIsLimitedToAnotherDoesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(strings.TrimSpace(pair) + "\n  - {name: other, from: hub, select: {prefix: [other/]}, to: [{store: spokes, accounts: [\"111111111111\"]}]}\n")
	l.put(hub, east, "app/a", "1")
	o := hinted(hint("app/a"))
	o.Sync = "other"
	if r := l.sync(e, o); len(r.Changes) > 0 || len(r.Warnings) != 1 {
		t.Errorf("got\n%s\n%v", outcomes(r), r.Warnings)
	}
}

func TestATargetWhoseCredentialsAreNotTakenNowMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(pair)
	l.estate(e, 2)
	l.put(hub, east, "app/001", "new")
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Account: one, Code: "UnrecognizedClientException"})
	r := l.sync(e, hinted(hint("app/001")))
	if got, _ := l.value(two, east, "app/001"); got != "new" || !r.Unfinished() {
		t.Errorf("unfinished %t\n%s", r.Unfinished(), outcomes(r))
	}
	l.aws.Faults().Clear()
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Account: one, Code: "AccessDeniedException"})
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: one, Code: "AccessDeniedException"})
	if r := l.sync(e, hinted(hint("app/001"))); r.Unfinished() || !r.NotAsWanted() {
		t.Errorf("what is denied is tried again\n%s", outcomes(r))
	}
}
