package engine_test

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// key makes a customer-managed key with an alias and returns the key's ARN.
func (l *lab) key(account, region, alias string) string {
	l.t.Helper()
	c := kms.New(kms.Options{Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: l.aws.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(account, "secret", "")})
	out, err := c.CreateKey(l.t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := c.CreateAlias(l.t.Context(), &kms.CreateAliasInput{AliasName: &alias, TargetKeyId: out.KeyMetadata.KeyId}); err != nil {
		l.t.Fatal(err)
	}
	return aws.ToString(out.KeyMetadata.Arn)
}
