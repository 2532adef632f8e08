package secretsmanager

import (
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

func TestKMSIsCalledAsAWSCallsIt(t *testing.T) {
	w := newWorld(t)
	calls := func(what string, want ...string) {
		t.Helper()
		if got := w.keys.taken(); strings.Join(got, "; ") != strings.Join(want, "; ") {
			t.Fatalf("%s:\n got %q\nwant %q", what, got, want)
		}
	}
	arn := w.create("s", "S1")
	equal(t, "first call", w.keys.calls[0], keyCall{region, "secretsmanager", "", service.GenerateDataKey, map[string]string{"SecretARN": arn, "SecretVersionId": v(1)}})
	calls("create", "GenerateDataKey  v1")
	w.put("s", 2, "S2")
	calls("put", "GenerateDataKey  v2")
	w.do("GetSecretValue", in{"SecretId": "s", "VersionStage": "AWSPREVIOUS"})
	calls("get", "Decrypt  v1")
	w.do("UpdateSecret", in{"SecretId": "s", "Description": "d", "ClientRequestToken": v(9)})
	w.do("DescribeSecret", in{"SecretId": "s"})
	w.do("ListSecrets", in{})
	w.do("ListSecretVersionIds", in{"SecretId": "s"})
	w.do("TagResource", in{"SecretId": "s", "Tags": []tag{{"a", "b"}}})
	w.do("UpdateSecretVersionStage", in{"SecretId": "s", "VersionStage": "x", "MoveToVersionId": v(1)})
	calls("what reads or writes no value")
	w.do("UpdateSecret", in{"SecretId": "s", "KmsKeyId": "alias/mine", "ClientRequestToken": v(9)})
	calls("another key", "GenerateDataKey alias/mine RequestToValidateKeyAccess", "Decrypt alias/mine RequestToValidateKeyAccess",
		"Decrypt  v2", "Encrypt alias/mine v2", "Decrypt  v1", "Encrypt alias/mine v1")
	w.do("GetSecretValue", in{"SecretId": "s"})
	calls("get with the new key", "Decrypt alias/mine v2")
	equal(t, "key", w.do("DescribeSecret", in{"SecretId": "s"})["KmsKeyId"], any("alias/mine"))
	w.do("UpdateSecret", in{"SecretId": "s", "SecretString": "S3", "KmsKeyId": "", "ClientRequestToken": v(3)})
	calls("a value and the managed key", "GenerateDataKey  v3", "Decrypt alias/mine v2", "Encrypt  v2")
	if d := w.do("DescribeSecret", in{"SecretId": "s"}); d["KmsKeyId"] != nil {
		t.Fatal("the AWS-managed key is shown")
	}
	w.do("CreateSecret", in{"Name": "managed", "KmsKeyId": "alias/aws/secretsmanager", "ClientRequestToken": v(1)})
	calls("an empty secret with the managed key")
	w.do("BatchGetSecretValue", in{"SecretIdList": []string{"s", "managed", "none"}})
	calls("batch", "Decrypt  v3")
}

func TestARefusalOfKMSBecomesSecretsManagersOwn(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	for _, c := range []struct{ kms, op, want string }{
		{"AccessDeniedException", "get", "AccessDeniedException"},
		{"AccessDeniedException", "put", "AccessDeniedException"},
		{"DisabledException", "get", "DecryptionFailure"},
		{"DisabledException", "put", "EncryptionFailure"},
		{"NotFoundException", "create", "EncryptionFailure"},
		{"KMSInvalidStateException", "get", "DecryptionFailure"},
	} {
		refusal := &service.Error{Code: c.kms, Message: "arn:aws:kms:eu-west-1:111111111111:key/k is not usable"}
		w.keys.refusals = map[string]*service.Error{"Decrypt": refusal, "GenerateDataKey": refusal}
		op, p := "GetSecretValue", in{"SecretId": "s"}
		switch c.op {
		case "put":
			op, p = "PutSecretValue", in{"SecretId": "s", "SecretString": "S2", "ClientRequestToken": v(2)}
		case "create":
			op, p = "CreateSecret", in{"Name": "t", "SecretString": "S2", "ClientRequestToken": v(2)}
		}
		text := ""
		if c.kms == "AccessDeniedException" {
			text = "Access to KMS is not allowed"
		}
		w.fails(op, p, c.want, text)
		_, err := w.svc.Serve(t.Context(), w.request(op, p))
		if text == "" && !strings.Contains(err.Message, refusal.Message) {
			t.Fatalf("the text does not name the problem: %s", err.Message)
		}
	}
	w.keys.refusals = nil
	equal(t, "what is left", []string{w.stages("s", true), strings.Join(w.names(in{}), " ")}, []string{"1:AWSCURRENT", "s"})
}

func TestVersionsThatMayNotBeReencryptedKeepTheirKey(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	w.keys.refusals["k2 Encrypt"] = &service.Error{Code: "AccessDeniedException"}
	w.do("UpdateSecret", in{"SecretId": "s", "KmsKeyId": "k2", "ClientRequestToken": v(9)})
	w.keys.taken()
	w.do("GetSecretValue", in{"SecretId": "s"})
	equal(t, "key of the old version", w.keys.taken(), []string{"Decrypt  v1"})
	w.keys.refusals["k3 GenerateDataKey"] = &service.Error{Code: "NotFoundException"}
	w.fails("UpdateSecret", in{"SecretId": "s", "KmsKeyId": "k3", "ClientRequestToken": v(9)}, "EncryptionFailure", "")
	equal(t, "key", w.do("DescribeSecret", in{"SecretId": "s"})["KmsKeyId"], any("k2"))
}

func TestWhatHappensWhileACallIsWithKMSIsRespected(t *testing.T) {
	put := in{"SecretId": "s", "SecretString": "S2", "ClientRequestToken": v(2)}
	create := in{"Name": "t", "SecretString": "T", "ClientRequestToken": v(1)}
	for _, c := range []struct {
		what   string
		op     string
		in     in
		during func(w *world)
		code   string
		labels string
	}{
		{"the same write", "PutSecretValue", put, func(w *world) { w.put("s", 2, "S2") }, "", "1:AWSPREVIOUS 2:AWSCURRENT"},
		{"another value under the token", "PutSecretValue", put, func(w *world) { w.put("s", 2, "other") }, "ResourceExistsException", "1:AWSPREVIOUS 2:AWSCURRENT"},
		{"another write", "PutSecretValue", put, func(w *world) { w.put("s", 3, "S3") }, "", "1: 3:AWSPREVIOUS 2:AWSCURRENT"},
		{"a deletion", "PutSecretValue", put, func(w *world) { w.do("DeleteSecret", in{"SecretId": "s"}) }, "InvalidRequestException", "1:AWSCURRENT"},
		{"an update during a deletion", "UpdateSecret", in{"SecretId": "s", "KmsKeyId": "k1", "ClientRequestToken": v(9)},
			func(w *world) { w.do("DeleteSecret", in{"SecretId": "s"}) }, "InvalidRequestException", "1:AWSCURRENT"},
		{"a read during a deletion", "GetSecretValue", in{"SecretId": "s"},
			func(w *world) { w.do("DeleteSecret", in{"SecretId": "s", "ForceDeleteWithoutRecovery": true}) }, "", "none"},
		{"the same creation", "CreateSecret", create, func(w *world) { w.do("CreateSecret", create) }, "", "1:AWSCURRENT"},
		{"another creation", "CreateSecret", create, func(w *world) { w.create("t", "other") }, "ResourceExistsException", "1:AWSCURRENT"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t)
			w.create("s", "S1")
			w.keys.during = func() { c.during(w) }
			if c.code == "" {
				w.do(c.op, c.in)
			} else {
				w.fails(c.op, c.in, c.code, "")
			}
			if c.labels == "none" {
				equal(t, "names", len(w.names(in{"IncludePlannedDeletion": true})), 0)
				return
			}
			equal(t, "labels", w.stages("s", true), c.labels)
		})
	}
}

func TestAReplicaDoesNotGoBackWhenKMSIsSlow(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "SecretString": "S1", "ClientRequestToken": v(1), "AddReplicaRegions": []in{{"Region": other}}})
	w.keys.during = func() {
		w.keys.during = func() { w.put("s", 3, "S3") } // in the replica's Region, for version 2
	}
	w.put("s", 2, "S2")
	here := w.stages("s", false)
	w.at(other, func() { equal(t, "labels at the replica", w.stages("s", false), here) })
	equal(t, "status", w.replicas(), "us-east-1:InSync")
}
