package secretsmanager_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func TestAKeyIsUsableWhereItExistsAndIsEnabled(t *testing.T) {
	server, url := embedded(t, awslocal.Options{})
	client := kms.New(kms.Options{Region: home, BaseEndpoint: &url, Credentials: keys(spoke)})
	key, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/copies"), TargetKeyId: key.KeyMetadata.KeyId}); err != nil {
		t.Fatal(err)
	}
	dest, err := open(t, factory(t, url, hub), "role: R").Destination(t.Context(), secret.Place{Kind: secret.SecretsManager, Account: spoke, Region: home})
	if err != nil {
		t.Fatal(err)
	}
	examiner := dest.(store.KeyExaminer)
	if err := examiner.ExamineKey(t.Context(), "alias/copies"); err != nil {
		t.Errorf("a key that is enabled: %v", err)
	}
	if err := examiner.ExamineKey(t.Context(), "alias/none"); !errors.Is(err, store.ErrKey) {
		t.Errorf("a key that is not there: %v", err)
	}
	if err := server.DisableKey(spoke, home, "alias/copies"); err != nil {
		t.Fatal(err)
	}
	if err := examiner.ExamineKey(t.Context(), "alias/copies"); !errors.Is(err, store.ErrKey) {
		t.Errorf("a key that is disabled: %v", err)
	}
}
