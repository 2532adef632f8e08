package ssm_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const (
	account = "111111111111"
	region  = "us-east-1"
	canary  = "canary-7c1f" // a value that must be in no error and no record
)

// world is an embedded AWS with a client of its Parameter Store, and a clock that stands still.
type world struct {
	*testing.T
	s *awslocal.Server
	c *sdk.Client

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, change ...func(*awslocal.Options)) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	o := awslocal.Options{Clock: w.clock}
	for _, c := range change {
		c(&o)
	}
	var err error
	if w.s, err = awslocal.New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.s.Close() })
	w.c = w.client(account)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) client(accessKey string) *sdk.Client {
	return sdk.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: w.s.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	})
}

// put makes a String, or a new version of one; change sets the rest.
func (w *world) put(name, value string, change ...func(*sdk.PutParameterInput)) (*sdk.PutParameterOutput, error) {
	in := &sdk.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeString}
	for _, c := range change {
		c(in)
	}
	return w.c.PutParameter(w.Context(), in)
}

func (w *world) mustPut(name, value string, change ...func(*sdk.PutParameterInput)) *sdk.PutParameterOutput {
	w.Helper()
	out, err := w.put(name, value, change...)
	if err != nil {
		w.Fatalf("put %s: %v", name, err)
	}
	return out
}

func overwrite(in *sdk.PutParameterInput) { in.Overwrite, in.Type = aws.Bool(true), "" }
func secure(in *sdk.PutParameterInput)    { in.Type = types.ParameterTypeSecureString }
func advanced(in *sdk.PutParameterInput)  { in.Tier = types.ParameterTierAdvanced }
func tagged(kv ...string) func(*sdk.PutParameterInput) {
	return func(in *sdk.PutParameterInput) { in.Tags = tags(kv...) }
}

func tags(kv ...string) []types.Tag {
	var out []types.Tag
	for i := 0; i+1 < len(kv); i += 2 {
		out = append(out, types.Tag{Key: &kv[i], Value: &kv[i+1]})
	}
	return out
}

// get reads a parameter, decrypted.
func (w *world) get(name string) (*types.Parameter, error) {
	out, err := w.c.GetParameter(w.Context(), &sdk.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	return out.Parameter, nil
}

func (w *world) mustGet(name string) *types.Parameter {
	w.Helper()
	p, err := w.get(name)
	if err != nil {
		w.Fatalf("get %s: %v", name, err)
	}
	return p
}

// describe returns what a listing shows of one parameter.
func (w *world) describe(name string) types.ParameterMetadata {
	w.Helper()
	out, err := w.c.DescribeParameters(w.Context(), &sdk.DescribeParametersInput{
		ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Name"), Values: []string{name}}},
	})
	if err != nil || len(out.Parameters) != 1 {
		w.Fatalf("describe %s: %v, %v", name, out, err)
	}
	return out.Parameters[0]
}

// names lists parameters in pages of that size.
func (w *world) names(size int32, filters ...types.ParameterStringFilter) string {
	w.Helper()
	var all []string
	pages := sdk.NewDescribeParametersPaginator(w.c, &sdk.DescribeParametersInput{MaxResults: &size, ParameterFilters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, p := range page.Parameters {
			all = append(all, *p.Name)
		}
	}
	return strings.Join(all, " ")
}

func (w *world) wantNames(what, want string, filters ...types.ParameterStringFilter) {
	w.Helper()
	if got := w.names(50, filters...); got != want {
		w.Errorf("%s: %q, want %q", what, got, want)
	}
}

// wantCode checks an SDK error: its code, a part of its text, and that it holds no value.
func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("error %v, want code %s", err, code)
		return
	}
	if !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("%s: text %q, want %q in it", code, api.ErrorMessage(), text)
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("%s: the error holds the value", code)
	}
}
