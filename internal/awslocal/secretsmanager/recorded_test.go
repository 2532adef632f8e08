package secretsmanager

import (
	"strings"
	"testing"
)

// The calls here were played against AWS itself; their answers are what AWS answered, in shape and in words.

func TestNamesAsAWSAcceptsThemAndThePartialARNThatItCannotFind(t *testing.T) {
	for name, partial := range map[string]bool{
		"s-c64bdc03":                   true,
		"Valid/_+=.@-Name":             true,
		"Valid/_+=.@-Name-a1b2":        true,
		"Valid/_+=.@-Name-a1b2c3-":     true,
		"Invalid/_+=.@-Name-a1b2c3":    false,
		"with!exclamation-mark/Abcdef": true,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			arn := "arn:aws:secretsmanager:eu-west-1:111111111111:secret:" + name
			w.shape("create", w.do("CreateSecret", in{"Name": name, "SecretString": "my_secret", "Description": "Testing secret creation.", "ClientRequestToken": v(1)}),
				`{"ARN":"`+arn+`-??????","Name":"`+name+`","VersionId":"v1"}`)
			value := `{"ARN":"` + arn + `-??????","CreatedDate":"date","Name":"` + name + `","SecretString":"my_secret","VersionId":"v1","VersionStages":["AWSCURRENT"]}`
			w.shape("get by name", w.do("GetSecretValue", in{"SecretId": name}), value)
			d := w.do("DescribeSecret", in{"SecretId": name})
			w.shape("describe", d, `{"ARN":"`+arn+`-??????","CreatedDate":"date","Description":"Testing secret creation.","LastAccessedDate":"date",
				"LastChangedDate":"date","Name":"`+name+`","VersionIdsToStages":{"v1":["AWSCURRENT"]}}`)
			w.shape("get by ARN", w.do("GetSecretValue", in{"SecretId": d["ARN"]}), value)
			if partial {
				w.shape("get by partial ARN", w.do("GetSecretValue", in{"SecretId": arn}), value)
			} else {
				w.fails("GetSecretValue", in{"SecretId": arn}, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
			}
			w.shape("put", w.do("PutSecretValue", in{"SecretId": name, "SecretString": "new_secret", "ClientRequestToken": v(2)}),
				`{"ARN":"`+arn+`-??????","Name":"`+name+`","VersionId":"v2","VersionStages":["AWSCURRENT"]}`)
			w.shape("update", w.do("UpdateSecret", in{"SecretId": name, "SecretString": "x", "KmsKeyId": "test123", "Description": "d", "ClientRequestToken": v(3)}),
				`{"ARN":"`+arn+`-??????","Name":"`+name+`","VersionId":"v3"}`)
			w.shape("delete", w.do("DeleteSecret", in{"SecretId": name}), `{"ARN":"`+arn+`-??????","DeletionDate":"date","Name":"`+name+`"}`)
		})
	}
}

func TestInvalidNamesAreRefusedByEveryOperation(t *testing.T) {
	for _, name := range []string{"Inv Name", " Inv Name", "Inv*Name", " Inv *?!]Name\\-", "", "Ünv", "arn:aws:s3:::x"} {
		w := newWorld(t)
		for _, c := range []struct {
			op string
			in in
		}{
			{"CreateSecret", in{"Name": name, "SecretString": "x", "ClientRequestToken": v(1)}},
			{"DeleteSecret", in{"SecretId": name}},
			{"DescribeSecret", in{"SecretId": name}},
			{"GetSecretValue", in{"SecretId": name}},
			{"ListSecretVersionIds", in{"SecretId": name}},
			{"PutSecretValue", in{"SecretId": name, "SecretString": "x", "ClientRequestToken": v(1)}},
			{"TagResource", in{"SecretId": name, "Tags": []tag{}}},
			{"UntagResource", in{"SecretId": name, "TagKeys": []string{}}},
			{"UpdateSecret", in{"SecretId": name, "Description": "d", "ClientRequestToken": v(1)}},
			{"ValidateResourcePolicy", in{"SecretId": name, "ResourcePolicy": "{}"}},
		} {
			text := "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
			if name == "" && c.op != "CreateSecret" {
				text = ""
			}
			w.fails(c.op, c.in, "ValidationException", text)
		}
	}
}

func TestUpdatingDescriptionAndValue(t *testing.T) {
	w := newWorld(t)
	w.create("s", "a")
	describe := func(want string) {
		t.Helper()
		w.shape("describe", w.do("DescribeSecret", in{"SecretId": "s"}),
			`{"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","CreatedDate":"date","LastChangedDate":"date","Name":"s",`+want+`}`)
	}
	update := func(p in, version string) {
		t.Helper()
		p["SecretId"] = "s"
		w.shape("update", w.do("UpdateSecret", p), `{"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","Name":"s"`+version+`}`)
	}
	describe(`"VersionIdsToStages":{"v1":["AWSCURRENT"]}`)
	update(in{"Description": "MyDescription", "ClientRequestToken": v(7)}, "")
	describe(`"Description":"MyDescription","VersionIdsToStages":{"v1":["AWSCURRENT"]}`)
	update(in{"Description": "MyNewDescription", "SecretString": "b", "ClientRequestToken": v(2)}, `,"VersionId":"v2"`)
	describe(`"Description":"MyNewDescription","VersionIdsToStages":{"v2":["AWSCURRENT"],"v1":["AWSPREVIOUS"]}`)
	update(in{"SecretString": "c", "ClientRequestToken": v(3)}, `,"VersionId":"v3"`)
	describe(`"Description":"MyNewDescription","VersionIdsToStages":{"v2":["AWSPREVIOUS"],"v3":["AWSCURRENT"]}`)
	update(in{"KmsKeyId": "", "ClientRequestToken": v(8)}, "")
	describe(`"Description":"MyNewDescription","VersionIdsToStages":{"v2":["AWSPREVIOUS"],"v3":["AWSCURRENT"]}`)
	update(in{"Description": "", "ClientRequestToken": v(8)}, "")
	describe(`"VersionIdsToStages":{"v2":["AWSPREVIOUS"],"v3":["AWSCURRENT"]}`)
}

func TestListingSecrets(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "SecretString": "x", "Description": "testing creation of secrets", "ClientRequestToken": v(1)})
	for range 3 {
		w.shape("list", w.do("ListSecrets", in{}), `{"SecretList":[{"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","CreatedDate":"date",
			"Description":"testing creation of secrets","LastChangedDate":"date","Name":"s","SecretVersionsToStages":{"v1":["AWSCURRENT"]}}]}`)
	}
}

func TestListingVersions(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	w.shape("versions", w.do("ListSecretVersionIds", in{"SecretId": "s"}), `{"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","Name":"s",
		"Versions":[{"CreatedDate":"date","KmsKeyIds":["DefaultEncryptionKey"],"VersionId":"v1","VersionStages":["AWSCURRENT"]}]}`)
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	w := newWorld(t)
	text := "Secrets Manager can't find the specified secret."
	w.fails("GetSecretValue", in{"SecretId": "s"}, "ResourceNotFoundException", text)
	w.fails("ListSecretVersionIds", in{"SecretId": "s"}, "ResourceNotFoundException", text)

	w.do("CreateSecret", in{"Name": "s", "ClientRequestToken": v(9)})
	value := "Secrets Manager can't find the specified secret value for "
	w.fails("GetSecretValue", in{"SecretId": "s"}, "ResourceNotFoundException", value+"staging label: AWSCURRENT")
	w.put("s", 1, "S1")
	w.fails("GetSecretValue", in{"SecretId": "s", "VersionId": v(5)}, "ResourceNotFoundException", value+"VersionId: "+v(5))
	w.fails("GetSecretValue", in{"SecretId": "s", "VersionStage": "AWSPENDING"}, "ResourceNotFoundException", value+"staging label: AWSPENDING")
	w.fails("GetSecretValue", in{"SecretId": "s", "VersionStage": "AWSPREVIOUS"}, "ResourceNotFoundException", value+"staging label: AWSPREVIOUS")
	w.put("s", 2, "S2")
	w.fails("GetSecretValue", in{"SecretId": "s", "VersionId": v(1), "VersionStage": "AWSCURRENT"}, "InvalidRequestException",
		"You provided a VersionStage that is not associated to the provided VersionId.")
}

func TestATakenNameIsRefused(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	w.fails("CreateSecret", in{"Name": "s", "SecretString": "x", "ClientRequestToken": v(2)}, "ResourceExistsException", "The operation failed because the secret s already exists.")
}

func TestACallThatWritesNeedsAToken(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "SecretString": "x", "ClientRequestToken": v(1)})
	text := "You must provide a ClientRequestToken value. We recommend a UUID-type value."
	w.fails("CreateSecret", in{"Name": "t", "SecretString": "x"}, "InvalidRequestException", text)
	w.fails("UpdateSecret", in{"SecretId": "s", "SecretString": "x"}, "InvalidRequestException", text)
	w.fails("PutSecretValue", in{"SecretId": "s", "SecretString": "x"}, "InvalidRequestException", text)
	w.fails("RotateSecret", in{"SecretId": "s"}, "InvalidParameterException", text)
	w.fails("PutSecretValue", in{"SecretId": "s", "SecretString": "x", "ClientRequestToken": "short"}, "ValidationException", "")
	w.fails("PutSecretValue", in{"SecretId": "s", "SecretString": "x", "ClientRequestToken": strings.Repeat("x", 65)}, "ValidationException", "")
	w.do("PutSecretValue", in{"SecretId": "s", "SecretString": "x", "ClientRequestToken": "terraform-20250627043834191900000095"})
}

func TestAnEmptySecret(t *testing.T) {
	w := newWorld(t)
	arn := `"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","Name":"s"`
	w.shape("create", w.do("CreateSecret", in{"Name": "s", "ClientRequestToken": v(9)}), `{`+arn+`}`)
	w.shape("describe", w.do("DescribeSecret", in{"SecretId": "s"}), `{`+arn+`,"CreatedDate":"date","LastChangedDate":"date"}`)
	w.shape("put", w.do("PutSecretValue", in{"SecretId": "s", "SecretString": "x", "ClientRequestToken": v(1)}), `{`+arn+`,"VersionId":"v1","VersionStages":["AWSCURRENT"]}`)
}

func TestBinaryValues(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "SecretBinary": []byte("initial"), "ClientRequestToken": v(1)})
	arn := `"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","Name":"s","CreatedDate":"date"`
	w.shape("get", w.do("GetSecretValue", in{"SecretId": "s"}), `{`+arn+`,"SecretBinary":"aW5pdGlhbA==","VersionId":"v1","VersionStages":["AWSCURRENT"]}`)
	w.do("PutSecretValue", in{"SecretId": "s", "SecretBinary": []byte("\x00\x01\x02\xff"), "ClientRequestToken": v(2)})
	w.shape("get", w.do("GetSecretValue", in{"SecretId": "s"}), `{`+arn+`,"SecretBinary":"AAEC/w==","VersionId":"v2","VersionStages":["AWSCURRENT"]}`)
	w.do("UpdateSecret", in{"SecretId": "s", "SecretBinary": []byte("\xfe\xfd"), "ClientRequestToken": v(3)})
	w.shape("get", w.do("GetSecretValue", in{"SecretId": "s"}), `{`+arn+`,"SecretBinary":"/v0=","VersionId":"v3","VersionStages":["AWSCURRENT"]}`)
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	w.do("CreateSecret", in{"Name": "s", "ClientRequestToken": v(9)})
	describe := func(tags string) {
		t.Helper()
		w.shape("describe", w.do("DescribeSecret", in{"SecretId": "s"}),
			`{"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","CreatedDate":"date","LastChangedDate":"date","Name":"s"`+tags+`}`)
	}
	set := func(tags ...tag) {
		t.Helper()
		w.shape("tag", w.do("TagResource", in{"SecretId": "s", "Tags": tags}), `{}`)
	}
	unset := func(keys ...string) {
		t.Helper()
		w.shape("untag", w.do("UntagResource", in{"SecretId": "s", "TagKeys": keys}), `{}`)
	}
	describe("")
	set(tag{"tag1", "value1"})
	describe(`,"Tags":[{"Key":"tag1","Value":"value1"}]`)
	set(tag{"tag2", "value2"})
	describe(`,"Tags":[{"Key":"tag1","Value":"value1"},{"Key":"tag2","Value":"value2"}]`)
	unset("tag1")
	describe(`,"Tags":[{"Key":"tag2","Value":"value2"}]`)
	unset("tag2")
	describe(`,"Tags":[]`)
	set(tag{"tag3", "value3"}, tag{"tag4", "value4"})
	describe(`,"Tags":[{"Key":"tag3","Value":"value3"},{"Key":"tag4","Value":"value4"}]`)
	unset("tag3", "tag4")
	describe(`,"Tags":[]`)
	set(tag{"tag3", "a"})
	set(tag{"tag3", "b"})
	describe(`,"Tags":[{"Key":"tag3","Value":"b"}]`)
}

func TestADeletedSecretIsMarkedAndRestored(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	arn := `"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","Name":"s"`
	w.shape("delete", w.do("DeleteSecret", in{"SecretId": "s"}), `{`+arn+`,"DeletionDate":"date"}`)
	w.shape("describe", w.do("DescribeSecret", in{"SecretId": "s"}), `{`+arn+`,"CreatedDate":"date","DeletedDate":"date","LastChangedDate":"date","VersionIdsToStages":{"v1":["AWSCURRENT"]}}`)
	marked := "You can't perform this operation on the secret because it was marked for deletion."
	token := v(5)
	for op, p := range map[string]in{
		"TagResource":              {"Tags": []tag{{"a", "b"}}},
		"UntagResource":            {"TagKeys": []string{"a"}},
		"GetSecretValue":           {},
		"PutSecretValue":           {"SecretString": "y", "ClientRequestToken": token},
		"UpdateSecret":             {"SecretString": "y", "ClientRequestToken": token},
		"UpdateSecretVersionStage": {"VersionStage": "a", "MoveToVersionId": v(1)},
		"GetResourcePolicy":        {},
		"PutResourcePolicy":        {"ResourcePolicy": "{}"},
		"DeleteResourcePolicy":     {},
		"RotateSecret":             {"ClientRequestToken": token},
		"CancelRotateSecret":       {},
		"ReplicateSecretToRegions": {"AddReplicaRegions": []in{{"Region": "eu-west-2"}}},
	} {
		p["SecretId"] = "s"
		w.fails(op, p, "InvalidRequestException", marked)
	}
	w.fails("CreateSecret", in{"Name": "s", "SecretString": "x", "ClientRequestToken": v(1)}, "InvalidRequestException",
		"You can't create this secret because a secret with this name is already scheduled for deletion.")
	w.fails("DeleteSecret", in{"SecretId": "s"}, "InvalidRequestException", "")
	w.do("ListSecretVersionIds", in{"SecretId": "s"})
	w.shape("restore", w.do("RestoreSecret", in{"SecretId": "s"}), `{`+arn+`}`)
	equal(t, "value", w.do("GetSecretValue", in{"SecretId": "s"})["SecretString"], any("x"))
	w.do("DeleteSecret", in{"SecretId": "s"})
	w.shape("force on a marked one", w.do("DeleteSecret", in{"SecretId": "s", "ForceDeleteWithoutRecovery": true}), `{`+arn+`,"DeletionDate":"date"}`)
	w.fails("DescribeSecret", in{"SecretId": "s"}, "ResourceNotFoundException", "")
}

func TestANameIsFreeAgainAfterForcedDeletionAndGetsAnotherARN(t *testing.T) {
	w := newWorld(t)
	first := w.create("s", "x")
	w.do("DeleteSecret", in{"SecretId": "s", "ForceDeleteWithoutRecovery": true})
	second := w.create("s", "x")
	if first == second {
		t.Fatalf("the same ARN twice: %s", first)
	}
	w.fails("GetSecretValue", in{"SecretId": first}, "ResourceNotFoundException", "")
	w.do("GetSecretValue", in{"SecretId": second})
}

func TestAResourcePolicyIsKeptAsItWasGiven(t *testing.T) {
	w := newWorld(t)
	arn := w.create("s", "x")
	policy := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}`
	who := `"ARN":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:s-??????","Name":"s"`
	w.shape("put", w.do("PutResourcePolicy", in{"SecretId": "s", "ResourcePolicy": policy}), `{`+who+`}`)
	got := w.do("GetResourcePolicy", in{"SecretId": "s"})
	equal(t, "policy", got["ResourcePolicy"], any(policy))
	if text, ok := w.svc.ResourcePolicy(arn); !ok || text != policy {
		t.Fatalf("ResourcePolicy: %q, %v", text, ok)
	}
	w.fails("PutResourcePolicy", in{"SecretId": "s", "ResourcePolicy": policy, "BlockPublicPolicy": true}, "PublicPolicyException", "")
	for _, bad := range []string{"not json", "{}", `{"Statement":[{"Effect":"Allow"}]}`, `{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"*","Resource":"*"}]}`, `{"Statement":[],"Extra":1}`} {
		w.fails("PutResourcePolicy", in{"SecretId": "s", "ResourcePolicy": bad}, "MalformedPolicyDocumentException", "")
		w.fails("ValidateResourcePolicy", in{"ResourcePolicy": bad}, "MalformedPolicyDocumentException", "")
	}
	w.shape("validate", w.do("ValidateResourcePolicy", in{"SecretId": "s", "ResourcePolicy": `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"*","Resource":"*"}}`}),
		`{"PolicyValidationPassed":true,"ValidationErrors":[]}`)
	equal(t, "public", w.do("ValidateResourcePolicy", in{"ResourcePolicy": policy})["PolicyValidationPassed"], any(false))
	w.shape("delete", w.do("DeleteResourcePolicy", in{"SecretId": "s"}), `{`+who+`}`)
	w.shape("get none", w.do("GetResourcePolicy", in{"SecretId": "s"}), `{`+who+`}`)
}

func TestRotationWithoutALambdaIsRefusedAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.create("s", "x")
	before := w.do("DescribeSecret", in{"SecretId": "s"})
	w.fails("RotateSecret", in{"SecretId": "s", "ClientRequestToken": v(2)}, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	w.fails("RotateSecret", in{"SecretId": "s", "ClientRequestToken": v(2), "RotationLambdaARN": "arn:aws:lambda:eu-west-1:111111111111:function:none"}, "AccessDeniedException",
		"Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
	equal(t, "secret", w.do("DescribeSecret", in{"SecretId": "s"}), before)
	w.fails("CancelRotateSecret", in{"SecretId": "s"}, "InvalidRequestException", "")
}

func TestAnUnknownOperationIsRefused(t *testing.T) {
	newWorld(t).fails("Frobnicate", in{}, "UnknownOperationException", "")
}
