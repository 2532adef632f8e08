package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

const spokes = `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: R}
syncs:
  - {name: s, from: hub, select: {glob: ["**"]}, to: [{store: spokes, accounts: ["111111111111", "222222222222"]}]}
`

// Fault 1, fault 33.
func TestAThrottledListingOfTheSourceEndsTheRunWithoutAWrite(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 101 {
		l.put(hub, east, fmt.Sprintf("s%03d", i), "one")
	}
	e := l.engine(spokes)
	l.forget()
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: hub, After: 1, Code: "ThrottlingException", Message: "Rate exceeded"})
	if _, err := e.Plan(t.Context(), engine.Options{}); err == nil || !strings.Contains(err.Error(), "throttled") {
		t.Errorf("got %v", err)
	}
	if calls := l.calls(); strings.Contains(calls, "Create") {
		t.Errorf("calls: %s", calls)
	}
}

// Fault 2, fault 25.
func TestOneSecretThatCanNotBeReadDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"AccessDeniedException", "DecryptionFailure", "InternalServiceError"} {
		l := newLab(t)
		l.put(hub, east, "bad", "one")
		l.put(hub, east, "good", "one")
		l.aws.Faults().Add(awslocal.Fault{Operation: "GetSecretValue", Account: hub, Resource: "bad", Code: code})
		r := l.sync(l.engine(spokes), engine.Options{})
		bad := "failed create missing bad"
		if code == "AccessDeniedException" {
			bad = "refused create not-permitted bad"
		}
		if got := outcomes(r); strings.Count(got, bad) != 2 || strings.Count(got, "applied create missing good") != 2 {
			t.Errorf("%s: got\n%s", code, got)
		}
	}
}

// Fault 2.
func TestASecretThatMayNotBeReadIsRefusedAsNotPermitted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "bad", "one")
	l.aws.Faults().Add(awslocal.Fault{Operation: "*GetSecretValue", Account: hub, Code: "AccessDeniedException"})
	r := l.sync(l.engine(spokes), engine.Options{})
	expect(t, "outcomes", outcomes(r), `
refused create not-permitted bad 111111111111/us-east-1
refused create not-permitted bad 222222222222/us-east-1`)
}

// Fault 2: names are described one by one, and so is everything in a fresh plan.
func TestOneSecretThatCanNotBeDescribedDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		text    string
		options engine.Options
		listed  bool // where describing is denied, the listing has to do
	}{
		"by name": {text: strings.Replace(spokes, `glob: ["**"]`, `names: [good, bad]`, 1)},
		"fresh":   {text: spokes, options: engine.Options{Fresh: true}, listed: true},
	} {
		for _, code := range []string{"AccessDeniedException", "InternalServiceError"} {
			l := newLab(t)
			l.put(hub, east, "bad", "one")
			l.put(hub, east, "good", "one")
			l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Account: hub, Resource: "bad", Code: code})
			got := outcomes(l.sync(l.engine(c.text), c.options))
			if strings.Count(got, "applied create missing good") != 2 {
				t.Errorf("%s, %s: got\n%s", what, code, got)
			}
			if refused := strings.Contains(got, "refused refuse "); refused == (c.listed && code == "AccessDeniedException") {
				t.Errorf("%s, %s: the bad one:\n%s", what, code, got)
			}
		}
	}
}

// Fault 5.
func TestACopyThatAStaleListingDoesNotShowIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(spokes)
	l.sync(e, engine.Options{})
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: one, Lag: 5 * time.Minute})
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied create missing a 111111111111/us-east-1")
	if n := len(l.describe(one, east, "a").VersionIdsToStages); n != 1 {
		t.Errorf("the copy has %d versions", n)
	}
}

// Fault 6.
func TestATargetWithQuotasIsPacedAndNoCallIsThrottled(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(o *awslocal.Options) { o.EnforceQuotas, o.Clock = true, nil })
	e := l.engine(spokes)
	for i := range 70 {
		l.put(hub, east, fmt.Sprintf("s%03d", i), "one")
	}
	l.forget()
	r := l.sync(e, engine.Options{})
	if r.NotAsWanted() || r.Summary.Create != 140 {
		t.Fatalf("got\n%s", outcomes(r))
	}
	if n := l.aws.Ledger().Count(awslocal.Match{Outcome: "ThrottlingException"}); n != 0 {
		t.Errorf("%d calls were throttled", n)
	}
}

// S4-04, fault 10.
func TestALostAnswerMakesNoSecondVersion(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(spokes)
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Times: 2, LoseAnswer: true})
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() {
		t.Fatalf("creation:\n%s", outcomes(r))
	}
	l.put(hub, east, "a", "two")
	l.aws.Faults().Add(awslocal.Fault{Operation: "PutSecretValue", Account: one, Times: 1, LoseAnswer: true})
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() {
		t.Fatalf("update:\n%s", outcomes(r))
	}
	if n := len(l.describe(one, east, "a").VersionIdsToStages); n != 2 {
		t.Errorf("the copy has %d versions, want 2", n)
	}
}

func TestANativeReplicaIsNotOverwrittenAndItsPrimaryIsASource(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	if _, err := l.as(hub, east).ReplicateSecretToRegions(t.Context(), replicaTo("a", west)); err != nil {
		t.Fatal(err)
	}
	r := l.sync(l.engine(deleting+"  - {name: all, from: hub, select: {names: [a]}, to: [{store: dr}]}\n"), engine.Options{})
	expect(t, "outcomes", outcomes(r), "refused refuse unwritable a 123456789012/eu-west-1")
	if !strings.Contains(r.Changes[0].Detail, "replica of us-east-1") {
		t.Errorf("the reason is %q", r.Changes[0].Detail)
	}
}

// Fault 21.
func TestASecondHubWithAnotherOwnerIsRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	l.put(three, east, "a", "theirs")
	l.sync(l.engine(spokes), engine.Options{})
	r := l.sync(l.engineAs(three, strings.Replace(spokes, "owner: me", "owner: other", 1)), engine.Options{})
	if strings.Count(outcomes(r), "refused refuse foreign a") != 2 {
		t.Errorf("got\n%s", outcomes(r))
	}
	r = l.sync(l.engineAs(three, spokes), engine.Options{})
	if strings.Count(outcomes(r), "refused refuse other-source a") != 2 {
		t.Errorf("with the same owner, another source:\n%s", outcomes(r))
	}
}

// Fault 21.
func TestTwoRunsAtTheSameTimeComeToTheSameCopies(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 10 {
		l.put(hub, east, fmt.Sprint("s", i), "one")
	}
	done := make(chan *engine.Report)
	for range 2 {
		go func() {
			run, err := l.engine(spokes).Plan(context.WithoutCancel(t.Context()), engine.Options{})
			if err != nil {
				t.Error(err)
				done <- nil
				return
			}
			done <- l.engine(spokes).Apply(context.WithoutCancel(t.Context()), run)
		}()
	}
	for range 2 {
		if r := <-done; r == nil || r.NotAsWanted() {
			t.Errorf("got\n%s", outcomes(r))
		}
	}
	if r := l.sync(l.engine(spokes), engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("afterwards:\n%s", outcomes(r))
	}
}

// Fault 24.
func TestADisabledOrAbsentKeyFailsThatCopyByNameAndNoOtherKeyIsUsed(t *testing.T) {
	t.Parallel()
	text := strings.Replace(spokes, "role: R}", "role: R, kmsKey: alias/copies}", 1)
	l := newLab(t)
	l.put(hub, east, "a", "one")
	l.key(two, east, "alias/copies")
	key := l.key(one, east, "alias/copies")
	if err := l.aws.DisableKey(one, east, key); err != nil {
		t.Fatal(err)
	}
	r := l.sync(l.engine(text), engine.Options{})
	if got := outcomes(r); !strings.Contains(got, "failed create missing a 111111111111/us-east-1") || !strings.Contains(got, "applied create missing a 222222222222/us-east-1") || !strings.Contains(got, key) {
		t.Errorf("a disabled key:\n%s", got)
	}
	if !l.missing(one, east, "a") {
		t.Error("the copy was made under another key")
	}
}

// Fault 40.
func TestAnInterruptedRunFinishesTheWriteInFlightAndReportsTheRest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 40 {
		l.put(hub, east, fmt.Sprintf("s%02d", i), "one")
	}
	ctx, cancel := context.WithCancel(t.Context())
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", After: 3, Times: 1, Delay: 50 * time.Millisecond, Then: func(awslocal.Call) { cancel() }})
	e := l.engine(spokes)
	run, err := e.Plan(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := e.Apply(ctx, run)
	got := outcomes(r)
	if !r.Interrupted || strings.Contains(got, "failed") || !strings.Contains(got, "skipped create") || strings.Count(got, "applied") < 4 {
		t.Errorf("got\n%s", got)
	}
	made := 0
	for i := range 40 {
		for _, a := range []string{one, two} {
			if !l.missing(a, east, fmt.Sprintf("s%02d", i)) {
				made++
			}
		}
	}
	if made != strings.Count(got, "applied") {
		t.Errorf("%d copies were made, and %d are reported", made, strings.Count(got, "applied"))
	}
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() {
		t.Errorf("the next run:\n%s", outcomes(r))
	}
}

func TestAnotherAccountsCredentialsStopTheWritesToThatTarget(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	// The name of a role may hide another account's role: here its sessions turn out to be another account's.
	text := strings.Replace(spokes, "hub: {type: aws-secrets-manager}", `hub: {type: aws-secrets-manager, account: "999999999999"}`, 1)
	if _, err := l.engine(text).Plan(t.Context(), engine.Options{}); err == nil || !strings.Contains(err.Error(), "999999999999") || !strings.Contains(err.Error(), hub) {
		t.Errorf("got %v, want an error that names both accounts", err)
	}
}

// S0-23, S0-B4, fault 20.
func TestADestinationThatIsInUseByAPredecessorIsTakenOverWhereTheRuleSaysSo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "new")
	l.put(one, east, "a", "old", "tag:SyncedFrom="+hub)
	l.put(two, east, "a", "old", "tag:SyncedFrom=999999999999")
	text := strings.Replace(spokes, "name: s,", "name: s, existing: adopt-legacy,", 1)
	r := l.sync(l.engine(text), engine.Options{})
	expect(t, "outcomes", outcomes(r), `
applied update adopted a 111111111111/us-east-1
refused refuse foreign a 222222222222/us-east-1`)
	if got, _ := l.value(one, east, "a"); got != "new" {
		t.Error("the adopted copy was not written")
	}
}

func replicaTo(name, region string) *sm.ReplicateSecretToRegionsInput {
	return &sm.ReplicateSecretToRegionsInput{SecretId: &name, AddReplicaRegions: []types.ReplicaRegionType{{Region: &region}}}
}
