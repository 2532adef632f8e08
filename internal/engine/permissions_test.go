package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
)

// guarded is a lab in which policies and trust count. Accounts' owners are their roots; the hub's function is the role with the access key "lambda".
func guarded(t *testing.T, hubPolicy, spokePolicy, trust string) *lab {
	t.Helper()
	var seed strings.Builder
	fmt.Fprintf(&seed, "accounts:\n")
	for _, account := range []string{hub, one, two} {
		fmt.Fprintf(&seed, "  %q:\n    users:\n      root: {accessKeyId: %q, policies: []}\n    roles:\n", account, account)
		if account == hub {
			fmt.Fprintf(&seed, "      SecretSyncLambdaRole: {accessKeyId: lambda, trust: %s, policies: ['%s']}\n", anyTrust, hubPolicy)
		} else {
			fmt.Fprintf(&seed, "      SecretSyncRole: {trust: %s, policies: ['%s']}\n", trust, spokePolicy)
		}
	}
	parsed, err := awslocal.ParseSeed(strings.NewReader(seed.String()), "seed")
	if err != nil {
		t.Fatalf("%v\n%s", err, seed.String())
	}
	return newLab(t, func(o *awslocal.Options) { o.EnforceIAM, o.Seed = true, parsed })
}

const (
	anyTrust  = `'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'`
	hubTrust  = `'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/SecretSyncLambdaRole"}, "Action": "sts:AssumeRole"}]}'`
	external  = `'{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/SecretSyncLambdaRole"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "right-one"}}}]}'`
	hubReads  = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": ["secretsmanager:ListSecrets", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "sts:AssumeRole"]}]}`
	spokeFive = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": ["secretsmanager:CreateSecret", "secretsmanager:UpdateSecret", "secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:TagResource"]}]}`
)

func TestTheFiveActionsOfTheSpokeRoleAreEnoughForEverythingButDeletion(t *testing.T) {
	t.Parallel()
	l := guarded(t, hubReads, spokeFive, hubTrust)
	l.put(hub, east, "a", "one", "tag:SecretSync-SyncAccount=111111111111", "tag:k=v")
	l.put(hub, east, "b", "one", "tag:SecretSync-SyncAccount=111111111111")
	e := l.engineAs("lambda", "")
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Create != 2 {
		t.Fatalf("first copy:\n%s", outcomes(r))
	}
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Fatalf("nothing changed:\n%s", outcomes(r))
	}
	_, first := l.value(hub, east, "a")
	l.put(hub, east, "a", "two")
	l.put(hub, east, "b", "two")
	l.tag(hub, east, "b", "k", "new")
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Update != 2 {
		t.Fatalf("two changed:\n%s", outcomes(r))
	}
	l.forget()
	l.moveCurrent(hub, east, "a", first)
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Update != 1 {
		t.Fatalf("a rollback, where the label can't be moved:\n%s", outcomes(r))
	}
	got, version := l.value(one, east, "a")
	if got != "one" || version == first || l.tags(one, east, "a")["secretsync:generation"] != "1" {
		t.Errorf("the value was not written under the next generation: %q as %s (the source's is %s), tags %v", got, version, first, l.tags(one, east, "a"))
	}
	if r := l.sync(e, engine.Options{}); len(r.Changes) != 0 {
		t.Errorf("after that:\n%s", outcomes(r))
	}
}

func TestADeniedActionIsRefusedByNameAndTheOtherAccountGoesOn(t *testing.T) {
	t.Parallel()
	l := guarded(t, hubReads, strings.Replace(spokeFive, `"secretsmanager:CreateSecret", `, "", 1), hubTrust)
	l.put(hub, east, "a", "one", "tag:SecretSync-SyncAccount=111111111111")
	r := l.sync(l.engineAs("lambda", ""), engine.Options{})
	expect(t, "outcomes", outcomes(r), "refused create not-permitted a 111111111111/us-east-1")
	if !strings.Contains(r.Changes[0].Error, "secretsmanager:CreateSecret") || !strings.Contains(r.Changes[0].Error, "SecretSyncRole") {
		t.Errorf("the error does not name the action and the role: %s", r.Changes[0].Error)
	}
}

func TestWhereNeitherListingNorDescribingIsPermittedEveryCopyIsRefused(t *testing.T) {
	t.Parallel()
	l := guarded(t, hubReads, strings.Replace(spokeFive, `"secretsmanager:DescribeSecret", `, "", 1), hubTrust)
	l.put(hub, east, "a", "one", "tag:SecretSync-SyncAccount=111111111111")
	run := l.plan(l.engineAs("lambda", ""), engine.Options{})
	expect(t, "changes", lines(run.Plan.Changes), "refuse not-permitted a 111111111111/us-east-1")
	if !strings.Contains(run.Plan.Changes[0].Detail, "secretsmanager:DescribeSecret") {
		t.Errorf("the refusal does not name the action: %s", run.Plan.Changes[0].Detail)
	}
}

// S0-24, S0-B11 (ExternalId), fault 7.
func TestAWrongExternalIdIsReportedForThatAccountAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	l := guarded(t, hubReads, spokeFive, external)
	l.put(hub, east, "a", "one", "tag:SecretSync-SyncAccount=111111111111")
	e := l.engineAs("lambda", "")
	run := l.plan(e, engine.Options{})
	expect(t, "without it", lines(run.Plan.Changes), "refuse not-permitted a 111111111111/us-east-1")
	if !run.Failed() || !strings.Contains(run.Plan.Problems[0].Error, "ExternalId") || !strings.Contains(run.Plan.Problems[0].Error, "111111111111") {
		t.Errorf("problems: %+v", run.Plan.Problems)
	}
	text := `
version: 1
stores:
  hub: {type: aws-secrets-manager}
  spokes: {type: aws-secrets-manager, role: SecretSyncRole, externalId: right-one}
syncs:
  - {name: hub-to-spokes, from: hub, to: [{store: spokes, byTags: true}]}
`
	if r := l.sync(l.engineAs("lambda", text), engine.Options{}); r.NotAsWanted() || r.Summary.Create != 1 {
		t.Errorf("with it:\n%s", outcomes(r))
	}
}

func TestBatchReadsThatAreDeniedBecomeSingleOnes(t *testing.T) {
	t.Parallel()
	l := guarded(t, hubReads, spokeFive, hubTrust)
	for i := range 3 {
		l.put(hub, east, fmt.Sprint("s", i), "one", "tag:SecretSync-SyncAccount=111111111111")
	}
	l.forget()
	if r := l.sync(l.engineAs("lambda", ""), engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
	if got := l.calls(); !strings.Contains(got, "BatchGetSecretValue 1,") || !strings.Contains(got, "GetSecretValue 3") {
		t.Errorf("calls: %s", got)
	}
}

func TestTheReplicatorsPolicyWithNamesOnlyIsEnough(t *testing.T) {
	t.Parallel()
	policy := `{"Version": "2012-10-17", "Statement": [
	  {"Sid": "Origin", "Effect": "Allow", "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], "Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:replica/myexamplereplica*"},
	  {"Sid": "Replica", "Effect": "Allow", "Action": ["secretsmanager:UpdateSecretVersionStage", "secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:TagResource"], "Resource": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:replica/myexamplereplica*"},
	  {"Sid": "Create", "Effect": "Allow", "Action": ["secretsmanager:CreateSecret"], "Resource": "*", "Condition": {"StringLike": {"secretsmanager:Name": "replica/myexamplereplica*"}}}]}`
	policy = strings.Join(strings.Fields(policy), " ")
	l := guarded(t, policy, spokeFive, hubTrust)
	l.put(hub, east, "replica/myexamplereplica-1", "one")
	e := l.engineAs("lambda", `
version: 1
owner: me
stores:
  hub: {type: aws-secrets-manager}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs:
  - {name: dr, from: hub, select: {names: [replica/myexamplereplica-1]}, to: [{store: dr}]}
`)
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Create != 1 {
		t.Fatalf("got\n%s", outcomes(r))
	}
	_, first := l.value(hub, east, "replica/myexamplereplica-1")
	l.put(hub, east, "replica/myexamplereplica-1", "two")
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Update != 1 {
		t.Fatalf("got\n%s", outcomes(r))
	}
	l.moveCurrent(hub, east, "replica/myexamplereplica-1", first)
	if r := l.sync(e, engine.Options{}); r.NotAsWanted() || r.Summary.Update != 1 {
		t.Fatalf("got\n%s", outcomes(r))
	}
	if got, v := l.value(hub, west, "replica/myexamplereplica-1"); got != "one" || v != first {
		t.Error("the rollback did not arrive")
	}
}
