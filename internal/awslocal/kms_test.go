package awslocal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

func createKey(t *testing.T, c *awskms.Client) *types.KeyMetadata {
	t.Helper()
	out, err := c.CreateKey(ctx, &awskms.CreateKeyInput{Description: aws.String("d")})
	if err != nil {
		t.Fatal(err)
	}
	return out.KeyMetadata
}

func TestAWSsOwnKeyIsInEveryAccountAndRegion(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	seen := map[string]bool{}
	for _, account := range []string{"111111111111", "222222222222"} {
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			out, err := keysOf(s, region, account).DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String("alias/aws/secretsmanager")})
			if err != nil {
				t.Fatal(err)
			}
			m := out.KeyMetadata
			if m.KeyManager != types.KeyManagerTypeAws || !m.Enabled || !strings.HasPrefix(*m.Arn, "arn:aws:kms:"+region+":"+account+":key/") {
				t.Errorf("%+v", m)
			}
			seen[*m.Arn] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d keys, want 4", len(seen))
	}
}

func TestAKeyEncryptsForItsContextOnly(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := keysOf(s, "us-east-1", "111111111111")
	k, other := createKey(t, c), createKey(t, c)
	context := map[string]string{"a": "1", "b": "2"}
	enc, err := c.Encrypt(ctx, &awskms.EncryptInput{KeyId: k.KeyId, Plaintext: []byte("plain"), EncryptionContext: context})
	if err != nil {
		t.Fatal(err)
	}
	dec, err := c.Decrypt(ctx, &awskms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: context})
	if err != nil || string(dec.Plaintext) != "plain" || *dec.KeyId != *k.Arn {
		t.Errorf("%+v, %v", dec, err)
	}
	_, err = c.Decrypt(ctx, &awskms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	wantCode(t, err, "InvalidCiphertextException", 400, "")
	_, err = c.Decrypt(ctx, &awskms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: context, KeyId: other.KeyId})
	wantCode(t, err, "IncorrectKeyException", 400, "")
	_, err = c.Decrypt(ctx, &awskms.DecryptInput{CiphertextBlob: []byte("rubbish")})
	wantCode(t, err, "InvalidCiphertextException", 400, "")
	enc.CiphertextBlob[len(enc.CiphertextBlob)-1] ^= 1
	_, err = c.Decrypt(ctx, &awskms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: context})
	wantCode(t, err, "InvalidCiphertextException", 400, "")
	_, err = c.Encrypt(ctx, &awskms.EncryptInput{KeyId: k.KeyId, Plaintext: make([]byte, 4097)})
	wantCode(t, err, "ValidationException", 400, "plaintext")

	data, err := c.GenerateDataKey(ctx, &awskms.GenerateDataKeyInput{KeyId: k.KeyId, KeySpec: types.DataKeySpecAes256})
	if err != nil || len(data.Plaintext) != 32 {
		t.Fatalf("%+v, %v", data, err)
	}
	dec, err = c.Decrypt(ctx, &awskms.DecryptInput{CiphertextBlob: data.CiphertextBlob})
	if err != nil || string(dec.Plaintext) != string(data.Plaintext) {
		t.Errorf("a data key does not come back: %v", err)
	}
	_, err = c.GenerateDataKey(ctx, &awskms.GenerateDataKeyInput{KeyId: k.KeyId})
	wantCode(t, err, "ValidationException", 400, "either number of bytes or key spec")
}

func TestAKeyThatIsOffOrGoingIsNotUsed(t *testing.T) {
	clock := newClock()
	s := newServer(t, awslocal.Options{Clock: clock.Now})
	c := keysOf(s, "us-east-1", "111111111111")
	k := createKey(t, c)
	if _, err := c.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: aws.String("alias/app"), TargetKeyId: k.KeyId}); err != nil {
		t.Fatal(err)
	}
	sm := secrets(s, "us-east-1", "111111111111")
	if _, err := sm.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("a"), SecretString: aws.String("v"), KmsKeyId: aws.String("alias/app")}); err != nil {
		t.Fatal(err)
	}
	encrypt := func() error {
		_, err := c.Encrypt(ctx, &awskms.EncryptInput{KeyId: aws.String("alias/app"), Plaintext: []byte("p")})
		return err
	}
	read := func() error {
		_, err := sm.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("a")})
		return err
	}

	if _, err := c.DisableKey(ctx, &awskms.DisableKeyInput{KeyId: k.KeyId}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, encrypt(), "DisabledException", 400, *k.Arn+" is disabled")
	if read() == nil {
		t.Error("a secret is read with a key that is disabled")
	}
	if n := s.Ledger().Count(awslocal.Match{Internal: true, Outcome: "DisabledException", Resource: *k.Arn}); n != 1 {
		t.Errorf("%d refusals of the key in the ledger, want 1", n)
	}
	if _, err := c.EnableKey(ctx, &awskms.EnableKeyInput{KeyId: k.Arn}); err != nil {
		t.Fatal(err)
	}
	if err := read(); err != nil {
		t.Error(err)
	}

	_, err := c.ScheduleKeyDeletion(ctx, &awskms.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(6)})
	wantCode(t, err, "ValidationException", 400, "")
	gone, err := c.ScheduleKeyDeletion(ctx, &awskms.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(7)})
	if err != nil || gone.KeyState != types.KeyStatePendingDeletion || !gone.DeletionDate.Equal(clock.Now().Add(7*24*time.Hour)) {
		t.Errorf("%+v, %v", gone, err)
	}
	wantCode(t, encrypt(), "KMSInvalidStateException", 400, "is pending deletion")
	if _, err := c.CancelKeyDeletion(ctx, &awskms.CancelKeyDeletionInput{KeyId: k.KeyId}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, encrypt(), "DisabledException", 400, "")

	if _, err := c.ScheduleKeyDeletion(ctx, &awskms.ScheduleKeyDeletionInput{KeyId: k.KeyId, PendingWindowInDays: aws.Int32(7)}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(7 * 24 * time.Hour)
	_, err = c.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: k.KeyId})
	wantCode(t, err, "NotFoundException", 400, "Key '"+*k.Arn+"' does not exist")
}

func TestATestTurnsKeysOffBehindTheAPI(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := keysOf(s, "us-east-1", "111111111111")
	k := createKey(t, c)
	use := func() error {
		_, err := c.Encrypt(ctx, &awskms.EncryptInput{KeyId: k.KeyId, Plaintext: []byte("p")})
		return err
	}
	if err := s.DisableKey("111111111111", "us-east-1", *k.Arn); err != nil {
		t.Fatal(err)
	}
	wantCode(t, use(), "DisabledException", 400, "")
	if err := s.EnableKey("111111111111", "us-east-1", *k.KeyId); err != nil {
		t.Fatal(err)
	}
	if err := use(); err != nil {
		t.Error(err)
	}
	if err := s.RemoveKey("111111111111", "us-east-1", *k.KeyId); err != nil {
		t.Fatal(err)
	}
	wantCode(t, use(), "NotFoundException", 400, "")
	if err := s.DisableKey("111111111111", "us-east-1", "alias/none"); err == nil {
		t.Error("a key that is not there is disabled")
	}
}

func TestAliasesStandForKeys(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := keysOf(s, "us-east-1", "111111111111")
	one, two := createKey(t, c), createKey(t, c)
	alias := aws.String("alias/app")
	create := func(name *string, k *types.KeyMetadata) error {
		_, err := c.CreateAlias(ctx, &awskms.CreateAliasInput{AliasName: name, TargetKeyId: k.KeyId})
		return err
	}
	if err := create(alias, one); err != nil {
		t.Fatal(err)
	}
	wantCode(t, create(alias, two), "AlreadyExistsException", 400, "already exists")
	wantCode(t, create(aws.String("alias/aws/mine"), one), "NotAuthorizedException", 400, "")
	wantCode(t, create(aws.String("app"), one), "InvalidAliasNameException", 400, "")
	if _, err := c.UpdateAlias(ctx, &awskms.UpdateAliasInput{AliasName: alias, TargetKeyId: two.KeyId}); err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:kms:us-east-1:111111111111:alias/app"
	for _, name := range []string{"alias/app", arn, *two.KeyId, *two.Arn} {
		out, err := c.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: &name})
		if err != nil || *out.KeyMetadata.Arn != *two.Arn {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := c.ListAliases(ctx, &awskms.ListAliasesInput{})
	if err != nil || len(list.Aliases) != 3 || *list.Aliases[0].AliasName != "alias/app" || *list.Aliases[1].AliasName != "alias/aws/secretsmanager" {
		t.Errorf("%+v, %v", list, err)
	}
	list, err = c.ListAliases(ctx, &awskms.ListAliasesInput{KeyId: one.KeyId})
	if err != nil || len(list.Aliases) != 0 {
		t.Errorf("aliases of the key that lost it: %+v, %v", list, err)
	}
	if _, err := c.DeleteAlias(ctx, &awskms.DeleteAliasInput{AliasName: alias}); err != nil {
		t.Fatal(err)
	}
	_, err = c.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: alias})
	wantCode(t, err, "NotFoundException", 400, "Alias "+arn+" is not found.")
	_, err = c.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String("nonsense")})
	wantCode(t, err, "NotFoundException", 400, "Invalid keyId 'nonsense'")
	_, err = keysOf(s, "eu-west-1", "111111111111").DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: two.Arn})
	wantCode(t, err, "NotFoundException", 400, "Invalid arn us-east-1")
}

func TestListsOfKeysComeInPages(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := keysOf(s, "us-east-1", "111111111111")
	for range 6 {
		createKey(t, c)
	}
	seen := map[string]bool{}
	pages := 0
	for p := awskms.NewListKeysPaginator(c, &awskms.ListKeysInput{Limit: aws.Int32(3)}); p.HasMorePages(); pages++ {
		out, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range out.Keys {
			seen[*k.KeyArn] = true
		}
	}
	if _, err := c.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: aws.String("alias/aws/secretsmanager")}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 8 || pages != 3 {
		t.Errorf("%d keys in %d pages, want 8 in 3", len(seen), pages)
	}
}
