package engine_test

import (
	"strings"
	"testing"

	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// reporting is replicate, where drift is only reported.
var reporting = strings.Replace(replicate, "name: dr,", "name: dr, drift: report,", 1)

// previous returns the value under AWSPREVIOUS.
func (l *lab) previous(account, region, name string) string {
	l.t.Helper()
	out, err := l.as(account, region).GetSecretValue(l.t.Context(), &sm.GetSecretValueInput{SecretId: &name, VersionStage: ptr("AWSPREVIOUS")})
	if err != nil {
		l.t.Fatalf("read what was before in %s of %s/%s: %v", name, account, region, err)
	}
	return *out.SecretString
}

// S4-06.
func TestThePreviousVersionOfACopyIsItsPreviousDistinctValue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := l.engine(spokes)
	l.put(hub, east, "a", "one")
	l.sync(e, engine.Options{})
	for _, step := range []struct {
		what, previous string
		do             func()
	}{
		{"an update", "one", func() { l.put(hub, east, "a", "two") }},
		{"a run without a change", "one", func() {}},
		{"two versions since the last run", "two", func() { l.put(hub, east, "a", "three"); l.put(hub, east, "a", "four") }},
		{"a change of tags", "two", func() { l.tag(hub, east, "a", "k", "v") }},
		{"a lost answer", "four", func() {
			l.put(hub, east, "a", "five")
			l.aws.Faults().Add(awslocal.Fault{Operation: "PutSecretValue", Account: one, Times: 1, LoseAnswer: true})
		}},
		{"somebody else's write, mended", "theirs", func() { l.put(one, east, "a", "theirs") }},
	} {
		step.do()
		if r := l.sync(e, engine.Options{}); r.NotAsWanted() {
			t.Errorf("%s:\n%s", step.what, outcomes(r))
		}
		if got := l.previous(one, east, "a"); got != step.previous {
			t.Errorf("after %s: the previous value is %q, want %q", step.what, got, step.previous)
		}
	}
}

// Fault 17, S4-06.
func TestARollbackAtTheSourceMovesTheLabelWithOneCallATarget(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(replicate)
	l.sync(e, engine.Options{})
	_, first := l.value(hub, east, "a")
	l.put(hub, east, "a", "two")
	l.sync(e, engine.Options{})
	l.moveCurrent(hub, east, "a", first)
	l.forget()
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Update != 3 {
		t.Fatalf("got\n%s", outcomes(r))
	}
	if got := l.calls(); !strings.Contains(got, "UpdateSecretVersionStage 3") || strings.Contains(got, "Put") {
		t.Errorf("calls: %s", got)
	}
	if got, v := l.value(one, west, "a"); got != "one" || v != first {
		t.Error("the copy did not go back")
	}
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("a further run:\n%s", outcomes(r))
	}
	l.put(hub, east, "a", "three")
	if r := l.sync(e, engine.Options{}); strings.Contains(outcomes(r), "drifted") || r.Summary.Update != 3 {
		t.Errorf("after the rollback, a new version:\n%s", outcomes(r))
	}
}

// Fault 18.
func TestAWriteOfSomebodyElseIsFoundAndMended(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "right")
	e := l.engine(replicate)
	l.sync(e, engine.Options{})
	l.put(one, west, "a", "wrong")
	r := l.sync(e, engine.Options{})
	expect(t, "outcomes", outcomes(r), "applied update drifted a 111111111111/eu-west-1")
	if got, _ := l.value(one, west, "a"); got != "right" {
		t.Error("it was not mended")
	}
	l.put(one, west, "a", "wrong again")
	r = l.sync(l.engine(reporting), engine.Options{})
	expect(t, "outcomes where drift is reported", outcomes(r), "refused refuse drifted a 111111111111/eu-west-1")
	if got, _ := l.value(one, west, "a"); got != "wrong again" {
		t.Error("it was mended although drift is only reported")
	}
}

// Fault 17, fault 18.
func TestARollbackAndWhatFollowsIsNobodysDrift(t *testing.T) {
	t.Parallel()
	for name, follows := range map[string]func(l *lab, v2, v3 string){
		"forward again":    func(l *lab, _, v3 string) { l.moveCurrent(hub, east, "a", v3) },
		"two new versions": func(l *lab, _, _ string) { l.put(hub, east, "a", "four"); l.put(hub, east, "a", "five") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			e := l.engine(reporting)
			var versions []string
			for _, value := range []string{"one", "two", "three"} {
				l.put(hub, east, "a", value)
				_, v := l.value(hub, east, "a")
				versions = append(versions, v)
				l.sync(e, engine.Options{})
			}
			l.moveCurrent(hub, east, "a", versions[1])
			l.sync(e, engine.Options{})
			follows(l, versions[1], versions[2])
			if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Update != 3 {
				t.Errorf("nobody but us wrote the copies:\n%s", outcomes(r))
			}
		})
	}
}

// Fault 18.
func TestALabelThatSomebodyMovedAtACopyIsMovedBack(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "a", "one")
	e := l.engine(spokes)
	l.sync(e, engine.Options{})
	_, first := l.value(hub, east, "a")
	l.put(hub, east, "a", "two")
	l.sync(e, engine.Options{})
	l.moveCurrent(one, east, "a", first)
	l.sync(e, engine.Options{})
	if got, _ := l.value(one, east, "a"); got != "two" {
		t.Errorf("the copy holds %q", got)
	}
}

// Fault 19: somebody knows the version id that comes next, and puts a value of theirs under it, which the listing shows.
func TestAPlantedVersionNeverPassesForOurs(t *testing.T) {
	t.Parallel()
	for name, labels := range map[string][]string{"under a label of theirs": {"other"}, "as the current one": nil} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.put(hub, east, "a", "one")
			e := l.engine(spokes)
			l.sync(e, engine.Options{})
			l.put(hub, east, "a", "two")
			_, version := l.value(hub, east, "a")
			in := &sm.PutSecretValueInput{SecretId: ptr("a"), SecretString: ptr("planted"), ClientRequestToken: &version, VersionStages: labels}
			if _, err := l.as(one, east).PutSecretValue(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			r := l.sync(e, engine.Options{})
			if got, _ := l.value(one, east, "a"); got != "two" {
				t.Errorf("the copy holds %q\n%s", got, outcomes(r))
			}
			if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
				t.Errorf("it loops:\n%s", outcomes(r))
			}
		})
	}
}

// Fault 19, S4-B8.
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

// Fault 16.
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
