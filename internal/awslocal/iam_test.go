package awslocal_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const hubAndSpokes = `
accounts:
  "111111111111":
    users:
      root: {accessKeyId: "111111111111"}
      ann: {accessKeyId: AKIAANN, policies: [{Version: 2012-10-17, Statement: [{Effect: Allow, Action: "secretsmanager:ListSecrets", Resource: "*"}]}]}
      bob: {accessKeyId: AKIABOB, policies: [{Version: 2012-10-17, Statement: [{Effect: Deny, Action: "sts:AssumeRole", Resource: "*"}]}]}
    roles:
      SecretSyncLambdaRole:
        accessKeyId: AKIALAMBDA
        trust: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
        policies:
          - '{"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/SecretSyncRole"},
              {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/Unknown"},
              {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::444444444444:role/*"}]}'
      Local:
        trust: {Statement: [{Effect: Allow, Principal: {AWS: ["arn:aws:iam::111111111111:user/ann", "arn:aws:iam::111111111111:user/bob"]}, Action: "sts:AssumeRole"}]}
      Delegated:
        trust: {Statement: [{Effect: Allow, Principal: {AWS: 111111111111}, Action: "sts:AssumeRole"}]}
  "222222222222":
    roles:
      SecretSyncRole: &spoke
        trust: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111111111111:role/SecretSyncLambdaRole"}, Action: "sts:AssumeRole"}]}
        policies:
          - Version: 2012-10-17
            Statement:
              - Effect: Allow
                Resource: "*"
                Action: ["secretsmanager:CreateSecret", "secretsmanager:UpdateSecret", "secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:TagResource"]
    regions:
      us-east-1:
        keys: {alias/app: {id: 11111111-2222-3333-4444-555555555555}}
  "333333333333":
    roles:
      SecretSyncRole:
        trust: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111111111111:root"}, Action: "sts:AssumeRole", Condition: {StringEquals: {"sts:ExternalId": "shared-id"}}}]}
        policies: [{Statement: [{Effect: Allow, Action: "*", Resource: "*"}, {Effect: Deny, Action: "secretsmanager:Delete*", Resource: "*"}]}]
      Named:
        trust: {Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::111111111111:user/ann"}, Action: "sts:AssumeRole"}]}
  "444444444444":
    roles:
      SecretSyncRole: *spoke
`

const spokeRole = "arn:aws:iam::222222222222:role/SecretSyncRole"

func TestTheRoleOfATargetMayDoWhatItsPolicySays(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, hubAndSpokes)})
	creds, err := assume(t, s, key("AKIALAMBDA"), spokeRole)
	if err != nil {
		t.Fatal(err)
	}
	c := secretsmanager.NewFromConfig(config(s, "us-east-1", creds))
	_, err = c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String("app/db"), SecretString: aws.String("v"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	})
	if err != nil {
		t.Fatalf("with AWS's own key: %v", err)
	}
	if err := describe(c, "app/db"); err != nil {
		t.Error(err)
	}
	const who = "User: arn:aws:sts::222222222222:assumed-role/SecretSyncRole/session is not authorized to perform: "
	_, err = list(c)
	wantCode(t, err, "AccessDeniedException", 400, who+"secretsmanager:ListSecrets because no identity-based policy allows the secretsmanager:ListSecrets action")
	_, err = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
	wantCode(t, err, "AccessDeniedException", 400, "because no identity-based policy allows the secretsmanager:GetSecretValue action")
	_, err = c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/own"), SecretString: aws.String("v"), KmsKeyId: aws.String("alias/app")})
	if err == nil {
		t.Error("a customer's key is used without the right to")
	}
	id, err := sts.NewFromConfig(config(s, "eu-west-1", creds)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || *id.Arn != "arn:aws:sts::222222222222:assumed-role/SecretSyncRole/session" || *id.Account != "222222222222" {
		t.Errorf("GetCallerIdentity: %+v, %v", id, err)
	}
}

func TestAnExplicitDenyIsNamed(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, hubAndSpokes)})
	creds, err := assume(t, s, key("AKIALAMBDA"), "arn:aws:iam::333333333333:role/SecretSyncRole", externalID("shared-id"))
	if err != nil {
		t.Fatal(err)
	}
	c := secretsmanager.NewFromConfig(config(s, "us-east-1", creds))
	create(t, c, "a", "v")
	_, err = c.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: aws.String("a")})
	wantCode(t, err, "AccessDeniedException", 400, "is not authorized to perform: secretsmanager:DeleteSecret on resource: ")
	wantCode(t, err, "AccessDeniedException", 400, " with an explicit deny in an identity-based policy")
}

func externalID(id string) func(*sts.AssumeRoleInput) {
	return func(in *sts.AssumeRoleInput) { in.ExternalId = &id }
}

func TestWhoMayAssumeARole(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, hubAndSpokes)})
	for _, c := range []struct {
		name, key, role string
		change          func(*sts.AssumeRoleInput)
		allowed         bool
	}{
		{"trusted and permitted", "AKIALAMBDA", spokeRole, nil, true},
		{"a user that the trust policy does not name", "AKIAANN", spokeRole, nil, false},
		{"the right external id", "AKIALAMBDA", "arn:aws:iam::333333333333:role/SecretSyncRole", externalID("shared-id"), true},
		{"a wrong external id", "AKIALAMBDA", "arn:aws:iam::333333333333:role/SecretSyncRole", externalID("guess"), false},
		{"no external id", "AKIALAMBDA", "arn:aws:iam::333333333333:role/SecretSyncRole", nil, false},
		{"trusted, but not permitted in the caller's account", "AKIAANN", "arn:aws:iam::333333333333:role/SecretSyncRole", externalID("shared-id"), false},
		{"trusted, but denied in the caller's account", "AKIALAMBDA", "arn:aws:iam::444444444444:role/SecretSyncRole", nil, false},
		{"a role that is not there", "AKIALAMBDA", "arn:aws:iam::222222222222:role/Unknown", nil, false},
		{"named by a trust policy of its own account", "AKIAANN", "arn:aws:iam::111111111111:role/Local", nil, true},
		{"named by a trust policy of its own account, and denied it by its own", "AKIABOB", "arn:aws:iam::111111111111:role/Local", nil, false},
		{"named by a trust policy of another account, without a right of its own", "AKIAANN", "arn:aws:iam::333333333333:role/Named", nil, false},
		{"its own account is trusted as a whole, and it has no right of its own", "AKIAANN", "arn:aws:iam::111111111111:role/Delegated", nil, false},
		{"the account's root", "111111111111", "arn:aws:iam::111111111111:role/Delegated", nil, true},
	} {
		change := c.change
		if change == nil {
			change = func(*sts.AssumeRoleInput) {}
		}
		_, err := assume(t, s, key(c.key), c.role, change)
		if c.allowed && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.allowed {
			t.Run(c.name, func(t *testing.T) {
				wantCode(t, err, "AccessDenied", 403, "is not authorized to perform: sts:AssumeRole on resource: "+c.role)
			})
		}
	}
}

func TestKeysAndSessionsThatAreNobodysAreRefused(t *testing.T) {
	clock := newClock()
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, hubAndSpokes), Clock: clock.Now})
	_, err := list(secrets(s, "us-east-1", "AKIANOBODY"))
	wantCode(t, err, "UnrecognizedClientException", 400, "The security token included in the request is invalid")
	_, err = list(secrets(s, "us-east-1", "222222222222"))
	wantCode(t, err, "UnrecognizedClientException", 400, "")
	_, err = sts.NewFromConfig(config(s, "us-east-1", key("AKIANOBODY"))).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidClientTokenId", 403, "The security token included in the request is invalid")

	creds, err := assume(t, s, key("AKIALAMBDA"), spokeRole, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(900) })
	if err != nil {
		t.Fatal(err)
	}
	c, _ := creds.Retrieve(ctx)
	forged := credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "forged")
	wantCode(t, describe(secretsmanager.NewFromConfig(config(s, "us-east-1", forged)), "x"), "UnrecognizedClientException", 400, "")

	sm := secretsmanager.NewFromConfig(config(s, "us-east-1", creds))
	clock.Advance(15*time.Minute - time.Second)
	wantCode(t, describe(sm, "x"), "ResourceNotFoundException", 400, "")
	clock.Advance(time.Second)
	wantCode(t, describe(sm, "x"), "ExpiredTokenException", 400, "expired")
	_, err = sts.NewFromConfig(config(s, "us-east-1", creds)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	wantCode(t, err, "ExpiredToken", 403, "expired")
}

func TestASessionPolicyBoundsASession(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, hubAndSpokes)})
	creds, err := assume(t, s, key("AKIALAMBDA"), spokeRole, func(in *sts.AssumeRoleInput) {
		in.Policy = aws.String(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["secretsmanager:DescribeSecret", "secretsmanager:ListSecrets"], "Resource": "*"}]}`)
	})
	if err != nil {
		t.Fatal(err)
	}
	c := secretsmanager.NewFromConfig(config(s, "us-east-1", creds))
	wantCode(t, describe(c, "x"), "ResourceNotFoundException", 400, "")
	_, err = c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("x"), SecretString: aws.String("v")})
	wantCode(t, err, "AccessDeniedException", 400, "secretsmanager:CreateSecret")
	_, err = list(c)
	wantCode(t, err, "AccessDeniedException", 400, "secretsmanager:ListSecrets")
}

func TestAnAccountsRootMayDoEverything(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, hubAndSpokes)})
	c := secrets(s, "us-east-1", "111111111111")
	create(t, c, "a", "v")
	if n, err := list(c); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := list(secrets(s, "us-east-1", "AKIAANN")); err != nil || n != 1 {
		t.Errorf("a user of the account sees %d, %v", n, err)
	}
}

func TestAssumeRoleChecksItsParameters(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	long := make([]byte, 65)
	for i := range long {
		long[i] = 'a'
	}
	for _, c := range []struct {
		name   string
		change func(*sts.AssumeRoleInput)
		text   string
	}{
		{"a name that is too short", func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a") }, "Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		{"a name that is too long", func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String(string(long)) }, "less than or equal to 64"},
		{"a name with a space", func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("bad name") }, `regular expression pattern: [\w+=,.@-]*`},
		{"a lifetime that is too short", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(100) }, "Value '100' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"},
		{"a lifetime that is too long", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(43201) }, "less than or equal to 43200"},
		{"an external id that is too short", externalID("x"), "'externalId'"},
		{"an ARN that is none", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::1234:role/SomeRole") }, "arn:aws:iam::1234:role/SomeRole is invalid"},
		{"an ARN that is too short", func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("x") }, "'roleArn' failed"},
		{"two mistakes", func(in *sts.AssumeRoleInput) { in.RoleSessionName, in.DurationSeconds = aws.String("a"), aws.Int32(1) }, "2 validation errors detected: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := assume(t, s, key("111111111111"), spokeRole, c.change)
			wantCode(t, err, "ValidationError", 400, c.text)
		})
	}
	if _, err := assume(t, s, key("111111111111"), spokeRole, func(in *sts.AssumeRoleInput) {
		in.RoleSessionName, in.ExternalId, in.DurationSeconds = aws.String("a_+=,.@-9"), aws.String("a:/b"), aws.Int32(43200)
	}); err != nil {
		t.Errorf("what is valid is refused: %v", err)
	}
	_, err := assume(t, s, key("111111111111"), spokeRole, func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Statement": 1}`) })
	wantCode(t, err, "MalformedPolicyDocument", 400, "")
}

func TestAChainedSessionLastsAnHourAtMost(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	first, err := assume(t, s, key("111111111111"), spokeRole)
	if err != nil {
		t.Fatal(err)
	}
	_, err = assume(t, s, first, "arn:aws:iam::333333333333:role/r", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) })
	wantCode(t, err, "ValidationError", 400, "1 hour session limit for roles assumed by role chaining")
	second, err := assume(t, s, first, "arn:aws:iam::333333333333:role/path/r")
	if err != nil {
		t.Fatal(err)
	}
	id, err := sts.NewFromConfig(config(s, "us-east-1", second)).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || *id.Arn != "arn:aws:sts::333333333333:assumed-role/r/session" {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestWithoutIAMEveryRoleIsThereAndNothingIsDenied(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	creds, err := assume(t, s, key("whoever"), "arn:aws:iam::999999999999:role/Any")
	if err != nil {
		t.Fatal(err)
	}
	out := create(t, secretsmanager.NewFromConfig(config(s, "us-east-1", creds)), "a", "v")
	if want := "arn:aws:secretsmanager:us-east-1:999999999999:secret:a-"; len(*out.ARN) != len(want)+6 {
		t.Errorf("ARN %s", *out.ARN)
	}
	if _, err := list(secrets(s, "us-east-1", "999999999999")); err != nil {
		t.Error(err)
	}
}

func TestASessionTokenIsItsUser(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, hubAndSpokes)})
	out, err := sts.NewFromConfig(config(s, "us-east-1", key("AKIAANN"))).GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	creds := credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, "x", *out.Credentials.SessionToken)
	client := sts.NewFromConfig(config(s, "us-east-1", creds))
	id, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || *id.Arn != "arn:aws:iam::111111111111:user/ann" {
		t.Errorf("%+v, %v", id, err)
	}
	_, err = client.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	wantCode(t, err, "AccessDenied", 403, "Cannot call GetSessionToken with session credentials")
}

func TestACustomersKeyNeedsARightOfItsOwnThroughTheService(t *testing.T) {
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: parseSeed(t, `
accounts:
  "111111111111":
    users:
      via: {accessKeyId: AKIAVIA, policies: [{Version: 2012-10-17, Statement: [
        {Effect: Allow, Action: "secretsmanager:*", Resource: "*"},
        {Effect: Allow, Action: ["kms:GenerateDataKey", "kms:Decrypt"], Resource: "arn:aws:kms:us-east-1:111111111111:key/*", Condition: {StringEquals: {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}}]}]}
    regions:
      us-east-1:
        keys: {alias/app: }
`)})
	c := secrets(s, "us-east-1", "AKIAVIA")
	if _, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("a"), SecretString: aws.String("v"), KmsKeyId: aws.String("alias/app")}); err != nil {
		t.Error(err)
	}
	_, err := keysOf(s, "us-east-1", "AKIAVIA").GenerateDataKey(ctx, &awskms.GenerateDataKeyInput{KeyId: aws.String("alias/app"), NumberOfBytes: aws.Int32(8)})
	wantCode(t, err, "AccessDeniedException", 400, "kms:GenerateDataKey on resource: arn:aws:kms:us-east-1:111111111111:key/")
}
