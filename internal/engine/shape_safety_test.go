package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// twoPlaces returns a configuration with one sync from the hub to the west and the middle of Europe.
func twoPlaces(selection, to string) string {
	return `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  dr: {type: aws-secrets-manager, region: eu-west-1}
  mid: {type: aws-secrets-manager, region: eu-central-1}
syncs:
  - name: s
    from: hub
    select: ` + selection + `
    deletion: delete
    to:
` + to
}

func TestASourceOfAWholeAndOfACopyOfItsOwnIsWrittenToBothAsItIs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i := range 12 {
		l.put(hub, east, fmt.Sprintf("app/%02d", i), fmt.Sprint(canary, i))
	}
	e := l.engine(twoPlaces(`{prefix: [app/]}`, `
      - {store: dr, name: all, value: {merge: "{{ .Base }}"}}
      - {store: dr}
      - {store: mid}`))
	for range 2 {
		l.sync(e, engine.Options{})
		for i := range 12 {
			name := fmt.Sprintf("app/%02d", i)
			want, _ := l.value(hub, east, name)
			for _, region := range []string{west, "eu-central-1"} {
				if got, _ := l.value(hub, region, name); got != want {
					t.Fatalf("%s in %s holds %d other bytes", name, region, len(got))
				}
			}
			if got, _ := l.value(hub, west, "all"); !strings.Contains(got, want) {
				t.Fatalf("the whole lacks %s", name)
			}
			l.put(hub, east, name, fmt.Sprint("next ", canary, i))
		}
	}
}

func TestWholesOfOneNameInTwoPlacesAreEachMadeOfTheirOwnParts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "web/db", "web-db")
	l.put(hub, east, "db/web", "db-web")
	e := l.engine(twoPlaces(`{glob: ["**"]}`, `
      - {store: dr, name: "{{ index .Path 0 }}", value: {merge: "{{ .Base }}"}}
      - {store: mid, name: "{{ index .Path 1 }}", value: {merge: "{{ .Dir }}"}}`))
	l.sync(e, engine.Options{})
	for at, want := range map[string]string{west + " web": `{"db":"web-db"}`, west + " db": `{"web":"db-web"}`, "eu-central-1 web": `{"db":"db-web"}`, "eu-central-1 db": `{"web":"web-db"}`} {
		region, name, _ := strings.Cut(at, " ")
		if got, _ := l.value(hub, region, name); got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
	same := l.engine(twoPlaces(`{glob: ["**"]}`, `
      - {store: mid, name: both, value: {merge: "{{ .Base }}"}}
      - {store: mid, name: both, value: {merge: "{{ .Dir }}"}}`))
	expect(t, "two wholes of one name in one place", outcomes(l.sync(same, engine.Options{Sync: "s", Only: []string{"web/*"}})),
		"refused refuse ambiguous both 123456789012/eu-central-1\nrefused refuse ambiguous both 123456789012/eu-central-1")
}

func TestAPartThatTheConfigurationNamesAndThatCanNotBeDescribedKeepsTheWhole(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/a", "A")
	l.put(hub, east, "app/b", "B")
	e := l.engine(twoPlaces(`{names: [app/a, app/b]}`, `      - {store: dr, name: all, value: {merge: "{{ .Base }}"}}`))
	l.sync(e, engine.Options{})
	l.put(hub, east, "app/a", "A2")
	l.aws.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Region: east, Resource: "app/b", Code: "AccessDeniedException"})
	l.sync(e, engine.Options{})
	if got, _ := l.value(hub, west, "all"); got != `{"a":"A","b":"B"}` {
		t.Errorf("the whole is %s", got)
	}
}

func TestANameThatCanNotBeMadeAnyMoreKeepsTheCopy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", "1")
	l.sync(l.engine(shaped(`        name: "copies/{{ .Base }}"`)), engine.Options{})
	r := l.sync(l.engine(shaped(`        name: "copies/{{ index .Path 2 }}"`)), engine.Options{})
	expect(t, "the run", outcomes(r), "refused refuse bad-name app/db nowhere\nskipped keep unwanted copies/db 123456789012/eu-west-1")
}

func TestTheOldNameIsKeptWhereTheNewOneIsRefusedOrFails(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", "1")
	l.sync(l.engine(shaped(`        name: "old/{{ .Base }}"`)), engine.Options{})
	e := l.engine(shaped(`        name: "new/{{ .Base }}"`))
	l.put(hub, west, "new/db", "somebody else's")
	expect(t, "refused", outcomes(l.sync(e, engine.Options{})), "refused refuse foreign new/db 123456789012/eu-west-1\nskipped keep unwanted old/db 123456789012/eu-west-1")

	e = l.engine(shaped(`        name: "newer/{{ .Base }}"`))
	remove := l.aws.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Code: "LimitExceededException"})
	if got := outcomes(l.sync(e, engine.Options{})); !strings.Contains(got, "skipped delete unwanted old/db") {
		t.Errorf("failed: got\n%s", got)
	}
	remove()
	expect(t, "when it goes well", outcomes(l.sync(e, engine.Options{})), "applied create missing newer/db 123456789012/eu-west-1\napplied delete unwanted old/db 123456789012/eu-west-1")
}

func TestALimitedRunRefusesWhatAWholeRunRefusesAndNothingElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/x/db", "1")
	l.put(hub, east, "app/y/db", "2")
	l.put(hub, east, "app/z", "3")
	e := l.engine(shaped(`        name: "{{ index .Path 2 }}"`))
	expect(t, "limited to one of two rivals", outcomes(l.sync(e, engine.Options{Only: []string{"app/x/*"}})),
		"refused refuse ambiguous db 123456789012/eu-west-1")
}

func TestACopyDoesNotGoBackUnderAnotherNameToWhereItCameFrom(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/x", "1")
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: there, from: hub, select: {prefix: [app/]}, to: [{store: dr, name: "app/d{{ .Base }}"}]}
  - {name: back, from: dr, select: {prefix: [app/]}, to: [{store: hub, name: "app/u{{ .Base }}"}]}
`)
	l.sync(e, engine.Options{})
	for range 2 {
		expect(t, "another run", outcomes(l.sync(e, engine.Options{})), "refused refuse ambiguous app/udx 123456789012/us-east-1")
	}
}

func TestADestinationThatCanNotBeOpenedLeavesTheOthersOfItsSync(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/a", "1")
	r := l.sync(l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  dr: {type: aws-secrets-manager, region: eu-west-1}
  vault: {type: vault, connection: {store: hub, secret: absent}}
syncs:
  - {name: s, from: hub, select: {prefix: [app/]}, to: [{store: dr}, {store: vault}]}
`), engine.Options{})
	expect(t, "the run", outcomes(r), "refused refuse unreachable app/a nowhere\napplied create missing app/a 123456789012/eu-west-1")
}

// parameter reads a parameter; empty where there is none.
func (l *lab) parameter(region, name string) string {
	l.t.Helper()
	c := ssm.NewFromConfig(aws.Config{Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: l.httpClient(), Credentials: ownKey(hub)})
	out, err := c.GetParameter(l.t.Context(), &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return ""
	}
	return aws.ToString(out.Parameter.Value)
}

func (l *lab) putParameter(region, name, value string) {
	l.t.Helper()
	c := ssm.NewFromConfig(aws.Config{Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: l.httpClient(), Credentials: ownKey(hub)})
	if _, err := c.PutParameter(l.t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)}); err != nil {
		l.t.Fatal(err)
	}
}

func TestStoresThatAreOnePlaceUnderTwoPrefixesAreOneSight(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "x/a", "1")
	l.put(hub, east, "y/b", "2")
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  one: {type: aws-parameter-store, region: us-east-1, prefix: /one/}
  two: {type: aws-parameter-store, region: us-east-1, prefix: /two/}
syncs:
  - {name: x, from: hub, select: {prefix: [x/]}, to: [{store: one}], deletion: delete}
  - {name: y, from: hub, select: {prefix: [y/]}, to: [{store: two}], deletion: delete}
`)
	expect(t, "first run", outcomes(l.sync(e, engine.Options{})), "applied create missing /one/x/a 123456789012/us-east-1\napplied create missing /two/y/b 123456789012/us-east-1")
	expect(t, "second run", outcomes(l.sync(e, engine.Options{})), "")
	l.put(hub, east, "y/b", "3")
	expect(t, "after a change", outcomes(l.sync(e, engine.Options{})), "applied update new-version /two/y/b 123456789012/us-east-1")
	if got := l.parameter(east, "/two/y/b"); got != "3" {
		t.Errorf("the parameter holds %q", got)
	}
	l.remove(hub, east, "y/b")
	expect(t, "after a deletion", outcomes(l.sync(e, engine.Options{})), "applied delete source-deleted /two/y/b 123456789012/us-east-1")
}

func TestAnotherPrefixOfTheSourceStoreProvesNoAbsence(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.putParameter(east, "/app/a", "1")
	text := func(prefix string) string {
		return `
version: 1
owner: me
stores:
  params: {type: aws-parameter-store, region: us-east-1, prefix: ` + prefix + `}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: s, from: params, select: {glob: ["**"]}, to: [{store: dr}], deletion: delete}
`
	}
	l.sync(l.engine(text("/app/")), engine.Options{})
	l.putParameter(east, "/prod/b", "2")
	r := l.sync(l.engine(text("/prod/")), engine.Options{})
	expect(t, "under another prefix", outcomes(r), "skipped keep unwanted /app/a 123456789012/eu-west-1\napplied create missing /prod/b 123456789012/eu-west-1")
	if !strings.Contains(r.Changes[0].Detail, "outside of the prefix") {
		t.Errorf("got %q", r.Changes[0].Detail)
	}
}

func TestASplitIsPutUnderTheStoresPrefixWhereNoNameIsGiven(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", `{"user": "u", "password": "p"}`)
	e := l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  params: {type: aws-parameter-store, region: us-east-1, prefix: /copies/}
syncs:
  - {name: s, from: hub, select: {prefix: [app/]}, to: [{store: params}], value: {split: [user, password]}}
`)
	l.sync(e, engine.Options{})
	if l.parameter(east, "/copies/app/db/user") != "u" || l.parameter(east, "/copies/app/db/password") != "p" {
		t.Error("the parameters are not there")
	}
}

func TestAValueThatAStoreCanNotHoldSaysSoInTheReason(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/binary", "x", "binary")
	l.put(hub, east, "app/braces", "{{ x }}")
	l.put(hub, east, "app/large", strings.Repeat("x", 4097))
	r := l.sync(l.engine(`
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager, region: us-east-1}
  params: {type: aws-parameter-store, region: us-east-1}
syncs:
  - {name: s, from: hub, select: {prefix: [app/]}, to: [{store: params}]}
`), engine.Options{})
	expect(t, "the run", outcomes(r), `refused create bad-value /app/binary 123456789012/us-east-1
refused create bad-value /app/braces 123456789012/us-east-1
refused create too-large /app/large 123456789012/us-east-1`)
}

func TestAnEmptyListingDeletesNothingUnlessAPersonSaysSo(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/db", "1")
	e := l.engine(shaped(""))
	l.sync(e, engine.Options{})
	if _, err := l.as(hub, east).DeleteSecret(t.Context(), forced("app/db")); err != nil {
		t.Fatal(err)
	}
	r := l.sync(e, engine.Options{})
	expect(t, "the run", outcomes(r), "skipped delete source-deleted app/db 123456789012/eu-west-1")
	if !r.Braked() || len(r.Warnings) == 0 {
		t.Errorf("braked %t, warnings %v", r.Braked(), r.Warnings)
	}
	saved := l.plan(e, engine.Options{}).Plan
	run, err := e.Resume(t.Context(), saved, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "as a saved plan", outcomes(e.Apply(t.Context(), run)), "skipped delete source-deleted app/db 123456789012/eu-west-1")
	allow := 1
	expect(t, "when it is allowed", outcomes(l.sync(e, engine.Options{AllowDeletes: &allow})), "applied delete source-deleted app/db 123456789012/eu-west-1")
}

func TestVerifyComparesACopyThatSomebodyWroteForReal(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.put(hub, east, "app/same", "1")
	l.put(hub, east, "app/other", "1")
	e := l.engine(shaped(""))
	l.sync(e, engine.Options{})
	l.put(hub, west, "app/same", "1")
	l.put(hub, west, "app/other", "2")
	checks, err := e.Verify(t.Context(), engine.Options{}, 10)
	if err != nil || len(checks) != 2 || checks[0].Result != engine.Different || checks[1].Result != engine.Equal || !strings.Contains(checks[1].Detail, "drifted") {
		t.Errorf("got %+v: %v", checks, err)
	}
}

// forced deletes a secret at once.
func forced(name string) *sm.DeleteSecretInput {
	return &sm.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)}
}

func TestDoctorAsksOnlyWhereTheStoreLooks(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.putParameter(east, "/app/a", "1")
	checks, err := l.engine(`
version: 1
owner: me
stores:
  from: {type: aws-parameter-store, region: us-east-1, prefix: /app/}
  to: {type: aws-parameter-store, region: eu-west-1}
syncs:
  - {name: s, from: from, select: {glob: ["**"]}, to: [{store: to}]}
`).Doctor(t.Context(), engine.Options{})
	if err != nil || len(checks) == 0 {
		t.Fatal(err)
	}
	for _, c := range checks {
		if !c.OK {
			t.Errorf("%s %s: %s", c.Check, c.Subject, c.Detail)
		}
	}
	for _, c := range l.aws.Ledger().Calls() {
		if c.Region == east && c.Service == "ssm" && c.Resource != "" && !strings.HasPrefix(c.Resource, "/app/") && c.Operation != "PutParameter" {
			t.Errorf("%s asked for %s, outside of the store's prefix", c.Operation, c.Resource)
		}
	}
}
