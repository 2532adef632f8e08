package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
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

func TestAnEmptyListingOfTheSourceFailsTheSyncAndDeletesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 30)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Listing: service.ListingEmpty})
	if _, err := e.Plan(t.Context(), engine.Options{}); err == nil || !strings.Contains(err.Error(), "incomplete") {
		t.Errorf("got %v, want an error that says the listing is incomplete", err)
	}
}

func TestAFewSecretsThatAListingLeftOutAreKeptAsStale(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 103)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Listing: service.ListingTruncated})
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), `
skipped keep unwanted app/100 123456789012/eu-west-1
skipped keep unwanted app/101 123456789012/eu-west-1
skipped keep unwanted app/102 123456789012/eu-west-1`)
	if len(r.StaleList) != 3 || r.NotAsWanted() {
		t.Errorf("the stale list names %v", r.StaleList)
	}
}

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

func TestABrakeHoldsDeletionsBackAndAPersonLiftsIt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 30)
	for i := range 6 {
		l.remove(hub, east, fmt.Sprintf("app/%03d", i))
	}
	l.put(hub, east, "app/020", "new")
	r := l.sync(e, engine.Options{})
	if !r.Braked() || r.Brakes[0].Deletes != 6 || r.Brakes[0].Of != 30 || r.Brakes[0].Limit != 4 {
		t.Errorf("brakes: %+v", r.Brakes)
	}
	if !strings.Contains(outcomes(r), "applied update new-version app/020") || strings.Contains(outcomes(r), "applied delete") {
		t.Errorf("got\n%s", outcomes(r))
	}
	allow := 6
	if r := l.sync(e, engine.Options{AllowDeletes: &allow}); r.Braked() || strings.Count(outcomes(r), "applied delete") != 6 {
		t.Errorf("with six allowed:\n%s", outcomes(r))
	}
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

func ptr[T any](v T) *T { return &v }
