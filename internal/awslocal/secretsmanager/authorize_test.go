package secretsmanager

import (
	"strings"
	"testing"
)

func (w *world) lastAsked() question { return w.asked[len(w.asked)-1] }

func TestEveryOperationAsksForLeaveBeforeItTellsAnything(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	w.do("DescribeSecret", in{"SecretId": "s"})
	arn := w.lastAsked().resource
	const absent = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:none-??????"
	for op, p := range map[string]in{
		"CreateSecret":                 {"Name": "s", "SecretString": "S1", "ClientRequestToken": v(1)},
		"PutSecretValue":               {"SecretString": "S1", "ClientRequestToken": v(1)},
		"UpdateSecret":                 {"SecretString": "S1", "ClientRequestToken": v(1)},
		"UpdateSecretVersionStage":     {"VersionStage": "x", "MoveToVersionId": v(1)},
		"GetSecretValue":               {},
		"DescribeSecret":               {},
		"ListSecretVersionIds":         {},
		"DeleteSecret":                 {"ForceDeleteWithoutRecovery": true},
		"RestoreSecret":                {},
		"TagResource":                  {"Tags": []tag{{"a", "b"}}},
		"UntagResource":                {"TagKeys": []string{"a"}},
		"PutResourcePolicy":            {"ResourcePolicy": "{}"},
		"GetResourcePolicy":            {},
		"DeleteResourcePolicy":         {},
		"ValidateResourcePolicy":       {"ResourcePolicy": "{}"},
		"RotateSecret":                 {"ClientRequestToken": v(1)},
		"CancelRotateSecret":           {},
		"ReplicateSecretToRegions":     {"AddReplicaRegions": []in{{"Region": "eu-west-2"}}},
		"RemoveRegionsFromReplication": {"RemoveReplicaRegions": []string{"eu-west-2"}},
		"StopReplicationToReplica":     {},
	} {
		w.deny = map[string]bool{"secretsmanager:" + op: true}
		for _, name := range []string{"s", "none"} {
			if op == "CreateSecret" {
				p["Name"] = name
			} else {
				p["SecretId"] = name
			}
			w.fails(op, p, "AccessDeniedException", "denied secretsmanager:"+op)
			got := w.lastAsked().resource
			if name == "s" && got != arn || name == "none" && kindOf(got) != absent {
				t.Fatalf("%s asked for %s", op, got)
			}
		}
	}
	for _, op := range []string{"ListSecrets", "GetRandomPassword", "BatchGetSecretValue"} {
		w.deny = map[string]bool{"secretsmanager:" + op: true}
		w.fails(op, in{"SecretIdList": []string{"s"}}, "AccessDeniedException", "")
		equal(t, op, w.lastAsked().resource, "*")
	}
	w.deny = nil
	equal(t, "labels", w.stages("s", true), "1:AWSCURRENT")
}

func TestConditionsOfARequest(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "SecretString": "x", "Description": "d", "KmsKeyId": "alias/mine", "Tags": []tag{{"team", "a"}}, "ClientRequestToken": v(1)})
	create, tagging := w.asked[0], w.asked[1]
	equal(t, "actions", []string{create.action, tagging.action}, []string{"secretsmanager:CreateSecret", "secretsmanager:TagResource"})
	for key, want := range map[string]string{
		"secretsmanager:Name":        "s",
		"secretsmanager:Description": "d",
		"secretsmanager:KmsKeyArn":   "arn:aws:kms:eu-west-1:111111111111:alias/mine",
		"aws:RequestTag/team":        "a",
		"aws:TagKeys":                "team",
	} {
		equal(t, key, create.conditions[key], []string{want})
	}
	equal(t, "request tag of tagging", tagging.conditions["aws:RequestTag/team"], []string{"a"})

	has := func(op string, p in, key string, want ...string) {
		t.Helper()
		p["SecretId"] = "s"
		w.do(op, p)
		equal(t, op+" "+key, w.lastAsked().conditions[key], want)
	}
	has("GetSecretValue", in{}, "aws:ResourceTag/team", "a")
	has("GetSecretValue", in{}, "secretsmanager:ResourceTag/team", "a")
	has("GetSecretValue", in{"VersionStage": "AWSCURRENT"}, "secretsmanager:VersionStage", "AWSCURRENT")
	has("GetSecretValue", in{}, "secretsmanager:VersionStage")
	has("GetSecretValue", in{"VersionId": v(1)}, "secretsmanager:VersionId", v(1))
	has("UpdateSecret", in{"Description": "e", "ClientRequestToken": v(9)}, "secretsmanager:Description", "e")
	has("UpdateSecret", in{"KmsKeyId": "", "ClientRequestToken": v(9)}, "secretsmanager:KmsKeyArn", "arn:aws:kms:eu-west-1:111111111111:alias/aws/secretsmanager")
	has("UpdateSecretVersionStage", in{"VersionStage": "x", "MoveToVersionId": v(1)}, "secretsmanager:VersionStage", "x")
	has("TagResource", in{"Tags": []tag{{"env", "p"}}}, "aws:RequestTag/env", "p")
	has("UntagResource", in{"TagKeys": []string{"env"}}, "aws:TagKeys", "env")
	has("DeleteSecret", in{"RecoveryWindowInDays": 9}, "secretsmanager:RecoveryWindowInDays", "9")
	has("DeleteSecret", in{"ForceDeleteWithoutRecovery": true}, "secretsmanager:ForceDeleteWithoutRecovery", "true")
}

func TestCreatingWithTagsNeedsLeaveToTag(t *testing.T) {
	w := newWorld(t)
	w.deny["secretsmanager:TagResource"] = true
	w.fails("CreateSecret", in{"Name": "s", "SecretString": "x", "Tags": []tag{{"a", "b"}}, "ClientRequestToken": v(1)}, "AccessDeniedException", "")
	w.fails("DescribeSecret", in{"SecretId": "s"}, "ResourceNotFoundException", "")
	w.create("s", "x")
}

func TestPartitionsFollowTheRegion(t *testing.T) {
	for region, want := range map[string]string{"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eu-west-1": "aws"} {
		w := newWorld(t)
		w.region = region
		if arn := w.create("s", "x"); !strings.HasPrefix(arn, "arn:"+want+":secretsmanager:"+region+":") {
			t.Fatalf("%s: %s", region, arn)
		}
	}
}

func TestAccountsAndRegionsAreApart(t *testing.T) {
	w := newWorld(t)
	arn := w.create("s", "x")
	w.region = "eu-west-2"
	w.fails("GetSecretValue", in{"SecretId": "s"}, "ResourceNotFoundException", "")
	w.fails("GetSecretValue", in{"SecretId": arn}, "ResourceNotFoundException", "")
	w.region, w.account = region, "222222222222"
	w.fails("GetSecretValue", in{"SecretId": "s"}, "ResourceNotFoundException", "")
	equal(t, "names", len(w.names(in{})), 0)
	w.create("s", "y")
	equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any("y"))
}

func TestAnotherAccountNeedsTheSecretsOwnPolicyAndAKeyOfItsOwn(t *testing.T) {
	w := newWorld(t)
	arn := w.create("s", "x")
	w.account = "222222222222"
	w.fails("DescribeSecret", in{"SecretId": arn}, "AccessDeniedException", "User: arn:aws:iam::222222222222:root is not authorized to perform: "+
		"secretsmanager:DescribeSecret on resource: "+arn+" because no resource-based policy allows the secretsmanager:DescribeSecret action")
	w.account = account
	w.do("PutResourcePolicy", in{"SecretId": "s", "ResourcePolicy": `{"Statement":{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"*","Resource":"*"}}`})
	w.account = "222222222222"
	w.fails("GetSecretValue", in{"SecretId": arn}, "InvalidRequestException", "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
	w.account = account
	w.do("UpdateSecret", in{"SecretId": "s", "KmsKeyId": "k1", "ClientRequestToken": v(9)})
	w.account = "222222222222"
	w.keys.taken()
	equal(t, "value", w.do("GetSecretValue", in{"SecretId": arn})["SecretString"], any("x"))
	equal(t, "key", w.keys.taken(), []string{"Decrypt arn:aws:kms:eu-west-1:111111111111:key/k1 v1"})
	w.deny["secretsmanager:GetSecretValue "+arn] = true
	w.fails("GetSecretValue", in{"SecretId": arn}, "AccessDeniedException", "denied secretsmanager:GetSecretValue")
}

func TestTheNameIsNoted(t *testing.T) {
	w := newWorld(t)
	arn := w.create("a/b", "x")
	w.noted = nil
	w.do("GetSecretValue", in{"SecretId": "a/b"})
	w.do("GetSecretValue", in{"SecretId": arn})
	w.fails("GetSecretValue", in{"SecretId": "none"}, "ResourceNotFoundException", "")
	equal(t, "noted", w.noted, []string{"a/b", "a/b", "none"})
}
