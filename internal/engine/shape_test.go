package engine_test

import (
	"strings"
	"testing"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// shaped returns a configuration with one sync from the hub to the same account in the west, whose entry of `to:` goes on with rest.
func shaped(rest string) string {
	return `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - name: shaped
    from: hub
    select: {prefix: [app/]}
    deletion: delete
    to:
      - store: dr
` + rest
}

func TestAChosenKeyGoesUnderAnotherNameWithItsNumbersAndOrderIntact(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", `{"username": "`+canary+`", "port": 1.50e3, "big": 12345678901234567890, "password": "p", "nested": {"b": 1, "a": [1.0]}}`)
	e := l.engine(shaped(`
        name: "copies/{{ .Base }}"
        value: {keys: {exclude: [password], rename: {username: user}}}`))
	r := l.sync(e, engine.Options{})
	expect(t, "first run", outcomes(r), "applied create missing copies/db 123456789012/eu-west-1")
	got, version := l.value(hub, west, "copies/db")
	if want := `{"user":"` + canary + `","port":1.50e3,"big":12345678901234567890,"nested":{"b": 1, "a": [1.0]}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, own := l.value(hub, east, "app/db"); version == own {
		t.Error("a shaped copy carries the version of its source")
	}
	l.forget()
	expect(t, "second run", outcomes(l.sync(e, engine.Options{})), "")
	expect(t, "its calls", l.calls(), "ListSecrets 2")
	checks, err := e.Verify(t.Context(), engine.Options{}, 10)
	if err != nil || len(checks) != 1 || checks[0].Result != engine.Equal {
		t.Errorf("verified as %+v: %v", checks, err)
	}
}

func TestAChangedShapeUpdatesEveryCopyOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/a", `{"k": "1"}`)
	l.put(hub, east, "app/b", `{"k": "2"}`)
	l.sync(l.engine(shaped(`        value: {template: "v1 {{ .Value.k }}"}`)), engine.Options{})
	e := l.engine(shaped(`        value: {template: "v2 {{ .Value.k }}"}`))
	expect(t, "after the change", outcomes(l.sync(e, engine.Options{})), `
applied update new-version app/a 123456789012/eu-west-1
applied update new-version app/b 123456789012/eu-west-1`)
	expect(t, "once more", outcomes(l.sync(e, engine.Options{})), "")
	if got, _ := l.value(hub, west, "app/b"); got != "v2 2" {
		t.Errorf("got %q", got)
	}
}

func TestOneSecretBecomesManyAndEachFollowsItsSource(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", `{"username": "u", "password": "p\n1", "other": 3}`)
	e := l.engine(shaped(`        value: {split: [username, password]}`))
	expect(t, "first run", outcomes(l.sync(e, engine.Options{})), `
applied create missing app/db/password 123456789012/eu-west-1
applied create missing app/db/username 123456789012/eu-west-1`)
	if got, _ := l.value(hub, west, "app/db/password"); got != "p\n1" {
		t.Errorf("got %q", got)
	}
	l.put(hub, east, "app/db", `{"username": "u", "password": "p2"}`)
	l.sync(e, engine.Options{})
	if got, _ := l.value(hub, west, "app/db/password"); got != "p2" {
		t.Errorf("after the change: %q", got)
	}
	l.remove(hub, east, "app/db")
	expect(t, "after the deletion", outcomes(l.sync(e, engine.Options{})), `
applied delete source-deleted app/db/password 123456789012/eu-west-1
applied delete source-deleted app/db/username 123456789012/eu-west-1`)
}

func TestAKeyThatIsNotSelectedAnyMoreLeavesAnOrphanWhoseSourceIsThere(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", `{"username": "u", "password": "p"}`)
	l.sync(l.engine(shaped(`        value: {split: [username, password]}`)), engine.Options{})
	e := l.engine(shaped(`        value: {split: [password]}`))
	expect(t, "after the change", outcomes(l.sync(e, engine.Options{})), "applied update new-version app/db/password 123456789012/eu-west-1\napplied delete unwanted app/db/username 123456789012/eu-west-1")
}

const merging = `        name: "all/{{ .Dir }}"
        value: {merge: "{{ .Base }}"}`

func TestManySecretsBecomeOne(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", `{"user": "u", "n": 1.0}`, "tag:team=a", "description=one")
	l.put(hub, east, "app/api", "text "+canary)
	e := l.engine(shaped(merging))
	expect(t, "first run", outcomes(l.sync(e, engine.Options{})), "applied create missing all/app 123456789012/eu-west-1")
	if got, _ := l.value(hub, west, "all/app"); got != `{"api":"text `+canary+`","db":{"user": "u", "n": 1.0}}` {
		t.Errorf("got %s", got)
	}
	l.forget()
	expect(t, "second run", outcomes(l.sync(e, engine.Options{})), "")
	expect(t, "its calls", l.calls(), "ListSecrets 2")

	l.put(hub, east, "app/new", "3")
	expect(t, "one more", outcomes(l.sync(e, engine.Options{})), "applied update new-version all/app 123456789012/eu-west-1")
	if got, _ := l.value(hub, west, "all/app"); !strings.HasSuffix(got, `,"new":"3"}`) {
		t.Errorf("got %s", got)
	}
	checks, err := e.Verify(t.Context(), engine.Options{}, 10)
	if err != nil || len(checks) != 1 || checks[0].Result != engine.Equal {
		t.Errorf("verified as %+v: %v", checks, err)
	}
}

func TestARunThatIsLimitedToOnePartStillMakesTheWhole(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/x/db", "1")
	l.put(hub, east, "app/x/api", "2")
	l.put(hub, east, "app/y/db", "3")
	e := l.engine(shaped(merging))
	expect(t, "limited run", outcomes(l.sync(e, engine.Options{Only: []string{"app/x/db"}})), "applied create missing all/app/x 123456789012/eu-west-1")
	if got, _ := l.value(hub, west, "all/app/x"); got != `{"api":"2","db":"1"}` {
		t.Errorf("got %s", got)
	}
}

func TestAPartThatCanNotBeReadLeavesTheWholeAsItIs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/x/db", "1")
	l.put(hub, east, "app/x/api", "2")
	e := l.engine(shaped(merging))
	l.sync(e, engine.Options{})
	l.put(hub, east, "app/x/db", "3")
	if _, err := l.as(hub, east).CreateSecret(t.Context(), emptySecret("app/x/empty")); err != nil {
		t.Fatal(err)
	}
	r := l.sync(e, engine.Options{})
	expect(t, "with one that has no value", outcomes(r), "refused refuse no-value all/app/x 123456789012/eu-west-1")
	if got, _ := l.value(hub, west, "all/app/x"); got != `{"api":"2","db":"1"}` {
		t.Errorf("got %s", got)
	}
}

func TestTheLastPartThatGoesKeepsTheWholeBecauseNothingProvesWhatItWasMadeOf(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/x/db", "1")
	e := l.engine(shaped(merging))
	l.sync(e, engine.Options{})
	l.remove(hub, east, "app/x/db")
	r := l.sync(e, engine.Options{})
	expect(t, "the orphan", outcomes(r), "skipped keep unwanted all/app/x 123456789012/eu-west-1")
	if !strings.Contains(r.Changes[0].Detail, "made of several secrets") {
		t.Errorf("got %q", r.Changes[0].Detail)
	}
}

func TestTwoSourcesForOneNameAreRefusedAndNothingIsWrittenThere(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/x/db", "1")
	l.put(hub, east, "app/y/db", "2")
	l.put(hub, east, "app/z/api", "3")
	r := l.sync(l.engine(shaped(`        name: "{{ .Base }}"`)), engine.Options{})
	expect(t, "the run", outcomes(r), `
applied create missing api 123456789012/eu-west-1
refused refuse ambiguous db 123456789012/eu-west-1
refused refuse ambiguous db 123456789012/eu-west-1`)
	if !l.missing(hub, west, "db") {
		t.Error("one of them was written")
	}
}

func TestAValueThatHasNotTheFormIsRefusedWithoutAWordOfItAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/good", `{"password": "p"}`)
	l.put(hub, east, "app/other", `{"user`+canary+`": "x"}`)
	l.put(hub, east, "app/text", canary)
	l.put(hub, east, "app/binary", canary, "binary")
	r := l.sync(l.engine(shaped(`        value: {keys: {include: [password]}}`)), engine.Options{})
	expect(t, "the run", outcomes(r), `
refused create bad-value app/binary 123456789012/eu-west-1
applied create missing app/good 123456789012/eu-west-1
refused create bad-value app/other 123456789012/eu-west-1
refused create bad-value app/text 123456789012/eu-west-1`)
	for _, c := range r.Changes {
		if strings.Contains(c.Error, canary) {
			t.Errorf("an error quotes the value of %q", c.Name)
		}
	}
	if !strings.Contains(r.Changes[2].Error, "password") {
		t.Errorf("the error does not name the key: %s", r.Changes[2].Error)
	}
}

func TestANameThatCanNotBeMadeIsRefusedInThePlan(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", "1")
	l.put(hub, east, "app/x/db", "2")
	run := l.plan(l.engine(shaped(`        name: "{{ index .Path 2 }}"`)), engine.Options{})
	expect(t, "the plan", lines(run.Plan.Changes), "refuse bad-name app/db nowhere\ncreate missing db 123456789012/eu-west-1")
}

func TestARenamedCopyIsDeletedOnlyWhereItsSourceIsProvedGone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", "1")
	e := l.engine(shaped(`        name: "copies/{{ .Base }}"`))
	l.sync(e, engine.Options{})
	l.remove(hub, east, "app/db")
	expect(t, "the run", outcomes(l.sync(e, engine.Options{})), "applied delete source-deleted copies/db 123456789012/eu-west-1")
}

func TestASavedPlanOfShapedCopiesIsAppliedExactly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/a", `{"k": "1"}`)
	l.put(hub, east, "app/b", `{"k": "2"}`)
	e := l.engine(shaped(merging))
	saved := l.plan(e, engine.Options{}).Plan
	run, err := e.Resume(t.Context(), saved, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "applied", outcomes(e.Apply(t.Context(), run)), "applied create missing all/app 123456789012/eu-west-1")

	l.put(hub, east, "app/b", `{"k": "3"}`)
	saved = l.plan(e, engine.Options{}).Plan
	l.put(hub, east, "app/a", `{"k": "4"}`)
	if _, err := e.Resume(t.Context(), saved, nil); err == nil || !strings.Contains(err.Error(), "stale plan") {
		t.Errorf("a part moved, and the plan is not stale: %v", err)
	}
}

func TestExplainSaysUnderWhichName(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", "1")
	all, err := l.engine(shaped(`        value: {split: [a, b]}`)).Explain(t.Context(), "app/db", engine.Options{})
	if err != nil || len(all) != 1 || !strings.Contains(all[0].Why, `as "app/db/a", "app/db/b"`) {
		t.Errorf("got %+v: %v", all, err)
	}
}

func TestOneSourceInTwoShapesUnderOneNameIsAmbiguous(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", `{"a": "1", "b": "2"}`)
	text := shaped(`        value: {keys: {include: [a]}}
      - store: dr
        value: {keys: {include: [b]}}`)
	expect(t, "the plan", lines(l.plan(l.engine(text), engine.Options{}).Plan.Changes),
		"refuse ambiguous app/db 123456789012/eu-west-1\nrefuse ambiguous app/db 123456789012/eu-west-1")
}

func TestTheTokenOfAShapedCopyDependsOnNoValue(t *testing.T) {
	t.Parallel()
	m := &secret.Meta{Name: "a", Identity: "sm/1/us-east-1/a", Version: "v1"}
	plain := &plan.Want{Rule: &plan.Rule{}, Source: m, Name: "a"}
	cut := &plan.Want{Rule: &plan.Rule{}, Source: m, Name: "a", Shape: &plan.Shape{Split: []string{"x", "y"}}, Key: "x"}
	other := *cut
	other.Key = "y"
	if plain.Tokens("me")[0] != "v1" || cut.Tokens("me")[0] == other.Tokens("me")[0] || cut.Tokens("me")[0] == "v1" {
		t.Errorf("got %v, %v, %v", plain.Tokens("me"), cut.Tokens("me"), other.Tokens("me"))
	}
}

// emptySecret is a secret without a value.
func emptySecret(name string) *sm.CreateSecretInput { return &sm.CreateSecretInput{Name: &name} }
