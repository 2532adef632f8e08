package awscfg_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

func TestAServerThatAnswersAtOnceIsAskedOncePerCall(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "")
	page := []byte(`{"SecretList": [{"Name": "` + strings.Repeat("x", 100_000) + `"}]}`)
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write(page)
	}))
	defer server.Close()
	const calls = 1500
	for range calls / 3 {
		f := awscfg.New(awscfg.Options{Load: []func(*config.LoadOptions) error{config.WithBaseEndpoint(server.URL), config.WithRegion("us-east-1"),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("123456789012", "secret", ""))}})
		cfg, err := f.Config(t.Context(), awscfg.Target{})
		if err != nil {
			t.Fatal(err)
		}
		client := secretsmanager.NewFromConfig(cfg)
		for range 3 {
			if _, err := client.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := asked.Load(); n != calls {
		t.Errorf("%d requests for %d calls", n, calls)
	}
}
