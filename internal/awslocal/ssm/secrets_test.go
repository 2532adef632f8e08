package ssm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
)

func (w *world) secrets(accessKey string) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: w.s.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", ""), Retryer: aws.NopRetryer{},
	})
}

func TestTheReservedPathLeadsToSecrets(t *testing.T) {
	w := newWorld(t)
	sm := w.secrets(account)
	first, err := sm.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("app/db"), SecretString: aws.String("one")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: first.ARN, SecretString: aws.String("two")}); err != nil {
		t.Fatal(err)
	}
	const path = "/aws/reference/secretsmanager/app/db"
	for selector, want := range map[string]string{"": "two", ":AWSCURRENT": "two", ":AWSPREVIOUS": "one", ":" + aws.ToString(first.VersionId): "one"} {
		p := w.mustGet(path + selector)
		if aws.ToString(p.Value) != want || p.Type != "SecureString" || aws.ToString(p.Selector) != selector || aws.ToString(p.Name) != path {
			t.Errorf("%s: got %s %s %q", selector, aws.ToString(p.Name), p.Type, aws.ToString(p.Selector))
		}
		if aws.ToString(p.ARN) != aws.ToString(first.ARN) || !strings.Contains(aws.ToString(p.SourceResult), `"SecretString":"`+want+`"`) || !p.LastModifiedDate.Equal(w.now) {
			t.Errorf("%s: got %s, %v", selector, aws.ToString(p.ARN), p.LastModifiedDate)
		}
	}
	w.mustPut("/app/plain", "three")
	all, err := w.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: []string{path, "/app/plain", "/aws/reference/secretsmanager/gone", path + ":NOLABEL"}, WithDecryption: aws.Bool(true)})
	if err != nil || len(all.Parameters) != 2 || strings.Join(all.InvalidParameters, " ") != "/aws/reference/secretsmanager/gone "+path+":NOLABEL" {
		t.Errorf("got %v, %v", all, err)
	}

	_, err = w.get("/aws/reference/secretsmanager/gone")
	wantCode(t, err, "ParameterNotFound", "Secret /aws/reference/secretsmanager/gone not found")
	_, err = w.c.GetParameter(t.Context(), &sdk.GetParameterInput{Name: aws.String(path)})
	wantCode(t, err, "ValidationException", "WithDecryption flag must be True")
	w.wantNames("a listing", "/app/plain")
}

func TestWhoReadsASecretByTheReservedPathNeedsBothPermissions(t *testing.T) {
	document := func(text string) []policy.Document {
		d, err := policy.ParseIdentity([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return []policy.Document{d}
	}
	const parameter = `{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:aws:ssm:us-east-1:111111111111:parameter/aws/reference/secretsmanager/app/db"}`
	const value = `{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:us-east-1:111111111111:secret:app/db-??????"}`
	w := newWorld(t, func(o *awslocal.Options) {
		o.EnforceIAM = true
		o.Seed = &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{account: {
			Users: map[string]awslocal.SeedUser{"admin": {AccessKeyID: account}},
			Roles: map[string]awslocal.SeedRole{
				"Both":      {AccessKeyID: "BOTH", Policies: document(`{"Version": "2012-10-17", "Statement": [` + parameter + `, ` + value + `]}`)},
				"Parameter": {AccessKeyID: "PARAMETER", Policies: document(`{"Version": "2012-10-17", "Statement": [` + parameter + `]}`)},
				"Value":     {AccessKeyID: "VALUE", Policies: document(`{"Version": "2012-10-17", "Statement": [` + value + `]}`)},
			},
			Regions: map[string]awslocal.SeedRegion{region: {Secrets: map[string]awslocal.SeedSecret{"app/db": {Value: canary}}}},
		}}}
	})
	get := func(key string) error {
		_, err := w.client(key).GetParameter(t.Context(), &sdk.GetParameterInput{Name: aws.String("/aws/reference/secretsmanager/app/db"), WithDecryption: aws.Bool(true)})
		return err
	}
	if err := get("BOTH"); err != nil {
		t.Error(err)
	}
	wantCode(t, get("PARAMETER"), "AccessDeniedException", "secretsmanager:GetSecretValue")
	wantCode(t, get("VALUE"), "AccessDeniedException", "ssm:GetParameter")
}
