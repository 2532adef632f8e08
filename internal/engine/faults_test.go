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

func TestAnAccountThatIsDownIsReportedAndTheOthersComplete(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]awslocal.Fault{
		"no connection":     {Service: "secretsmanager", Account: one, Drop: true},
		"errors":            {Service: "secretsmanager", Account: one, Code: "InternalServiceError", Status: 500},
		"no role":           {Service: "sts", Operation: "AssumeRole", Resource: "arn:aws:iam::111111111111:role/R", Code: "AccessDenied", Status: 403},
		"throttled for all": {Service: "secretsmanager", Account: one, Code: "ThrottlingException"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			for i := range 30 {
				l.put(hub, east, fmt.Sprintf("s%02d", i), "one")
			}
			l.forget()
			l.aws.Faults().Add(fault)
			r := l.sync(l.engine(spokes), engine.Options{})
			got := outcomes(r)
			if strings.Count(got, "applied create missing") != 30 || strings.Count(got, "refused refuse") != 30 {
				t.Errorf("got\n%s", got)
			}
			if len(r.Problems) != 1 || r.Problems[0].Target.Account != one || !r.NotAsWanted() {
				t.Errorf("problems: %+v", r.Problems)
			}
			normal := 30 + 2 + 2 + 4 + 2
			if n := l.aws.Ledger().Count(awslocal.Match{}); n > 2*normal {
				t.Errorf("%d calls are more than twice the normal %d: %s", n, normal, l.calls())
			}
		})
	}
}

func TestATargetThatFailsInMidRunStopsBeingAsked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 60 {
		l.put(hub, east, fmt.Sprintf("s%02d", i), "one")
	}
	l.forget()
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Account: one, After: 5, Drop: true})
	r := l.sync(l.engine(spokes), engine.Options{})
	if r.Summary.Failed != 55 || strings.Count(outcomes(r), "applied") != 65 {
		t.Fatalf("%d failed\n%s", r.Summary.Failed, outcomes(r))
	}
	if n := l.aws.Ledger().Count(awslocal.Match{Account: one, Operation: "CreateSecret"}); n > 60 {
		t.Errorf("the target was asked %d times", n)
	}
}

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

func TestACallThatHangsIsGivenUpAndTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Account: one, Times: 1, Hang: true})
	if r := l.sync(l.engine(spokes), engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
}

func TestOnlyTheCurrentValueLeavesWhileARotationIsUnderWay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "current")
	if _, err := l.as(hub, east).PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: ptr("a"), SecretString: ptr("pending"), VersionStages: []string{"AWSPENDING"}}); err != nil {
		t.Fatal(err)
	}
	e := l.engine(spokes)
	l.sync(e, engine.Options{})
	d := l.describe(one, east, "a")
	if got, _ := l.value(one, east, "a"); got != "current" || len(d.VersionIdsToStages) != 1 {
		t.Errorf("the copy holds %q and versions %v", got, d.VersionIdsToStages)
	}
}

func TestACopyThatRotatesByItselfIsNotOverwritten(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(spokes)
	l.sync(e, engine.Options{})
	if _, err := l.as(one, east).PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: ptr("a"), SecretString: ptr("pending"), VersionStages: []string{"AWSPENDING"}}); err != nil {
		t.Fatal(err)
	}
	l.put(hub, east, "a", "two")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), `
refused refuse unwritable a 111111111111/us-east-1
applied update new-version a 222222222222/us-east-1`)
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

func TestATokenThatIsTakenByAnotherValueIsReplacedByTheNextGeneration(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(spokes)
	l.sync(e, engine.Options{})
	l.put(hub, east, "a", "two")
	_, version := l.value(hub, east, "a")
	plant := func(token string) {
		_, err := l.as(one, east).PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: ptr("a"), SecretString: ptr("planted"), ClientRequestToken: &token, VersionStages: []string{"other"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	plant(version)
	// The label of the planted version goes to a further one, so that the listing does not show it and the write runs into it.
	if _, err := l.as(one, east).PutSecretValue(t.Context(), &sm.PutSecretValueInput{SecretId: ptr("a"), SecretString: ptr("x"), VersionStages: []string{"other"}}); err != nil {
		t.Fatal(err)
	}
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
	got, v := l.value(one, east, "a")
	if got != "two" || v == version || l.tags(one, east, "a")["secretsync:generation"] != "1" {
		t.Errorf("got %q at %s, tags %v", got, v, l.tags(one, east, "a"))
	}
	l.forget()
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("it loops:\n%s", outcomes(r))
	}
}

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

func TestCredentialsThatExpireInMidRunAreRenewed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 5 {
		l.put(hub, east, fmt.Sprint("s", i), "one")
	}
	l.forget()
	l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Account: one, After: 2, Times: 1, Code: "ExpiredTokenException"})
	if r := l.sync(l.engine(spokes), engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
	if n := l.aws.Ledger().Count(awslocal.Match{Operation: "AssumeRole"}); n != 3 {
		t.Errorf("%d sessions were made, want two and one more", n)
	}
}

func TestAValueOfAnySizeAndContentArrivesByteForByte(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"largest": strings.Repeat("x", 65536), "unicode": "Å e\u0301 \u00e9 \U0001f511", "quotes": `"'\` + "\n\t", "json": `{"a":1.0,"a":2,"b":123456789012345678901234567890}`, "blank": " ",
	}
	l := newLab(t)
	for name, v := range values {
		l.put(hub, east, name, v)
	}
	l.put(hub, east, "bytes", "\x00\x01\xff\xfe", "binary")
	l.put(hub, east, "invalid", "\xc3\x28", "binary")
	if r := l.sync(l.engine(spokes), engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
	for name := range values {
		want, _ := l.value(hub, east, name)
		if got, _ := l.value(one, east, name); got != want || got != values[name] {
			t.Errorf("%s is not the same", name)
		}
	}
	if got, _ := l.value(one, east, "bytes"); got != "binary:\x00\x01\xff\xfe" {
		t.Errorf("a binary value became %q", got)
	}
}

func TestMoreThanFiftyTagsAreRefusedInThePlan(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var tags []string
	for i := range 48 {
		tags = append(tags, fmt.Sprintf("tag:k%d=v", i))
	}
	l.put(hub, east, "a", "one", tags...)
	r := l.sync(l.engine(spokes), engine.Options{})
	if strings.Count(outcomes(r), "refused refuse too-many-tags a") != 2 {
		t.Errorf("got\n%s", outcomes(r))
	}
}

func TestEveryListingIsPaged(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 101 {
		l.put(hub, east, fmt.Sprintf("s%03d", i), "one")
	}
	text := strings.Replace(spokes, `"111111111111", `, "", 1)
	if r := l.sync(l.engine(text), engine.Options{}); r.NotAsWanted() || r.Summary.Create != 101 {
		t.Fatalf("got %+v", r.Summary)
	}
	if r := l.sync(l.engine(text), engine.Options{}); len(r.Changes) != 0 || r.Summary.Unchanged != 101 {
		t.Errorf("again: %+v", r.Summary)
	}
}

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
