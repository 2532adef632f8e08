package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

const deleting = `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: dr, from: hub, select: {prefix: [app/]}, to: [{store: dr}], deletion: delete, recoveryDays: 9}
`

// estate makes n secrets at the hub and their copies.
func (l *lab) estate(e *engine.Engine, n int) {
	l.t.Helper()
	for i := range n {
		l.put(hub, east, fmt.Sprintf("app/%03d", i), canary)
	}
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() {
		l.t.Fatalf("the first run:\n%s", outcomes(r))
	}
	l.forget()
}

// S0-25, S0-27, fault 23, fault 32.
func TestAnOrphanIsKeptByDefault(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(strings.Replace(deleting, "deletion: delete, recoveryDays: 9", "deletion: retain", 1))
	l.estate(e, 2)
	l.remove(hub, east, "app/000")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "skipped keep source-deleted app/000 "+hub+"/eu-west-1")
	if r.NotAsWanted() {
		t.Error("an orphan that is kept counts as a failure")
	}
	expect(t, "calls", l.calls(), "DeleteSecret 1, ListSecrets 2")
}

// S0-25, S0-27, S0-B9, fault 23.
func TestADeletionIsScheduledWithTheWindowAfterTheSourceWasDescribed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 3)
	l.remove(hub, east, "app/000")
	l.put(hub, east, "app/001", "new")
	l.forget()
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), `
applied update new-version app/001 123456789012/eu-west-1
applied delete source-deleted app/000 123456789012/eu-west-1`)
	expect(t, "calls", l.calls(), "DeleteSecret 1, DescribeSecret 2, GetSecretValue 1, ListSecrets 2, PutSecretValue 1, TagResource 1")
	if l.describe(hub, west, "app/000").DeletedDate == nil {
		t.Error("the copy is not scheduled for deletion")
	}
	l.later(9*24*time.Hour - time.Minute)
	if l.missing(hub, west, "app/000") {
		t.Error("the copy is gone before its window has passed")
	}
	l.later(2 * time.Minute)
	if !l.missing(hub, west, "app/000") {
		t.Error("the copy is still there after its window of 9 days")
	}
}

// S0-25, fault 22.
func TestARunAfterADeletionWasScheduledChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 2)
	l.remove(hub, east, "app/000")
	l.sync(e, engine.Options{})
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("got\n%s", outcomes(r))
	}
}

// S0-26, fault 22, fault 23.
func TestACopyIsRestoredWhereItsSourceCameBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 2)
	l.remove(hub, east, "app/000")
	l.sync(e, engine.Options{})
	if _, err := l.as(hub, east).RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: ptr("app/000")}); err != nil {
		t.Fatal(err)
	}
	l.put(hub, east, "app/000", "new")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied restore scheduled-for-deletion app/000 123456789012/eu-west-1")
	if got, _ := l.value(hub, west, "app/000"); got != "new" {
		t.Error("the restored copy has not the new value")
	}
	if _, still := l.tags(hub, west, "app/000")["secretsync:deleting"]; still {
		t.Error("the mark of the deletion is still there")
	}
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("a further run:\n%s", outcomes(r))
	}
}

// Fault 22.
func TestADeletionBySomebodyElseIsReported(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 2)
	l.remove(hub, west, "app/000")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "refused refuse scheduled-for-deletion app/000 123456789012/eu-west-1")
	if l.describe(hub, west, "app/000").DeletedDate == nil {
		t.Error("somebody else's deletion was taken back")
	}
}

// S0-B1, fault 1.
func TestASourceThatFailsToListDeletesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 3)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Code: "InternalServiceError", Status: 500})
	if _, err := e.Plan(t.Context(), engine.Options{}); err == nil || !strings.Contains(err.Error(), `sync "dr"`) {
		t.Errorf("got %v, want an error that names the sync", err)
	}
}

// S0-B1, fault 4.
func TestAnAbsenceThatCanNotBeProvedDeletesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 2)
	l.remove(hub, east, "app/000")
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Region: east, Code: "AccessDeniedException"})
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "skipped keep source-deleted app/000 123456789012/eu-west-1")
}

func TestALimitedRunDeletesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 2)
	l.remove(hub, east, "app/000")
	for _, o := range []engine.Options{{Only: []string{"app/*"}}, {Sync: "dr"}} {
		if r := l.sync(e, o); len(r.Changes) != 0 {
			t.Errorf("%+v: got\n%s", o, outcomes(r))
		}
	}
}

// S0-B1, fault 2.
func TestASourceThatCanNotBeReadDisablesTheDeletionsOfTheRun(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 4)
	l.remove(hub, east, "app/000")
	l.put(hub, east, "app/001", "new")
	l.put(hub, east, "app/002", "new")
	l.aws.Faults().Add(awslocal.Fault{Operation: "GetSecretValue", Region: east, Resource: "app/001", Code: "AccessDeniedException"})
	r := l.sync(e, engine.Options{})
	if got := outcomes(r); !strings.Contains(got, "refused update not-permitted app/001") || !strings.Contains(got, "applied update new-version app/002") || !strings.Contains(got, "skipped delete source-deleted app/000") {
		t.Errorf("got\n%s", got)
	}
	if l.describe(hub, west, "app/000").DeletedDate != nil {
		t.Error("a copy was deleted although a source could not be read")
	}
}

// S0-B8, fault 32.
func TestACopyWhoseAccountLeftItsGroupIsAnOrphanEvenIfItWasTheLast(t *testing.T) {
	t.Parallel()
	text := `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: R, allow: {accounts: ["111111111111", "222222222222"]}}
syncs:
  - {name: tags, from: hub, to: [{store: spokes, byTags: true}], deletion: delete}
`
	l := newLab(t)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncAccount=111111111111")
	e := l.engine(text)
	l.sync(e, engine.Options{})
	l.untag(hub, east, "a", "SecretSync-SyncAccount")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied delete unwanted a 111111111111/us-east-1")
}

// S0-27, S0-B7, S0-B8, fault 32, fault 33.
func TestOrphansAreFoundInEveryRegionAndOnEveryPage(t *testing.T) {
	t.Parallel()
	text := `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: R}
groups:
  Two: {accounts: ["111111111111"], region: eu-west-1}
syncs:
  - {name: tags, from: hub, to: [{store: spokes, byTags: true}], deletion: delete}
`
	l := newLab(t)
	for i := range 150 {
		l.put(one, west, fmt.Sprintf("other/%03d", i), canary)
	}
	l.put(hub, east, "z", canary, "tag:SecretSync-SyncDestinationGroup=Two")
	e := l.engine(text)
	l.sync(e, engine.Options{})
	l.remove(hub, east, "z")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied delete source-deleted z 111111111111/eu-west-1")
}

// S0-B1, fault 4.
func TestAnAbsenceThatNobodyAnswersForIsAProblem(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 2)
	l.remove(hub, east, "app/000")
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Region: east, Code: "InternalServiceError"})
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "skipped keep source-deleted app/000 123456789012/eu-west-1")
	if !r.NotAsWanted() || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Error, "app/000") {
		t.Errorf("the run counts as good: %+v", r.Problems)
	}
}

// S0-B7, fault 32.
func TestARegionUnderExceptIsSweptUntilItIsEmpty(t *testing.T) {
	t.Parallel()
	to := func(regions string) string {
		text := strings.Replace(deleting, "{store: dr}", "{store: spokes, accounts: [\"111111111111\"], "+regions+"}", 1)
		return strings.Replace(text, "syncs:", "  spokes: {type: aws-secrets-manager, role: R}\nsyncs:", 1)
	}
	l := newLab(t)
	l.put(hub, east, "app/a", "one")
	l.sync(l.engine(to("regions: [eu-west-1, eu-north-1]")), engine.Options{})
	r := l.sync(l.engine(to("regions: [eu-west-1], except: {regions: [eu-north-1]}")), engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied delete unwanted app/a 111111111111/eu-north-1")
}

// S0-B7, fault 32.
func TestWhereListingIsDeniedTheReportSaysThatOrphansAreUnknown(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	l.put(hub, east, "b", "one")
	e := l.engine(strings.Replace(spokes, "name: s,", "name: s, deletion: delete,", 1))
	l.sync(e, engine.Options{})
	l.remove(hub, east, "b")
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: one, Code: "AccessDeniedException"})
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied delete source-deleted b 222222222222/us-east-1")
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], one) || !strings.Contains(r.Warnings[0], "orphans") {
		t.Errorf("warnings: %q", r.Warnings)
	}
}

// Fault 22.
func TestADeletionThatWasRefusedLeavesNoMarkBehind(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 1)
	l.remove(hub, east, "app/000")
	l.aws.Faults().Add(awslocal.Fault{Operation: "DeleteSecret", Region: west, Code: "AccessDeniedException"})
	expect(t, "outcomes", outcomes(l.sync(e, engine.Options{})), "refused delete not-permitted app/000 123456789012/eu-west-1")
	l.aws.Faults().Clear()
	if _, err := l.as(hub, east).RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: ptr("app/000")}); err != nil {
		t.Fatal(err)
	}
	l.remove(hub, west, "app/000") // somebody else, for reasons of their own
	l.sync(e, engine.Options{})
	if l.describe(hub, west, "app/000").DeletedDate == nil {
		t.Error("somebody else's deletion passed for ours and was taken back")
	}
}

// S0-B10.
func TestEverySyncHasItsOwnDeletionPolicyAlsoInOneAccount(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, name := range []string{"app/a", "keep/a", "app/b", "keep/b"} {
		l.put(hub, east, name, "one")
	}
	e := l.engine(deleting + "  - {name: keeping, from: hub, select: {prefix: [keep/]}, to: [{store: dr}]}\n")
	l.sync(e, engine.Options{})
	l.remove(hub, east, "app/a")
	l.remove(hub, east, "keep/a")
	expect(t, "outcomes", outcomes(l.sync(e, engine.Options{})), `
skipped keep source-deleted keep/a 123456789012/eu-west-1
applied delete source-deleted app/a 123456789012/eu-west-1`)
}

// S0-B7: AWS's own tag filters match prefixes, and keys apart from values.
func TestACopyOfAnOwnerWhoseNameBeginsLikeOursIsNotOurs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/a", "one")
	l.sync(l.engine(strings.Replace(deleting, "owner: me", "owner: me-too", 1)), engine.Options{})
	l.put(hub, west, "app/tagged", "theirs", "tag:other=me", "tag:secretsync:owner=you")
	l.remove(hub, east, "app/a")
	l.put(hub, east, "app/b", "one")
	expect(t, "outcomes", outcomes(l.sync(l.engine(deleting), engine.Options{})), "applied create missing app/b 123456789012/eu-west-1")
}

func ptr[T any](v T) *T { return &v }
