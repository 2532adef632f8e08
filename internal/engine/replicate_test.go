package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

const replicate = `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  here: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: R}
syncs:
  - {name: dr, from: hub, select: {glob: ["**"]}, to: [{store: here, regions: [eu-west-1, eu-north-1]}, {store: spokes, accounts: ["111111111111"], regions: [eu-west-1]}]}
`

func (l *lab) moveCurrent(account, region, name, to string) {
	l.t.Helper()
	_, from := l.value(account, region, name)
	_, err := l.as(account, region).UpdateSecretVersionStage(l.t.Context(), &sm.UpdateSecretVersionStageInput{SecretId: &name, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &to, RemoveFromVersionId: &from})
	if err != nil {
		l.t.Fatal(err)
	}
}

// S4-05, S4-09, S4-B2, S4-B3, S4-B7, S0-B3, S0-B6, fault 30.
func TestAnySecretGoesToAnyNumberOfRegionsAndAccounts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "plain", "text")
	l.put(hub, east, "binary", "\x00\xfe\xff", "binary")
	l.put(hub, east, "json", `{"big": 12345678901234567890, "dup": 1, "dup": 2,   "e": 1.2345678e+0}`, "description=numbers")
	e := l.engine(replicate)
	r := l.sync(e, engine.Options{})
	if r.NotAsWanted() || r.Summary.Create != 9 {
		t.Fatalf("got\n%s", outcomes(r))
	}
	for _, name := range []string{"plain", "binary", "json"} {
		want, version := l.value(hub, east, name)
		for _, at := range [][2]string{{hub, west}, {hub, "eu-north-1"}, {one, west}} {
			if got, v := l.value(at[0], at[1], name); got != want || v != version {
				t.Errorf("%s in %v is not the same, byte for byte and version for version", name, at)
			}
		}
	}
}

// S4-B1.
func TestARunThatArrivesLateNeverLeavesAnOlderVersionBehind(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(replicate)
	l.sync(e, engine.Options{})
	l.put(hub, east, "a", "two")
	// While the slow run's write to one target is under way, the source moves on and another run brings that everywhere.
	once := false
	l.aws.Faults().Add(awslocal.Fault{Operation: "PutSecretValue", Region: west, Account: one, Times: 1, Then: func(awslocal.Call) {
		if once {
			return
		}
		once = true
		l.put(hub, east, "a", "three")
		if r := l.sync(l.engine(replicate), engine.Options{}); r.NotAsWanted() {
			t.Errorf("the other run:\n%s", outcomes(r))
		}
	}})
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() {
		t.Fatalf("the late run:\n%s", outcomes(r))
	}
	if !once {
		t.Fatal("the source did not move in mid-run")
	}
	_, version := l.value(hub, east, "a")
	for _, at := range [][2]string{{hub, west}, {hub, "eu-north-1"}, {one, west}} {
		if got, v := l.value(at[0], at[1], "a"); got != "three" || v != version {
			t.Errorf("%v holds %q", at, got)
		}
	}
}

// S4-B1.
func TestAStaleSourceListingDoesNotRollACopyBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(replicate)
	l.sync(e, engine.Options{})
	l.later(10 * time.Minute)
	l.put(hub, east, "a", "two")
	l.sync(e, engine.Options{}) // the copies are at two
	l.later(time.Minute)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Lag: 5 * time.Minute})
	l.sync(e, engine.Options{}) // the source's listing still says one
	for _, at := range [][2]string{{hub, west}, {one, west}} {
		if got, _ := l.value(at[0], at[1], "a"); got != "two" {
			t.Errorf("%v went back to %q", at, got)
		}
	}
}

func TestAStaleSourceListingTakesNeitherTagsNorDescriptionBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one", "description=old", "tag:k=old")
	e := l.engine(replicate)
	l.sync(e, engine.Options{})
	l.later(10 * time.Minute)
	l.put(hub, east, "a", "two")
	l.tag(hub, east, "a", "k", "new")
	if _, err := l.as(hub, east).UpdateSecret(t.Context(), &sm.UpdateSecretInput{SecretId: ptr("a"), Description: ptr("new")}); err != nil {
		t.Fatal(err)
	}
	l.sync(e, engine.Options{})
	l.later(time.Minute)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Region: east, Lag: 5 * time.Minute})
	r := l.sync(e, engine.Options{})
	if k, text := l.tags(one, west, "a")["k"], *l.describe(one, west, "a").Description; k != "new" || text != "new" {
		t.Errorf("the tag is %q, the description %q\n%s", k, text, outcomes(r))
	}
}

// S0-B4, fault 20.
func TestAForeignSecretIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "ours")
	l.put(hub, east, "b", "ours")
	l.put(one, west, "a", "theirs")
	e := l.engine(replicate)
	r := l.sync(e, engine.Options{})
	if !strings.Contains(outcomes(r), "refused refuse foreign a 111111111111/eu-west-1") || r.Summary.Create != 5 || !r.NotAsWanted() {
		t.Errorf("got\n%s", outcomes(r))
	}
	if got, _ := l.value(one, west, "a"); got != "theirs" {
		t.Error("a foreign secret was overwritten")
	}
	r = l.sync(e, engine.Options{Adopt: []string{"a"}})
	expect(t, "adopted", outcomes(r), "applied update adopted a 111111111111/eu-west-1")
	if got, _ := l.value(one, west, "a"); got != "ours" {
		t.Error("the adopted copy has not the source's value")
	}
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("after the adoption:\n%s", outcomes(r))
	}
}

// S4-03, S4-05, S4-07, S0-B11 (KMS key).
func TestTheKeyRuleIsDecidedInThePlan(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	source := l.key(hub, east, "alias/app")
	l.put(hub, east, "custom", canary, "key="+source)
	l.put(hub, east, "managed", canary)
	e := l.engine(replicate)
	r := l.sync(e, engine.Options{})
	if strings.Count(outcomes(r), "refused refuse key-mismatch custom") != 3 || strings.Count(outcomes(r), "applied create missing managed") != 3 {
		t.Errorf("without kmsKey:\n%s", outcomes(r))
	}
	text := strings.Replace(replicate, "here: {type: aws-secrets-manager}", "here: {type: aws-secrets-manager, kmsKey: alias/copies}", 1)
	text = strings.Replace(text, "role: R}", "role: R, kmsKey: alias/copies}", 1)
	for _, at := range [][2]string{{hub, west}, {hub, "eu-north-1"}, {one, west}} {
		l.key(at[0], at[1], "alias/copies")
	}
	e = l.engine(text)
	r = l.sync(e, engine.Options{})
	if r.NotAsWanted() || strings.Count(outcomes(r), "applied create missing custom") != 3 || strings.Count(outcomes(r), "applied metadata key-changed managed") != 3 {
		t.Errorf("with kmsKey:\n%s", outcomes(r))
	}
	l.forget()
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("an alias and its id make a loop:\n%s", outcomes(r))
	}
	if strings.Contains(l.calls(), "Update") {
		t.Error("an unchanged run updates keys")
	}
}

// S0-B11 (tags, description).
func TestDescriptionsTagsAndNothingElseAreKeptInStep(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", canary, "description=old", "tag:k=old")
	e := l.engine(replicate)
	l.sync(e, engine.Options{})
	l.tag(one, west, "a", "theirs", "stays")
	l.tag(hub, east, "a", "k", "new")
	if _, err := l.as(hub, east).UpdateSecret(t.Context(), &sm.UpdateSecretInput{SecretId: ptr("a"), Description: ptr("new")}); err != nil {
		t.Fatal(err)
	}
	_, before := l.value(one, west, "a")
	l.forget()
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Metadata != 3 {
		t.Fatalf("got\n%s", outcomes(r))
	}
	expect(t, "calls", l.calls(), "DescribeSecret 1, ListSecrets 4, TagResource 3, UpdateSecret 3")
	if tags := l.tags(one, west, "a"); tags["k"] != "new" || tags["theirs"] != "stays" || *l.describe(one, west, "a").Description != "new" {
		t.Errorf("tags %v", tags)
	}
	if _, after := l.value(one, west, "a"); after != before {
		t.Error("a change of metadata made a new version")
	}
}

// S4-07.
func TestAKeyOfAnotherRegionIsRefusedInThePlan(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", canary)
	key := l.key(hub, east, "alias/x")
	r := l.sync(l.engine(strings.Replace(replicate, "here: {type: aws-secrets-manager}", "here: {type: aws-secrets-manager, kmsKey: \""+key+"\"}", 1)), engine.Options{})
	if strings.Count(outcomes(r), "refused refuse key-mismatch a "+hub) != 2 || r.Summary.Create != 1 {
		t.Errorf("got\n%s", outcomes(r))
	}
}
