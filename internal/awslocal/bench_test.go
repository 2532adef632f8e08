package awslocal_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

// BenchmarkFrontDoor measures one call without a client's own cost: ten thousand secrets, one described, or a page of a hundred listed.
func BenchmarkFrontDoor(b *testing.B) {
	region := awslocal.SeedRegion{Secrets: map[string]awslocal.SeedSecret{}}
	for i := range 10_000 {
		region.Secrets[fmt.Sprintf("app/%05d", i)] = awslocal.SeedSecret{Value: "v"}
	}
	s, err := awslocal.New(awslocal.Options{LedgerSize: 1000, Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
		"111111111111": {Regions: map[string]awslocal.SeedRegion{"us-east-1": region}},
	}}})
	if err != nil {
		b.Fatal(err)
	}
	transport := s.Transport()
	for _, c := range []struct{ operation, body string }{
		{"DescribeSecret", `{"SecretId":"app/05000"}`},
		{"GetSecretValue", `{"SecretId":"app/05000"}`},
		{"ListSecrets", `{"MaxResults":100}`},
	} {
		b.Run(c.operation, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, _ := http.NewRequest("POST", "http://aws.test/", strings.NewReader(c.body))
				req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/secretsmanager/aws4_request, SignedHeaders=host, Signature=0")
				req.Header.Set("X-Amz-Target", "secretsmanager."+c.operation)
				res, err := transport.RoundTrip(req)
				if err != nil || res.StatusCode != 200 {
					b.Fatal(res, err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
			}
		})
	}
}
