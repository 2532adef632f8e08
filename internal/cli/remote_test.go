package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

// parameterStore answers GetParameter for one parameter.
func parameterStore(t *testing.T, name, value string) *awscfg.Factory {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Name           string
			WithDecryption bool
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || !in.WithDecryption {
			t.Errorf("%s %+v: %v", r.Header.Get("X-Amz-Target"), in, err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if in.Name != name {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ParameterNotFound","message":""}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": name, "Value": value}})
	}))
	t.Cleanup(s.Close)
	return awscfg.New(awscfg.Options{Load: []func(*awsconfig.LoadOptions) error{
		awsconfig.WithBaseEndpoint(s.URL), awsconfig.WithRegion("us-east-1"),
		awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("123456789012", "any", "")),
	}})
}

func TestAConfigurationIsReadFromParameterStore(t *testing.T) {
	t.Parallel()
	f := parameterStore(t, "/secretsync/config", "version: 1")
	data, err := readParameter(context.Background(), f, "/secretsync/config")
	if err != nil || string(data) != "version: 1" {
		t.Errorf("%q, %v", data, err)
	}
	_, err = readParameter(context.Background(), f, "/other")
	if err == nil || !strings.Contains(err.Error(), `GetParameter "/other" in us-east-1: ParameterNotFound`) {
		t.Errorf("%v", err)
	}
}
