package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// S0-08, fault 31.
func TestAGroupTagWithoutTheGroupsFailsTheSyncAndWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Production")
	l.put(hub, east, "b", canary, "tag:SecretSync-SyncAccount=111111111111")
	_, err := l.engine("").Plan(t.Context(), engine.Options{})
	if !errors.Is(err, engine.ErrNothing) || !strings.Contains(err.Error(), "secret-sync/config") || !strings.Contains(err.Error(), "Production") {
		t.Errorf("got %v", err)
	}
}

// S0-08.
func TestNoGroupsAreNeededWhereOnlyAccountsAreTagged(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "b", canary, "tag:SecretSync-SyncAccount=111111111111")
	l.forget()
	if r := l.sync(l.engine(""), engine.Options{}); r.NotAsWanted() || r.Summary.Create != 1 {
		t.Errorf("got\n%s", outcomes(r))
	}
	expect(t, "calls", l.calls(), "AssumeRole 1, CreateSecret 1, GetCallerIdentity 1, GetSecretValue 1, ListSecrets 2")
}

// S0-09, fault 31.
func TestBrokenGroupsFailTheSyncsThatGoByThemAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	text := `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
  spokes: {type: aws-secrets-manager, role: R}
groupsFrom: {store: hub, secret: secret-sync/config}
syncs:
  - {name: tags, from: hub, to: [{store: spokes, byTags: true}], deletion: delete}
  - {name: dr, from: hub, select: {prefix: [app/]}, to: [{store: dr}], deletion: delete}
`
	for _, broken := range []string{`{"Version": "1.0", "AccountGroups": {` + canary, `{"Version": "2.0"}`, `[]`, canary} {
		l := newLab(t)
		e := l.engine(text)
		l.put(hub, east, "secret-sync/config", groupsJSON)
		l.put(hub, east, "app/a", "one", "tag:SecretSync-SyncDestinationGroup=Dev")
		l.put(hub, east, "app/gone", "one")
		l.sync(e, engine.Options{})
		l.put(hub, east, "secret-sync/config", broken)
		l.put(hub, east, "app/a", "two")
		l.remove(hub, east, "app/gone")
		r := l.sync(e, engine.Options{})
		got := outcomes(r)
		if !strings.Contains(got, "applied update new-version app/a 123456789012/eu-west-1") || strings.Contains(got, "333333333333") || strings.Contains(got, " delete ") {
			t.Errorf("got\n%s", got)
		}
		if len(r.Problems) != 1 || r.Problems[0].Sync != "tags" || !r.NotAsWanted() {
			t.Errorf("problems: %+v", r.Problems)
		}
		if strings.Contains(r.Problems[0].Error, canary) {
			t.Error("the error quotes the secret")
		}
	}
}

// S0-08, fault 31.
func TestASyncWhoseGroupsAreAllInTheConfigurationNeedsNoSecretWithGroups(t *testing.T) {
	t.Parallel()
	text := strings.Replace(spokes, `accounts: ["111111111111", "222222222222"]`, "groups: [G]", 1)
	text = strings.Replace(text, "syncs:", "groups: {G: {accounts: [\"111111111111\"]}}\ngroupsFrom: {store: hub, secret: secret-sync/config}\nsyncs:", 1)
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", "{broken")
	l.put(hub, east, "app/a", "x")
	expect(t, "outcomes", outcomes(l.sync(l.engine(text), engine.Options{})), "applied create missing app/a 111111111111/us-east-1")
}

// S0-09, fault 31.
func TestGroupsThatCanNotBeReadFailTheSync(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", groupsJSON)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Dev")
	l.aws.Faults().Add(awslocal.Fault{Operation: "*GetSecretValue", Code: "AccessDeniedException"})
	if _, err := l.engine("").Plan(t.Context(), engine.Options{}); !errors.Is(err, engine.ErrNothing) {
		t.Errorf("got %v", err)
	}
}

// S0-B14.
func TestTheSecretWithTheGroupsIsNeverSyncedNorOverwritten(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", groupsJSON, "tag:SecretSync-SyncDestinationGroup=Dev")
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Dev")
	r := l.sync(l.engine(""), engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied create missing a 333333333333/us-east-1")

	l = newLab(t)
	l.put(hub, west, "secret-sync/config", canary)
	l.put(hub, east, "secret-sync/config", groupsJSON)
	r = l.sync(l.engine(`
version: 1
owner: me
stores:
  here: {type: aws-secrets-manager}
  other: {type: aws-secrets-manager, region: eu-west-1}
groupsFrom: {store: here, secret: secret-sync/config}
syncs:
  - {name: s, from: other, select: {glob: ["**"]}, to: [{store: here}]}
`), engine.Options{Adopt: []string{"**"}})
	expect(t, "outcomes", outcomes(r), "refused refuse not-allowed secret-sync/config 123456789012/us-east-1")
}

// S0-10, S0-11.
func TestOldDeletionSettingsInTheGroupsAreIgnoredWithAWarning(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", `{"Version": "1.0", "DeleteSync": true, "NeverDelete": false, "AccountGroups": {"Dev": {"Accounts": ["333333333333"], "DeleteSync": true}}}`)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Dev")
	r := l.sync(l.engine(""), engine.Options{})
	if r.NotAsWanted() || !strings.Contains(strings.Join(r.Warnings, "\n"), "DeleteSync") {
		t.Errorf("warnings: %q", r.Warnings)
	}
}

// S0-18, S0-B2, S0-B13.
func TestAnUnknownGroupRefusesThatSecretAndNothingElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", groupsJSON)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Nope")
	l.put(hub, east, "b", canary, "tag:SecretSync-SyncDestinationGroup=Dev", "tag:SecretSync-NoSyncDestinationGroup=Nope")
	l.put(hub, east, "c", canary, "tag:SecretSync-SyncAccount=12345")
	l.put(hub, east, "d", canary, "tag:SecretSync-SyncDestinationGroup=Dev")
	r := l.sync(l.engine(""), engine.Options{})
	expect(t, "outcomes", outcomes(r), `
refused refuse unknown-group a nowhere
refused refuse unknown-group b nowhere
refused refuse not-allowed c nowhere
applied create missing d 333333333333/us-east-1`)
}

// S0-B2, fault 32.
func TestACopyWhoseRoutingIsRefusedNowIsKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	text := strings.Replace(deleting, "syncs:", "groups:\n  Dev: {accounts: [\"333333333333\"]}\nsyncs:\n  - {name: tags, from: hub, to: [{store: spokes, byTags: true}], deletion: delete}", 1)
	text = strings.Replace(text, "stores:", "stores:\n  spokes: {type: aws-secrets-manager, role: R}", 1)
	l.put(hub, east, "a", canary, "tag:SecretSync-SyncDestinationGroup=Dev")
	e := l.engine(text)
	l.sync(e, engine.Options{})
	l.tag(hub, east, "a", "SecretSync-SyncDestinationGroup", "Misspelt")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), `
refused refuse unknown-group a nowhere
skipped keep unwanted a 333333333333/us-east-1`)
}
