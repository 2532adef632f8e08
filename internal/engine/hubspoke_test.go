package engine_test

import (
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

const groupsJSON = `{"Version": "1.0", "AccountGroups": {
  "Production": {"Accounts": ["111111111111", "222222222222"], "Region": "us-east-1"},
  "Recovery": {"Accounts": ["111111111111"], "Region": "eu-west-1"},
  "Dev": ["333333333333"]}}`

// S0-05, S0-06, S0-07, S0-12, S0-13, S0-22, S0-23, S0-B3, S0-B5, S0-B6, S0-B11 (tags, description).
func TestTheBuiltInDefaultCopiesByTagsAndASecondRunReadsNoValueAndWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "secret-sync/config", groupsJSON)
	l.put(hub, east, "app/db", `{"n": 12345678901234567890}`, "tag:SecretSync-SyncDestinationGroup=Production", "tag:team=a", "description=the db")
	l.put(hub, east, "app/dr", canary, "tag:SecretSync-SyncDestinationGroup=Recovery", "tag:SecretSync-SyncAccount=333333333333")
	l.put(hub, east, "app/bin", "\x00\xff", "binary", "tag:SecretSync-SyncDestinationGroup=Dev")
	l.put(hub, east, "untagged", canary)
	l.forget()
	e := l.engine("")
	expect(t, "plan", lines(l.plan(e, engine.Options{}).Plan.Changes), `
create missing app/dr 111111111111/eu-west-1
create missing app/db 111111111111/us-east-1
create missing app/db 222222222222/us-east-1
create missing app/bin 333333333333/us-east-1
create missing app/dr 333333333333/us-east-1`)
	expect(t, "calls of the plan", l.calls(), "AssumeRole 3, GetSecretValue 1, ListSecrets 5")
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Create != 5 {
		t.Fatalf("first run:\n%s", outcomes(r))
	}
	expect(t, "calls of the first run", l.calls(), "BatchGetSecretValue 1, CreateSecret 5, GetCallerIdentity 3, GetSecretValue 1, ListSecrets 5")
	for _, c := range [][3]string{{one, east, "app/db"}, {two, east, "app/db"}, {one, west, "app/dr"}, {three, east, "app/dr"}, {three, east, "app/bin"}} {
		want, version := l.value(hub, east, c[2])
		if got, v := l.value(c[0], c[1], c[2]); got != want || v != version {
			t.Errorf("%v: the value or its version differs", c)
		}
		tags := l.tags(c[0], c[1], c[2])
		if tags["secretsync:owner"] != "secretsync-"+hub || tags["secretsync:source"] != "sm/"+hub+"/us-east-1/"+c[2] || tags["secretsync:sync"] != "hub-to-spokes" || tags["secretsync:first"] != version {
			t.Errorf("%v carries the marks %v", c, tags)
		}
		for k := range tags {
			if strings.HasPrefix(k, "SecretSync-") || k == "SyncedFrom" {
				t.Errorf("%v carries the tag %s", c, k)
			}
		}
	}
	if l.tags(one, east, "app/db")["team"] != "a" || *l.describe(one, east, "app/db").Description != "the db" {
		t.Error("the user's own tags and the description did not go along")
	}
	l.forget()
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 || r.Summary.Unchanged != 5 {
		t.Errorf("second run:\n%s", outcomes(r))
	}
	expect(t, "calls of the second run", l.calls(), "GetSecretValue 1, ListSecrets 5")
}

// S0-22, S4-04.
func TestARotationAtTheHubSpreadsWithItsVersionId(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one", "tag:SecretSync-SyncAccount=111111111111")
	l.put(hub, east, "b", "one", "tag:SecretSync-SyncAccount=111111111111")
	e := l.engine("")
	l.sync(e, engine.Options{})
	l.put(hub, east, "a", "two")
	l.forget()
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied update new-version a 111111111111/us-east-1")
	expect(t, "calls", l.calls(), "DescribeSecret 1, GetSecretValue 1, ListSecrets 2, PutSecretValue 1")
	want, version := l.value(hub, east, "a")
	if got, v := l.value(one, east, "a"); got != want || v != version {
		t.Error("the copy did not follow")
	}
	labels := l.describe(one, east, "a").VersionIdsToStages[version]
	if strings.Join(labels, ",") != "AWSCURRENT,secretsync" {
		t.Errorf("the new version carries %v", labels)
	}
}
