package secretsmanager

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

func TestWritingAgainWithTheSameTokenMovesNoLabel(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S1")
	w.put("s", 2, "S2")
	changed := w.do("DescribeSecret", in{"SecretId": "s"})["LastChangedDate"]
	w.now = w.now.Add(time.Hour)
	w.keys.taken()
	equal(t, "labels of a put", w.put("s", 1, "S1", "AWSCURRENT"), []string{"AWSPREVIOUS"})
	equal(t, "calls to KMS", w.keys.taken(), []string{"Decrypt  v1"})
	equal(t, "version of an update", w.do("UpdateSecret", in{"SecretId": "s", "SecretString": "S1", "ClientRequestToken": v(1)})["VersionId"], any(v(1)))
	equal(t, "version of a create", w.do("CreateSecret", in{"Name": "s", "SecretString": "S1", "ClientRequestToken": v(1)})["VersionId"], any(v(1)))
	equal(t, "labels", w.stages("s", true), "1:AWSPREVIOUS 2:AWSCURRENT")
	equal(t, "date of change", w.do("DescribeSecret", in{"SecretId": "s"})["LastChangedDate"], changed)
	w.put("s", 3, "S3")
	if got := w.put("s", 1, "S1"); got != nil {
		t.Fatalf("a deprecated version was written with labels %v", got)
	}
}

func TestATokenWithAnotherValueIsRefused(t *testing.T) {
	w := newWorld(t)
	arn := w.create("s", "S1")
	w.put("s", 2, "S2", "AWSPENDING")
	for n := 1; n <= 2; n++ {
		text := fmt.Sprintf("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", v(n), arn)
		w.fails("PutSecretValue", in{"SecretId": "s", "SecretString": "other", "ClientRequestToken": v(n)}, "ResourceExistsException", text)
		w.fails("PutSecretValue", in{"SecretId": "s", "SecretBinary": []byte("S1"), "ClientRequestToken": v(n)}, "ResourceExistsException", text)
		w.fails("UpdateSecret", in{"SecretId": "s", "SecretString": "other", "Description": "d", "ClientRequestToken": v(n)}, "ResourceExistsException", text)
		w.fails("CreateSecret", in{"Name": "s", "SecretString": "other", "ClientRequestToken": v(n)}, "ResourceExistsException", text)
	}
	d := w.do("DescribeSecret", in{"SecretId": "s"})
	if d["Description"] != nil {
		t.Fatal("a refused update changed the description")
	}
	equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s", "VersionStage": "AWSPENDING"})["SecretString"], any("S2"))
}

func TestParametersAreValidated(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	tags := func(n int) (all []tag) {
		for i := range n {
			all = append(all, tag{fmt.Sprint("k", i), "v"})
		}
		return all
	}
	w := newWorld(t)
	w.create("s", "S1")
	for _, c := range []struct {
		what, op string
		in       in
		code     string
	}{
		{"no name", "CreateSecret", in{"ClientRequestToken": v(1)}, "ValidationException"},
		{"a long name", "CreateSecret", in{"Name": long(513), "ClientRequestToken": v(1)}, "ValidationException"},
		{"a large value", "CreateSecret", in{"Name": "n", "SecretString": long(65537), "ClientRequestToken": v(1)}, "ValidationException"},
		{"a large value in few characters", "CreateSecret", in{"Name": "n", "SecretString": strings.Repeat("ü", 32769), "ClientRequestToken": v(1)}, "ValidationException"},
		{"a large binary value", "CreateSecret", in{"Name": "n", "SecretBinary": []byte(long(65537)), "ClientRequestToken": v(1)}, "ValidationException"},
		{"an empty value", "CreateSecret", in{"Name": "n", "SecretString": "", "ClientRequestToken": v(1)}, "ValidationException"},
		{"both values", "CreateSecret", in{"Name": "n", "SecretString": "a", "SecretBinary": []byte("a"), "ClientRequestToken": v(1)}, "InvalidParameterException"},
		{"a long description", "CreateSecret", in{"Name": "n", "Description": long(2049), "ClientRequestToken": v(1)}, "ValidationException"},
		{"51 tags", "CreateSecret", in{"Name": "n", "Tags": tags(51), "ClientRequestToken": v(1)}, "InvalidParameterException"},
		{"a reserved tag", "CreateSecret", in{"Name": "n", "Tags": []tag{{"aws:x", ""}}, "ClientRequestToken": v(1)}, "InvalidParameterException"},
		{"a tag twice", "CreateSecret", in{"Name": "n", "Tags": []tag{{"a", "1"}, {"a", "2"}}, "ClientRequestToken": v(1)}, "InvalidParameterException"},
		{"a tag without a key", "CreateSecret", in{"Name": "n", "Tags": []tag{{"", "1"}}, "ClientRequestToken": v(1)}, "ValidationException"},
		{"a long tag key", "TagResource", in{"SecretId": "s", "Tags": []tag{{long(129), "1"}}}, "ValidationException"},
		{"a long tag value", "TagResource", in{"SecretId": "s", "Tags": []tag{{"a", long(257)}}}, "ValidationException"},
		{"a reserved tag later", "TagResource", in{"SecretId": "s", "Tags": []tag{{"AWS:x", ""}}}, "InvalidParameterException"},
		{"too many tags later", "TagResource", in{"SecretId": "s", "Tags": tags(51)}, "InvalidParameterException"},
		{"no tags", "TagResource", in{"SecretId": "s"}, "ValidationException"},
		{"no id", "GetSecretValue", in{}, "ValidationException"},
		{"a long id", "GetSecretValue", in{"SecretId": long(2049)}, "ValidationException"},
		{"a short version id", "GetSecretValue", in{"SecretId": "s", "VersionId": "1"}, "ValidationException"},
		{"a long label", "GetSecretValue", in{"SecretId": "s", "VersionStage": long(257)}, "ValidationException"},
		{"no value", "PutSecretValue", in{"SecretId": "s", "ClientRequestToken": v(2)}, "InvalidRequestException"},
		{"both values later", "PutSecretValue", in{"SecretId": "s", "SecretString": "a", "SecretBinary": []byte("a"), "ClientRequestToken": v(2)}, "InvalidParameterException"},
		{"no labels", "PutSecretValue", in{"SecretId": "s", "SecretString": "a", "VersionStages": []string{}, "ClientRequestToken": v(2)}, "ValidationException"},
		{"an empty label", "PutSecretValue", in{"SecretId": "s", "SecretString": "a", "VersionStages": []string{""}, "ClientRequestToken": v(2)}, "ValidationException"},
		{"21 labels", "PutSecretValue", in{"SecretId": "s", "SecretString": "a", "VersionStages": strings.Split(long(21), ""), "ClientRequestToken": v(2)}, "ValidationException"},
		{"no label", "UpdateSecretVersionStage", in{"SecretId": "s", "MoveToVersionId": v(1)}, "ValidationException"},
		{"a short window", "DeleteSecret", in{"SecretId": "s", "RecoveryWindowInDays": 6}, "InvalidParameterException"},
		{"a long window", "DeleteSecret", in{"SecretId": "s", "RecoveryWindowInDays": 31}, "InvalidParameterException"},
		{"force and a window", "DeleteSecret", in{"SecretId": "s", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true}, "InvalidParameterException"},
		{"a large policy", "PutResourcePolicy", in{"SecretId": "s", "ResourcePolicy": long(20481)}, "ValidationException"},
		{"a wrong type", "GetSecretValue", in{"SecretId": 1}, "SerializationException"},
	} {
		t.Run(c.what, func(t *testing.T) {
			w.T = t
			w.fails(c.op, c.in, c.code, "")
		})
	}
	w.T = t
	equal(t, "names", w.names(in{}), []string{"s"})
	w.do("CreateSecret", in{"Name": long(512), "SecretString": long(65536), "Description": long(2048), "Tags": tags(50), "ClientRequestToken": v(1)})
}

func TestNoErrorShowsAValue(t *testing.T) {
	const canary = "CANARY-7f3a"
	w := newWorld(t)
	w.create("s", canary+"1")
	w.keys.refusals["Decrypt"] = &service.Error{Code: "DisabledException", Message: "arn is disabled"}
	for _, r := range []*service.Request{
		w.request("CreateSecret", in{"Name": "t", "SecretString": canary + strings.Repeat("x", 65536), "ClientRequestToken": v(1)}),
		w.request("PutSecretValue", in{"SecretId": "s", "SecretString": canary, "ClientRequestToken": v(1)}),
		w.request("PutSecretValue", in{"SecretId": "s", "SecretString": canary, "SecretBinary": []byte(canary), "ClientRequestToken": v(1)}),
		w.request("PutSecretValue", `{"SecretString":["`+canary+`"]}`),
		w.request("PutSecretValue", `{"SecretBinary":"`+canary+`"}`),
		w.request("PutSecretValue", canary),
	} {
		_, err := w.svc.Serve(t.Context(), r)
		if err == nil {
			t.Fatal("it succeeded")
		}
		if strings.Contains(err.Error(), canary) {
			t.Fatalf("%s shows the value: %v", r.Operation, err)
		}
	}
}

func TestOldVersionsMakeRoomOnlyAfterADay(t *testing.T) {
	w := newWorld(t)
	w.create("s", "S")
	w.put("s", 2, "S", "keep")
	for n := 3; n <= 100; n++ {
		w.put("s", n, "S")
	}
	over := in{"SecretId": "s", "SecretString": "S", "ClientRequestToken": v(101)}
	w.fails("PutSecretValue", over, "LimitExceededException", "")
	w.now = w.now.Add(24 * time.Hour)
	w.fails("PutSecretValue", over, "LimitExceededException", "")
	w.now = w.now.Add(time.Second)
	w.do("PutSecretValue", over)
	all := w.stages("s", true)
	if strings.HasPrefix(all, "1:") || !strings.HasPrefix(all, "2:keep 3: ") {
		t.Fatalf("versions after pruning begin with %.40s", all)
	}
	entries := w.do("ListSecretVersionIds", in{"SecretId": "s", "IncludeDeprecated": true, "MaxResults": 60})
	rest := w.do("ListSecretVersionIds", in{"SecretId": "s", "IncludeDeprecated": true, "NextToken": entries["NextToken"]})
	equal(t, "pages", []int{len(entries["Versions"].([]any)), len(rest["Versions"].([]any))}, []int{60, 40})
	if rest["NextToken"] != nil {
		t.Fatal("the last page has a token")
	}
	w.fails("ListSecretVersionIds", in{"SecretId": "s", "NextToken": "no"}, "InvalidNextTokenException", "")
}

func TestASecretThatAnotherServiceManagesIsNotChanged(t *testing.T) {
	w := newWorld(t)
	if err := w.svc.Seed(account, region, w.now, Secret{Name: "rds!db", Value: "x", VersionID: v(1), OwningService: "rds", RotationEnabled: true}); err != nil {
		t.Fatal(err)
	}
	d := w.do("DescribeSecret", in{"SecretId": "rds!db"})
	equal(t, "owner and rotation", []any{d["OwningService"], d["RotationEnabled"]}, []any{"rds", true})
	w.fails("PutSecretValue", in{"SecretId": "rds!db", "SecretString": "y", "ClientRequestToken": v(2)}, "InvalidRequestException", "")
	w.fails("DeleteSecret", in{"SecretId": "rds!db"}, "InvalidRequestException", "")
}

func TestPasswords(t *testing.T) {
	w := newWorld(t)
	password := func(p in) string { return w.do("GetRandomPassword", p)["RandomPassword"].(string) }
	equal(t, "length", len(password(in{})), 32)
	if a, b := password(in{}), password(in{}); a == b {
		t.Fatal("the same password twice")
	}
	for range 50 {
		got := password(in{"PasswordLength": 4, "ExcludeCharacters": "0123456789"})
		if strings.ContainsAny(got, "0123456789") || !strings.ContainsAny(got, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") {
			t.Fatalf("a password of the wrong characters")
		}
	}
	w.fails("GetRandomPassword", in{"PasswordLength": 3}, "InvalidParameterException", "Password length is too short based on the required types.")
	w.fails("GetRandomPassword", in{"PasswordLength": 4097}, "ValidationException", "")
}
