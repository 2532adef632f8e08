package awslocal_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const policies = `
accounts:
  "111111111111":
    users:
      root: {accessKeyId: "111111111111"}
      admin: {accessKeyId: ADMIN, policies: [{Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}]}
      nobody: {accessKeyId: NOBODY}
      keeper: {accessKeyId: KEEPER}
    regions:
      eu-west-1:
        keys:
          alias/app: {id: 11111111-2222-3333-4444-555555555555}
          alias/kept:
            id: 22222222-2222-3333-4444-555555555555
            policy: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111111111111:user/keeper"}, Action: "kms:*", Resource: "*"}]}
        secrets:
          app: {value: v, kmsKey: alias/app}
          kept: {value: v, kmsKey: alias/kept}
  "222222222222":
    users:
      admin: {accessKeyId: THEIRS, policies: [{Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}]}
`

const (
	appKey  = "11111111-2222-3333-4444-555555555555"
	keptKey = "22222222-2222-3333-4444-555555555555"
)

func read(c *secretsmanager.Client, id string) error {
	_, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	return err
}

func putPolicy(t *testing.T, c *secretsmanager.Client, id, statements string) {
	t.Helper()
	_, err := c.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: &id, ResourcePolicy: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)})
	if err != nil {
		t.Fatal(err)
	}
}

func statement(effect, principal, action string) string {
	return `{"Effect":"` + effect + `","Principal":{"AWS":"` + principal + `"},"Action":"` + action + `","Resource":"*"}`
}

func TestASecretsPolicyCountsBesideTheCallersOwn(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, policies)})
	admin, nobody := secrets(s, "eu-west-1", "ADMIN"), secrets(s, "eu-west-1", "NOBODY")
	wantCode(t, read(nobody, "app"), "AccessDeniedException", 400, "because no identity-based policy allows the secretsmanager:GetSecretValue action")
	putPolicy(t, admin, "app", statement("Allow", "111111111111", "secretsmanager:*"))
	wantCode(t, read(nobody, "app"), "AccessDeniedException", 400, "because no identity-based policy allows") // the account decides, and it did not
	putPolicy(t, admin, "app", statement("Allow", "arn:aws:iam::111111111111:user/nobody", "secretsmanager:GetSecretValue"))
	wantCode(t, read(nobody, "app"), "AccessDeniedException", 400, "Access to KMS is not allowed") // which the secret's policy says nothing of
	putPolicy(t, admin, "app", statement("Deny", "arn:aws:iam::111111111111:user/admin", "secretsmanager:GetSecretValue"))
	wantCode(t, read(admin, "app"), "AccessDeniedException", 400, "with an explicit deny in a resource-based policy")
}

func TestAKeysPolicyIsAboveTheCallersOwn(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, policies)})
	admin := secrets(s, "eu-west-1", "ADMIN")
	if err := read(admin, "app"); err != nil {
		t.Error("the default policy leaves the key to the policies of its account:", err)
	}
	wantCode(t, read(admin, "kept"), "AccessDeniedException", 400, "Access to KMS is not allowed")
	_, err := keysOf(s, "eu-west-1", "ADMIN").DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String(keptKey)})
	wantCode(t, err, "AccessDeniedException", 400, "because no resource-based policy allows the kms:DescribeKey action")
	if _, err := keysOf(s, "eu-west-1", "KEEPER").DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String(keptKey)}); err != nil {
		t.Error("the key's policy suffices:", err)
	}
	_, err = keysOf(s, "eu-west-1", "111111111111").DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String(keptKey)})
	wantCode(t, err, "AccessDeniedException", 400, "no resource-based policy") // the account's root has no right on it either
}

func TestAcrossAccountsBothSidesAndTheKeyMustAllow(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, policies)})
	admin, theirs := secrets(s, "eu-west-1", "ADMIN"), secrets(s, "eu-west-1", "THEIRS")
	out, err := admin.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("app")})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, read(theirs, *out.ARN), "AccessDeniedException", 400, "because no resource-based policy allows")
	putPolicy(t, admin, "app", statement("Allow", "333333333333", "*"))
	wantCode(t, read(theirs, *out.ARN), "AccessDeniedException", 400, "because no resource-based policy allows")
	putPolicy(t, admin, "app", statement("Allow", "222222222222", "secretsmanager:GetSecretValue"))
	wantCode(t, read(theirs, *out.ARN), "AccessDeniedException", 400, "Access to KMS is not allowed")

	keys := keysOf(s, "eu-west-1", "ADMIN")
	own, err := keys.GetKeyPolicy(ctx, &awskms.GetKeyPolicyInput{KeyId: aws.String(appKey)})
	if err != nil {
		t.Fatal(err)
	}
	putKey := func(more string) error {
		text := strings.Replace(*own.Policy, `"Statement": [`, `"Statement": [`+more, 1)
		_, err := keys.PutKeyPolicy(ctx, &awskms.PutKeyPolicyInput{KeyId: aws.String(appKey), Policy: &text})
		return err
	}
	via := func(service, arn string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"` + service +
			`.eu-west-1.amazonaws.com","kms:EncryptionContext:SecretARN":"` + arn + `"}}},`
	}
	for _, c := range []struct {
		more string
		ok   bool
	}{{via("ssm", *out.ARN), false}, {via("secretsmanager", *out.ARN+"x"), false}, {via("secretsmanager", *out.ARN), true}} {
		if err := putKey(c.more); err != nil {
			t.Fatal(err)
		}
		if err := read(theirs, *out.ARN); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.more, err)
		}
	}
	putPolicy(t, admin, "app", statement("Allow", "222222222222", "secretsmanager:GetSecretValue")+","+statement("Deny", "222222222222", "*"))
	wantCode(t, read(theirs, *out.ARN), "AccessDeniedException", 400, "with an explicit deny in a resource-based policy")
}

func TestWithoutEnforcementASecretOfAnotherAccountStillNeedsItsPolicy(t *testing.T) {
	s := newServer(t, awslocal.Options{Seed: parseSeed(t, policies)})
	admin, theirs := secrets(s, "eu-west-1", "111111111111"), secrets(s, "eu-west-1", "222222222222")
	out, err := admin.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("app")})
	if err != nil {
		t.Fatal(err)
	}
	putPolicy(t, admin, "app", statement("Allow", "333333333333", "*"))
	wantCode(t, read(theirs, *out.ARN), "AccessDeniedException", 400, "because no resource-based policy allows")
	putPolicy(t, admin, "app", statement("Allow", "222222222222", "*"))
	if err := read(theirs, *out.ARN); err != nil {
		t.Error(err)
	}
}

func TestPoliciesOfKeys(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, policies)})
	keys := keysOf(s, "eu-west-1", "ADMIN")
	put := func(id, text string, bypass bool) error {
		_, err := keys.PutKeyPolicy(ctx, &awskms.PutKeyPolicyInput{KeyId: &id, Policy: &text, BypassPolicyLockoutSafetyCheck: bypass})
		return err
	}
	other := `{"Statement":[` + statement("Allow", "arn:aws:iam::111111111111:user/keeper", "kms:*") + `]}`
	wantCode(t, put(appKey, other, false), "MalformedPolicyDocumentException", 400, "will not allow you to update the key policy in the future")
	_, err := keys.CreateKey(ctx, &awskms.CreateKeyInput{Policy: &other})
	wantCode(t, err, "MalformedPolicyDocumentException", 400, "will not allow you")
	wantCode(t, put(appKey, "{}", false), "MalformedPolicyDocumentException", 400, "")
	wantCode(t, put(appKey, `{"a":"`+strings.Repeat("x", 33000)+`"}`, false), "LimitExceededException", 400, "32 KB")
	wantCode(t, put("alias/app", other, true), "NotFoundException", 400, "Invalid keyId")
	wantCode(t, put(keptKey, other, true), "AccessDeniedException", 400, "no resource-based policy")
	if err := put(appKey, other, true); err != nil {
		t.Error(err)
	}
	_, err = keys.GetKeyPolicy(ctx, &awskms.GetKeyPolicyInput{KeyId: aws.String(appKey)})
	wantCode(t, err, "AccessDeniedException", 400, "kms:GetKeyPolicy")

	aliases, err := keys.ListAliases(ctx, &awskms.ListAliasesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range aliases.Aliases {
		if *a.AliasName != "alias/aws/secretsmanager" {
			continue
		}
		out, err := keys.GetKeyPolicy(ctx, &awskms.GetKeyPolicyInput{KeyId: a.TargetKeyId})
		if err != nil || !strings.Contains(*out.Policy, "secretsmanager.eu-west-1.amazonaws.com") {
			t.Errorf("AWS's own key: %v, %v", out, err)
		}
		wantCode(t, put(*a.TargetKeyId, other, true), "AccessDeniedException", 400, "")
	}
}

func TestASeedsKeyPolicyIsReadStrictly(t *testing.T) {
	bad := strings.Replace(policies, `Action: "kms:*"`, `Acton: "kms:*"`, 1)
	if _, err := awslocal.ParseSeed(strings.NewReader(bad), "seed.yaml"); err == nil || !strings.Contains(err.Error(), "not a policy") {
		t.Errorf("error %v", err)
	}
}
