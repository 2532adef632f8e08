package iam_test

import (
	"os"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/iam"
)

const copyARN = "arn:aws:secretsmanager:us-east-1:111111111111:secret:app/db-AbCdEf"

// documentOf returns the first document for somebody that a configuration of testdata makes.
func documentOf(t *testing.T, file string, who iam.For) iam.Document {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range generate(t, caseOf(t, string(data))).Documents {
		if d.For == who {
			return d
		}
	}
	t.Fatalf("%s makes nothing for a %s", file, who)
	return iam.Document{}
}

func TestASpokeChangesNothingThatIsNotOurs(t *testing.T) {
	spoke := parsed(t, documentOf(t, "prefix-with-deletion", iam.Spoke).Policy, policy.ParseIdentity)
	owned := func(owner string) map[string][]string {
		return map[string][]string{"aws:ResourceTag/secretsync:owner": {owner}}
	}
	marking := func(existing string) map[string][]string {
		c := map[string][]string{"aws:RequestTag/secretsync:owner": {"platform-prod"}}
		if existing != "" {
			c["aws:ResourceTag/secretsync:owner"] = []string{existing}
		}
		return c
	}
	forced := owned("platform-prod")
	forced["secretsmanager:ForceDeleteWithoutRecovery"] = []string{"true"}
	for _, c := range []struct {
		what, action, resource string
		context                map[string][]string
		want                   policy.Decision
	}{
		{"write our copy", "PutSecretValue", copyARN, owned("platform-prod"), policy.Allowed},
		{"write a secret without a mark", "PutSecretValue", copyARN, nil, policy.ImplicitDeny},
		{"write a copy of another owner", "PutSecretValue", copyARN, owned("platform-dev"), policy.ImplicitDeny},
		{"write our copy in another Region", "PutSecretValue", strings.Replace(copyARN, "us-east-1", "eu-west-1", 1), owned("platform-prod"), policy.ImplicitDeny},
		{"write our copy under a name that no sync selects", "PutSecretValue", strings.Replace(copyARN, "app/", "hr/", 1), owned("platform-prod"), policy.ImplicitDeny},
		{"create with our mark", "CreateSecret", copyARN, marking(""), policy.Allowed},
		{"create without a mark", "CreateSecret", copyARN, nil, policy.ImplicitDeny},
		{"mark a copy of another owner as ours", "TagResource", copyARN, marking("platform-dev"), policy.ImplicitDeny},
		{"tag a secret without a mark, and not mark it", "TagResource", copyARN, nil, policy.ImplicitDeny},
		{"delete our copy", "DeleteSecret", copyARN, owned("platform-prod"), policy.Allowed},
		{"delete a secret without a mark", "DeleteSecret", copyARN, nil, policy.ImplicitDeny},
		{"delete our copy at once", "DeleteSecret", copyARN, forced, policy.ExplicitDeny},
		{"read our copy", "GetSecretValue", copyARN, owned("platform-prod"), policy.ImplicitDeny},
		{"read many", "BatchGetSecretValue", "*", map[string][]string{"aws:RequestedRegion": {"us-east-1"}}, policy.ImplicitDeny},
	} {
		got := policy.Evaluate([]policy.Document{spoke}, policy.Request{Action: "secretsmanager:" + c.action, Resource: c.resource, Context: c.context})
		if got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, got, c.want)
		}
	}
}

func TestWhereNothingIsDeletedNothingMayBe(t *testing.T) {
	for _, action := range actions(documentOf(t, "by-tags", iam.Spoke).Policy) {
		if strings.HasSuffix(action, ":DeleteSecret") || strings.HasSuffix(action, ":RestoreSecret") || strings.HasSuffix(action, ":UntagResource") {
			t.Errorf("%s is granted, and no sync deletes", action)
		}
	}
}

func TestTheHubReadsOnlyWhatIsRouted(t *testing.T) {
	hub := parsed(t, documentOf(t, "by-tags", iam.Hub).Policy, policy.ParseIdentity)
	read := policy.Request{Action: "secretsmanager:GetSecretValue", Resource: "arn:aws:secretsmanager:us-east-1:100000000000:secret:app/db-AbCdEf"}
	if got := policy.Evaluate([]policy.Document{hub}, read); got != policy.ImplicitDeny {
		t.Errorf("a secret without a routing tag: %v", got)
	}
	read.Context = map[string][]string{"aws:ResourceTag/SecretSync-SyncAccount": {"111111111111"}}
	if got := policy.Evaluate([]policy.Document{hub}, read); got != policy.Allowed {
		t.Errorf("a secret with a routing tag: %v", got)
	}
	decrypt := policy.Request{Action: "kms:Decrypt", Resource: "arn:aws:kms:us-east-1:100000000000:key/any",
		Context: map[string][]string{"kms:EncryptionContext:SecretARN": {read.Resource}}}
	if got := policy.Evaluate([]policy.Document{hub}, decrypt); got != policy.ImplicitDeny {
		t.Errorf("decryption that Secrets Manager does not ask for: %v", got)
	}
}

func TestASpokeTrustsTheHubsRoleAloneAndOnlyWithTheExternalID(t *testing.T) {
	trust := parsed(t, documentOf(t, "by-tags", iam.Spoke).Trust, policy.ParseTrust)
	ask := func(role, id string) policy.Decision {
		r := policy.Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::111111111111:role/SecretSyncRole",
			Principal: policy.Principal{ARN: "arn:aws:sts::100000000000:assumed-role/" + role + "/run", Account: "100000000000"}, Context: map[string][]string{}}
		if id != "" {
			r.Context["sts:ExternalId"] = []string{id}
		}
		return policy.Evaluate([]policy.Document{trust}, r)
	}
	const id = "7c1f-of-this-installation"
	if got := ask(iam.DefaultHubRole, id); got != policy.Allowed {
		t.Errorf("the hub: %v", got)
	}
	for what, got := range map[string]policy.Decision{
		"the hub without the id": ask(iam.DefaultHubRole, ""), "the hub with another id": ask(iam.DefaultHubRole, "other"), "another role of the hub": ask("Admin", id),
	} {
		if got == policy.Allowed {
			t.Errorf("%s is let in", what)
		}
	}
}

func TestWhatTheConfigurationDoesNotTellIsAskedFor(t *testing.T) {
	const stores = "version: 1\nstores:\n  hub: {type: aws-secrets-manager%s}\n  spokes: {type: aws-secrets-manager, role: R}\nsyncs:\n  - {name: a, from: hub, to: [{store: spokes, byTags: true}]}\n"
	for _, c := range []struct {
		hub, hubRole, want string
	}{
		{"", "", "--hub-role"},
		{", account: \"100000000000\"", "", "--account"},
		{", account: \"100000000000\"", "arn:aws:iam::200000000000:role/R", "account 100000000000"},
		{"", "SecretSyncLambdaRole", "want the ARN of a role"},
	} {
		in := open(t, strings.Replace(stores, "%s", c.hub, 1), nil, "").input(t)
		in.HubRole = c.hubRole
		_, err := iam.Generate(in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("hub %q, role %q: got %v, want something of %q", c.hub, c.hubRole, err, c.want)
		}
	}
	in := open(t, strings.Replace(stores, "%s", "", 1), nil, "").input(t)
	in.HubRole, in.Accounts = "arn:aws:iam::100000000000:role/R", append(in.Accounts, "111111111111")
	if res := generate(t, in); len(res.Documents) != 2 || res.Documents[1].Account != "111111111111" {
		t.Errorf("with the account given: %+v", res.Documents)
	}
}
