package engine_test

import (
	"slices"
	"strings"
	"testing"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
)

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

// S4-09.
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

// S0-15, S0-16.
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

func TestAWantedCopyThatWaitsForItsDeletionIsNotInSync(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(deleting)
	l.estate(e, 1)
	l.remove(hub, east, "app/000")
	l.sync(e, engine.Options{})
	if s, err := e.Status(t.Context(), engine.Options{}); err != nil || !s.AllInSync() || s.Summary[plan.Deleting] != 1 {
		t.Errorf("a deletion under way: %+v, %v", s, err)
	}
	if _, err := l.as(hub, east).RestoreSecret(t.Context(), &sm.RestoreSecretInput{SecretId: ptr("app/000")}); err != nil {
		t.Fatal(err)
	}
	if s, err := e.Status(t.Context(), engine.Options{}); err != nil || s.AllInSync() {
		t.Errorf("the plan restores it, and status says that all is in sync: %+v, %v", s, err)
	}
}

func TestStatusKnowsNothingOfTheCopiesOfASourceThatCanNotBeListed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "h/a", "one")
	l.put(three, east, "t/a", "one")
	e := l.engine("owner: me\n" + twoSources)
	l.sync(e, engine.Options{})
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: three, Code: "AccessDeniedException"})
	s, err := e.Status(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Copies) != 2 || s.Copies[0].State != plan.InSync || s.Copies[1].State != plan.Unknown || s.Copies[1].Reason == plan.SourceDeleted || s.AllInSync() {
		t.Errorf("got %+v", s.Copies)
	}
	if len(s.Problems) != 1 || s.Problems[0].Sync != "t" {
		t.Errorf("problems %+v", s.Problems)
	}
}

func TestVerifySaysWhatItCouldNotLookAt(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "h/a", "one")
	l.put(three, east, "t/a", "one")
	e := l.engine("owner: me\n" + twoSources)
	l.sync(e, engine.Options{})
	results := func() string {
		all, err := e.Verify(t.Context(), engine.Options{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range all {
			got = append(got, string(v.Sync)+" "+string(v.Name)+" "+v.Result)
		}
		return strings.Join(got, "\n")
	}
	expect(t, "all can be read", results(), "s h/a equal\nt t/a equal")
	l.aws.Faults().Add(awslocal.Fault{Operation: "*GetSecretValue", Account: one, Resource: "t/a", Code: "AccessDeniedException"})
	expect(t, "a copy can't be read", results(), "s h/a equal\nt t/a not verified")
	l.aws.Faults().Clear()
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: three, Code: "AccessDeniedException"})
	expect(t, "a source can't be listed", results(), "t  not verified\ns h/a equal")

	l = newLab(t)
	l.put(hub, east, "a", "one", "tag:SecretSync-SyncAccount=111111111111")
	l.put(hub, east, "b", "one", "tag:SecretSync-SyncAccount=12345")
	e = l.engine("")
	l.sync(e, engine.Options{})
	expect(t, "a secret that is refused", results(), "hub-to-spokes b not verified\nhub-to-spokes a equal")
}

func TestDoctorNamesWhatIsMissingAndChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", canary)
	key := l.key(one, east, "alias/copies")
	l.key(two, east, "alias/copies")
	e := l.engine(strings.Replace(spokes, "role: R}", "role: R, kmsKey: alias/copies}", 1))
	failing := func() string {
		l.forget()
		all, err := e.Doctor(t.Context(), engine.Options{})
		if err != nil || len(all) == 0 {
			t.Fatalf("%d checks, %v", len(all), err)
		}
		var bad []string
		for _, c := range all {
			if !c.OK {
				bad = append(bad, c.Check+" "+c.Subject)
			}
			if strings.Contains(c.Detail, canary) {
				t.Errorf("%s shows a value", c.Check)
			}
		}
		if calls := l.calls(); strings.Contains(calls, "Create") || strings.Contains(calls, "Put") || strings.Contains(calls, "Tag") {
			t.Errorf("doctor writes: %s", calls)
		}
		return strings.Join(bad, "\n")
	}
	expect(t, "all is well", failing(), "")
	if err := l.aws.DisableKey(one, east, key); err != nil {
		t.Fatal(err)
	}
	l.aws.Faults().Add(awslocal.Fault{Operation: "GetSecretValue", Account: hub, Code: "DecryptionFailure"})
	l.aws.Faults().Add(awslocal.Fault{Operation: "*List*", Account: two, Code: "InternalServiceError"})
	expect(t, "what is missing", failing(), `
read source hub 123456789012/us-east-1
key target spokes 111111111111/us-east-1
list target spokes 222222222222/us-east-1`)
}

func TestDoctorNamesTheSecretsThatCanNotBeRouted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", groupsJSON)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Nowhere")
	checks, err := l.engine("").Doctor(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(checks, func(c engine.Check) bool { return c.Check == "route" })
	if i < 0 || checks[i].OK || !strings.Contains(checks[i].Detail, `"a" (unknown-group)`) {
		t.Errorf("got %+v", checks)
	}
}
