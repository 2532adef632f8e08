package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

const twoSources = `
version: 1
stores:
  hub: {type: aws-secrets-manager}
  second: {type: aws-secrets-manager, role: R, account: "333333333333", region: us-east-1}
  spokes: {type: aws-secrets-manager, role: R}
syncs:
  - {name: s, from: hub, select: {prefix: [h/]}, to: [{store: spokes, accounts: ["111111111111"]}]}
  - {name: t, from: second, select: {prefix: [t/]}, to: [{store: spokes, accounts: ["111111111111"]}]}
`

// rivals are two sources of one name; %s is the store that the second goes to.
const rivals = `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  second: {type: aws-secrets-manager, role: R, account: "333333333333", region: us-east-1}
  spokes: {type: aws-secrets-manager, role: R}
  spokes2: {type: aws-secrets-manager, role: R2}
syncs:
  - {name: s, from: hub, select: {tags: {x: y}}, to: [{store: spokes, accounts: ["111111111111"]}]}
  - {name: t, from: second, select: {tags: {x: y}}, to: [{store: %s, accounts: ["111111111111"]}]}
`

func TestWhatOneStoreWantsIsNoOrphanOfAnotherStoreAtTheSamePlace(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/a", "one")
	l.put(hub, east, "other/b", "one")
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
  dr2: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: s1, from: hub, select: {prefix: [app/]}, to: [{store: dr}], deletion: delete}
  - {name: s2, from: hub, select: {prefix: [other/]}, to: [{store: dr2}], deletion: delete}
`)
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Create != 2 {
		t.Errorf("first run:\n%s", outcomes(r))
	}
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 || r.Summary.Unchanged != 2 {
		t.Errorf("second run:\n%s", outcomes(r))
	}
	l.remove(hub, east, "other/b")
	r := l.sync(e, engine.Options{})
	expect(t, "an orphan", outcomes(r), "applied delete source-deleted other/b 123456789012/eu-west-1")
}

// Fault 29: two sources for one name are refused, also where they come through two stores that are one place, and in a run that is limited to one of them.
func TestTwoSourcesForOneNameAreRefusedThroughWhicheverStoreTheyCome(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]string{"one store": "spokes", "two stores at one place": "spokes2"} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.put(hub, east, "a", "one", "tag:x=y")
			l.put(three, east, "a", "other", "tag:x=y")
			e := l.engine(fmt.Sprintf(rivals, to))
			expect(t, "limited to one", outcomes(l.sync(e, engine.Options{Sync: "t"})), "refused refuse ambiguous a 111111111111/us-east-1")
			if r := l.sync(e, engine.Options{}); strings.Count(outcomes(r), "refused refuse ambiguous a 111111111111/us-east-1") != 2 {
				t.Errorf("got\n%s", outcomes(r))
			}
			if !l.missing(one, east, "a") {
				t.Error("one of the two was written")
			}
		})
	}
}

func TestACopyThatTwoSyncsWantBelongsToTheFirstWhateverARunIsLimitedTo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	l.sync(l.engine(spokes), engine.Options{})
	both := strings.Replace(spokes, "syncs:", "syncs:\n  - {name: z, from: hub, select: {prefix: [a]}, to: [{store: spokes, accounts: [\"111111111111\"]}]}", 1)
	expect(t, "a further sync before it", outcomes(l.sync(l.engine(both), engine.Options{})), "applied metadata tags-changed a 111111111111/us-east-1")
	for _, o := range []engine.Options{{Sync: "s"}, {}, {Sync: "z"}} {
		if r := l.sync(l.engine(both), o); len(r.Changes) != 0 {
			t.Errorf("%+v: the mark flaps:\n%s", o, outcomes(r))
		}
	}
}

func TestTheDefaultOwnerDependsOnNeitherALimitNorAnOutage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "h/a", "one")
	l.put(three, east, "t/a", "one")
	e := l.engine(twoSources)
	l.aws.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Account: hub, Code: "InternalServiceError"})
	if r := l.sync(e, engine.Options{}); r.Owner != "secretsync-"+hub || len(r.Problems) != 1 {
		t.Errorf("with the first source down: owner %s\n%s", r.Owner, outcomes(r))
	}
	l.aws.Faults().Clear()
	l.put(three, east, "t/a", "two")
	expect(t, "limited to the second sync", outcomes(l.sync(l.engine(twoSources), engine.Options{Sync: "t"})), "applied update new-version t/a 111111111111/us-east-1")
	if r := l.sync(l.engine(twoSources), engine.Options{}); r.NotAsWanted() || r.Summary.Unchanged != 1 {
		t.Errorf("a whole run:\n%s", outcomes(r))
	}
}
