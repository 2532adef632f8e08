package policy

import (
	"strings"
	"testing"
)

func identity(t *testing.T, doc string) []Document {
	t.Helper()
	d, err := ParseIdentity([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return []Document{d}
}

func TestARoleMayDoWhatItsPolicyNamesAndNothingElse(t *testing.T) {
	docs := identity(t, `{"Version": "2012-10-17", "Statement": [
	  {"Effect": "Allow", "Resource": "*", "Action": [
	    "secretsmanager:CreateSecret", "secretsmanager:UpdateSecret", "secretsmanager:PutSecretValue",
	    "secretsmanager:DescribeSecret", "secretsmanager:TagResource"]}]}`)
	const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf"
	for action, want := range map[string]Decision{
		"secretsmanager:CreateSecret":   Allowed,
		"secretsmanager:createsecret":   Allowed,
		"secretsmanager:DescribeSecret": Allowed,
		"secretsmanager:TagResource":    Allowed,
		"secretsmanager:GetSecretValue": ImplicitDeny,
		"secretsmanager:ListSecrets":    ImplicitDeny,
		"secretsmanager:DeleteSecret":   ImplicitDeny,
		"kms:Decrypt":                   ImplicitDeny,
	} {
		if got := Evaluate(docs, Request{Action: action, Resource: arn}); got != want {
			t.Errorf("%s: decision %d, want %d", action, got, want)
		}
	}
}

func TestADenyWithNotResourceDeniesEverythingElse(t *testing.T) {
	docs := identity(t, `{"Version": "2012-10-17", "Statement": [
	  {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"},
	  {"Effect": "Allow", "Action": ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource"],
	   "Resource": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hybrid-aws-secrets/*"},
	  {"Effect": "Allow", "Action": "secretsmanager:CreateSecret", "Resource": "*"},
	  {"Effect": "Deny", "Action": ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue", "secretsmanager:TagResource"],
	   "NotResource": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hybrid-aws-secrets/*"},
	  {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:us-east-1:111122223333:secret:hybrid-aws-secrets/vault-connection-secret-??????"},
	  {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:us-east-1:111122223333:failed"},
	  {"Effect": "Deny", "Action": "sns:*", "NotResource": "arn:aws:sns:us-east-1:111122223333:failed"},
	  {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "arn:aws:kms:us-east-1:111122223333:key/k"},
	  {"Effect": "Deny", "Action": "kms:*", "NotResource": "arn:aws:kms:us-east-1:111122223333:key/k"}]}`)
	const secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:"
	for _, c := range []struct {
		action, resource string
		want             Decision
	}{
		{"secretsmanager:CreateSecret", secret + "hybrid-aws-secrets/a-AbCdEf", Allowed},
		{"secretsmanager:CreateSecret", secret + "other/a-AbCdEf", ExplicitDeny},
		{"secretsmanager:PutSecretValue", secret + "HYBRID-aws-secrets/a-AbCdEf", ExplicitDeny},
		{"secretsmanager:ListSecrets", "*", Allowed},
		{"secretsmanager:GetSecretValue", secret + "hybrid-aws-secrets/vault-connection-secret-AbCdEf", Allowed},
		{"secretsmanager:GetSecretValue", secret + "hybrid-aws-secrets/vault-connection-secret-AbCdEfG", ImplicitDeny},
		{"secretsmanager:GetSecretValue", secret + "hybrid-aws-secrets/other-AbCdEf", ImplicitDeny},
		{"sns:Publish", "arn:aws:sns:us-east-1:111122223333:failed", Allowed},
		{"sns:Publish", "arn:aws:sns:us-east-1:111122223333:other", ExplicitDeny},
		{"kms:Decrypt", "arn:aws:kms:us-east-1:111122223333:key/k", Allowed},
		{"kms:Encrypt", "arn:aws:kms:us-east-1:111122223333:key/k", ImplicitDeny},
		{"kms:ListKeys", "*", ExplicitDeny},
	} {
		if got := Evaluate(docs, Request{Action: c.action, Resource: c.resource}); got != c.want {
			t.Errorf("%s on %s: decision %d, want %d", c.action, c.resource, got, c.want)
		}
	}
}

func TestConditionsHoldAsIAMDefinesThem(t *testing.T) {
	some := map[string][]string{
		"aws:RequestTag/team": {"blue"},
		"aws:TagKeys":         {"team", "env"},
		"days":                {"7"},
		"flag":                {"true"},
		"arn":                 {"arn:aws:iam::111122223333:role/app"},
		"when":                {"2026-01-02T03:04:05Z"},
		"from":                {"10.1.2.3"},
	}
	for condition, want := range map[string]bool{
		`{"StringEquals": {"aws:RequestTag/team": "blue"}}`:                            true,
		`{"StringEquals": {"AWS:requesttag/Team": "blue"}}`:                            true,
		`{"StringEquals": {"aws:RequestTag/team": ["red", "blue"]}}`:                   true,
		`{"StringEquals": {"aws:RequestTag/team": "Blue"}}`:                            false,
		`{"StringEquals": {"aws:RequestTag/team": "bl*"}}`:                             false,
		`{"StringEqualsIgnoreCase": {"aws:RequestTag/team": "Blue"}}`:                  true,
		`{"StringLike": {"aws:RequestTag/team": "bl*"}}`:                               true,
		`{"StringNotLike": {"aws:RequestTag/team": "bl*"}}`:                            false,
		`{"StringNotEquals": {"aws:RequestTag/team": ["red", "blue"]}}`:                false,
		`{"StringNotEquals": {"aws:RequestTag/team": ["red", "green"]}}`:               true,
		`{"StringNotEquals": {"missing": "x"}}`:                                        true,
		`{"StringEquals": {"missing": "x"}}`:                                           false,
		`{"StringEqualsIfExists": {"missing": "x"}}`:                                   true,
		`{"StringEqualsIfExists": {"aws:RequestTag/team": "x"}}`:                       false,
		`{"Null": {"missing": "true"}}`:                                                true,
		`{"Null": {"missing": "false"}}`:                                               false,
		`{"Null": {"days": "false"}}`:                                                  true,
		`{"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "env", "x"]}}`:         true,
		`{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}`:                     false,
		`{"ForAllValues:StringEquals": {"missing": ["team"]}}`:                         true,
		`{"ForAnyValue:StringEquals": {"aws:TagKeys": ["env"]}}`:                       true,
		`{"ForAnyValue:StringLike": {"aws:TagKeys": ["x*"]}}`:                          false,
		`{"ForAnyValue:StringEquals": {"missing": ["x"]}}`:                             false,
		`{"NumericLessThanEquals": {"days": "7"}}`:                                     true,
		`{"NumericLessThan": {"days": 7}}`:                                             false,
		`{"NumericGreaterThan": {"days": "6.5"}}`:                                      true,
		`{"NumericNotEquals": {"days": "7"}}`:                                          false,
		`{"Bool": {"flag": true}}`:                                                     true,
		`{"Bool": {"flag": "false"}}`:                                                  false,
		`{"ArnLike": {"arn": "arn:aws:iam::*:role/a*"}}`:                               true,
		`{"ArnEquals": {"arn": "arn:aws:iam::111122223333:role/*"}}`:                   true,
		`{"ArnLike": {"arn": "arn:*:role/app"}}`:                                       false,
		`{"ArnNotLike": {"arn": "arn:aws:iam::*:role/a*"}}`:                            false,
		`{"DateGreaterThan": {"when": "2026-01-01T00:00:00Z"}}`:                        true,
		`{"DateLessThan": {"when": "2026-01-01T00:00:00Z"}}`:                           false,
		`{"IpAddress": {"from": "10.0.0.0/8"}}`:                                        true,
		`{"NotIpAddress": {"from": ["10.0.0.0/8"]}}`:                                   false,
		`{"StringEquals": {"aws:RequestTag/team": "blue"}, "Bool": {"flag": "false"}}`: false,
		`{"StringEquals": {"arn": "arn:aws:iam::111122223333:role/${aws:username}"}}`:  false,
		`{"StringLike": {"aws:RequestTag/team": "bl${*}"}}`:                            false,
		`{"StringLike": {"aws:RequestTag/team": "${aws:RequestTag/team}"}}`:            true,
	} {
		docs := identity(t, `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": `+condition+`}}`)
		if got := Evaluate(docs, Request{Action: "a:B", Resource: "*", Context: some}) == Allowed; got != want {
			t.Errorf("%s: holds is %v, want %v", condition, got, want)
		}
	}
}

func TestAPolicyVariableStandsForTheCallersOwnValue(t *testing.T) {
	docs := identity(t, `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s:*", "Resource": "arn:aws:s:::${aws:username}/*"}}`)
	for _, c := range []struct {
		user, resource string
		want           Decision
	}{
		{"ann", "arn:aws:s:::ann/x", Allowed},
		{"ann", "arn:aws:s:::bob/x", ImplicitDeny},
		{"*", "arn:aws:s:::bob/x", ImplicitDeny},
	} {
		r := Request{Action: "s:Get", Resource: c.resource, Context: map[string][]string{"aws:username": {c.user}}}
		if got := Evaluate(docs, r); got != c.want {
			t.Errorf("%s on %s: decision %d, want %d", c.user, c.resource, got, c.want)
		}
	}
	if got := Evaluate(docs, Request{Action: "s:Get", Resource: "arn:aws:s:::/x"}); got != ImplicitDeny {
		t.Errorf("without the key: decision %d, want an implicit deny", got)
	}
}

func TestATrustPolicyMatchesAccountsRolesAndTheirSessions(t *testing.T) {
	const account, role = "111122223333", "arn:aws:iam::111122223333:role/hub"
	session := Principal{ARN: "arn:aws:sts::111122223333:assumed-role/hub/s", Account: account}
	for principal, want := range map[string]bool{
		`"*"`:                     true,
		`{"AWS": "*"}`:            true,
		`{"AWS": "111122223333"}`: true,
		`{"AWS": "arn:aws:iam::111122223333:root"}`:       true,
		`{"AWS": ["444455556666", "` + role + `"]}`:       true,
		`{"AWS": "` + session.ARN + `"}`:                  true,
		`{"AWS": "arn:aws:iam::111122223333:role/other"}`: false,
		`{"AWS": "444455556666"}`:                         false,
		`{"Service": "lambda.amazonaws.com"}`:             false,
	} {
		doc, err := ParseTrust([]byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": ` + principal + `, "Action": "sts:AssumeRole"}]}`))
		if err != nil {
			t.Errorf("%s: %v", principal, err)
			continue
		}
		if got := Evaluate([]Document{doc}, Request{Action: "sts:AssumeRole", Principal: session}) == Allowed; got != want {
			t.Errorf("%s: matches is %v, want %v", principal, got, want)
		}
	}
	doc, err := ParseTrust([]byte(`{"Statement": [{"Effect": "Deny", "NotPrincipal": {"AWS": "` + role + `"}, "Action": "*"}, {"Effect": "Allow", "Principal": "*", "Action": "*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := Evaluate([]Document{doc}, Request{Action: "sts:AssumeRole", Principal: session}); got != Allowed {
		t.Errorf("NotPrincipal that names the caller: decision %d, want allowed", got)
	}
	if got := Evaluate([]Document{doc}, Request{Action: "sts:AssumeRole", Principal: Principal{Account: "444455556666"}}); got != ExplicitDeny {
		t.Errorf("NotPrincipal that does not name the caller: decision %d, want an explicit deny", got)
	}
}

func TestAnExternalIDIsACondition(t *testing.T) {
	doc, err := ParseTrust([]byte(`{"Statement": {"Effect": "Allow", "Principal": {"AWS": 111122223333}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "x1"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]Decision{"x1": Allowed, "x2": ImplicitDeny, "": ImplicitDeny} {
		r := Request{Action: "sts:AssumeRole", Principal: Principal{Account: "111122223333"}}
		if id != "" {
			r.Context = map[string][]string{"sts:ExternalId": {id}}
		}
		if got := Evaluate([]Document{doc}, r); got != want {
			t.Errorf("external id %q: decision %d, want %d", id, got, want)
		}
	}
}

func TestADenyInAnotherDocumentWins(t *testing.T) {
	docs := append(identity(t, `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`),
		identity(t, `{"Statement": {"Effect": "Deny", "NotAction": "secretsmanager:*", "Resource": "*"}}`)...)
	if got := Evaluate(docs, Request{Action: "secretsmanager:ListSecrets", Resource: "*"}); got != Allowed {
		t.Errorf("what NotAction names: decision %d, want allowed", got)
	}
	if got := Evaluate(docs, Request{Action: "kms:Decrypt", Resource: "*"}); got != ExplicitDeny {
		t.Errorf("what NotAction does not name: decision %d, want an explicit deny", got)
	}
}

func TestAPolicyThatIAMRefusesIsAnError(t *testing.T) {
	const allow = `"Effect": "Allow", "Action": "a:B", "Resource": "*"`
	for doc, want := range map[string]string{
		`{"Statement": [{"Sid": "A", ` + allow + `}, {"Sid": "A", ` + allow + `}]}`: `Sid "A" stands twice`,
		`{"Statement": [{"Sid": "a b", ` + allow + `}]}`:                            "letters and digits",
		`{"Version": "2012-10-18", "Statement": [{` + allow + `}]}`:                 "Version",
		`{"Statement": []}`: "Statement: missing",
		`{"Statement": [{"Effect": "allow", "Action": "a:B", "Resource": "*"}]}`:  "must be Allow or Deny",
		`{"Statement": [{"Effect": "Allow", "Action": "B", "Resource": "*"}]}`:    "not an action",
		`{"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": "x"}]}`:  "neither an ARN",
		`{"Statement": [{"Effect": "Allow", "Action": "a:B"}]}`:                   "one of Resource",
		`{"Statement": [{"Effect": "Allow", "Resource": "*"}]}`:                   "one of Action",
		`{"Statement": [{"Action": "a:B", "Resource": "*"}]}`:                     "Effect: missing",
		`{"Statement": [{` + allow + `, "Principal": "*"}]}`:                      "no Principal",
		`{"Statement": [{` + allow + `, "Conditions": {}}]}`:                      "Conditions: unknown key",
		`{"Statement": [{` + allow + `, "Condition": {"StringIs": {"a": "b"}}}]}`: "unknown operator",
		`{"Statement": [{` + allow + `, "Condition": {"Bool": {"a": "yes"}}}]}`:   "no value for this operator",
		`{"Statement": [{` + allow + `, "Action": "a:C"}]}`:                       `"Action" stands twice`,
		`{"Statement": [{` + allow + `}], "Extra": 1}`:                            `unknown key "Extra"`,
		`{"Statement": [{` + allow + `}]} {}`:                                     "after the end",
		`{"Statement": [{` + allow:                                                "not valid JSON",
		`[]`:                                                                      "must be a JSON object",
	} {
		_, err := ParseIdentity([]byte(doc))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", doc, err, want)
		}
	}
	for _, doc := range []string{
		`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}`,
		`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::*:role/x"}}}`,
		`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "12345"}}}`,
		`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "x"}}`,
		`{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Resource": "*"}}`,
	} {
		if _, err := ParseTrust([]byte(doc)); err == nil {
			t.Errorf("trust policy %s: no error", doc)
		}
	}
}

func TestGlobsMatchWholeTexts(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"a*c", "abc", true}, {"a*c", "ac", true}, {"a*c", "acb", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"*a*b*", "xaxbx", true}, {"*ab", "aab", true}, {"a**b", "ab", true}, {"A", "a", false},
	} {
		if got := Glob(c.pattern, c.s); got != c.want {
			t.Errorf("Glob(%q, %q) = %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}
