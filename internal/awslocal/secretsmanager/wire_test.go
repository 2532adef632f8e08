package secretsmanager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// wire carries the calls of the SDK to the service, without a network.
type wire struct{ w *world }

func (c wire) RoundTrip(q *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	_, op, _ := strings.Cut(q.Header.Get("X-Amz-Target"), ".")
	r := c.w.request(op, in{})
	r.Body = body
	var out any
	status := 200
	answer, refused := c.w.svc.Serve(q.Context(), r)
	if refused != nil {
		status, out = refused.HTTPStatus(), map[string]string{"__type": refused.Code, "Message": refused.Message}
	} else {
		out = answer.JSON
	}
	text, err := json.Marshal(out)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(bytes.NewReader(text)), Request: q}, err
}

func TestTheSDKUnderstandsTheAnswers(t *testing.T) {
	w := newWorld(t)
	w.now = w.now.Add(123 * time.Millisecond)
	client := sdk.New(sdk.Options{
		Region: region, HTTPClient: &http.Client{Transport: wire{w}}, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
	ctx := t.Context()
	name := aws.String("s")
	created, err := client.CreateSecret(ctx, &sdk.CreateSecretInput{Name: name, SecretBinary: []byte{0, 255}, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	if err != nil {
		t.Fatal(err)
	}
	value, err := client.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: name})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(value.SecretBinary, []byte{0, 255}) || *value.VersionId != *created.VersionId || !value.CreatedDate.Equal(w.now) {
		t.Fatalf("value of version %s of %v", *value.VersionId, value.CreatedDate)
	}
	if err := w.svc.Seed(account, region, w.now, Secret{Name: "rotated", Value: "x", RotationEnabled: true}); err != nil {
		t.Fatal(err)
	}
	list, err := client.ListSecrets(ctx, &sdk.ListSecretsInput{MaxResults: aws.Int32(10)})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.SecretList) != 2 || list.NextToken != nil || len(list.SecretList[0].Tags) != 1 || !aws.ToBool(list.SecretList[1].RotationEnabled) {
		t.Fatalf("list: %+v", list)
	}
	batch, err := client.BatchGetSecretValue(ctx, &sdk.BatchGetSecretValueInput{SecretIdList: []string{"s", "none"}})
	if err != nil || len(batch.SecretValues) != 1 || len(batch.Errors) != 1 {
		t.Fatalf("batch: %+v, %v", batch, err)
	}
	_, err = client.PutSecretValue(ctx, &sdk.PutSecretValueInput{SecretId: name, SecretString: aws.String("x"), ClientRequestToken: created.VersionId})
	if exists := new(types.ResourceExistsException); !errors.As(err, &exists) {
		t.Fatalf("another value under the same token: %v", err)
	}
	w.keys.refusals["Decrypt"] = &service.Error{Code: "DisabledException", Message: "disabled"}
	_, err = client.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: name})
	if failure := new(types.DecryptionFailure); !errors.As(err, &failure) {
		t.Fatalf("a disabled key: %v", err)
	}
}
