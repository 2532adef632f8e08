package awslocal_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

var ctx = context.Background()

func TestAccountsAndRegionsAreApart(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	create(t, secrets(s, "us-east-1", "111111111111"), "a", "v")
	create(t, secrets(s, "us-east-1", "AKIAANYTHING"), "b", "v")
	for _, c := range []struct{ region, key, want string }{
		{"us-east-1", "111111111111", "a"},
		{"eu-west-1", "111111111111", ""},
		{"us-east-1", "somebody", "b"},
		{"us-east-1", "123456789012", "b"},
		{"us-east-1", "222222222222", ""},
	} {
		out, err := secrets(s, c.region, c.key).ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range out.SecretList {
			names = append(names, *e.Name)
		}
		if got := strings.Join(names, ","); got != c.want {
			t.Errorf("%s in %s sees %q, want %q", c.key, c.region, got, c.want)
		}
	}
}

func TestTheSDKWorksOverHTTP(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	url, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := aws.Config{Region: "eu-west-1", Credentials: key("333333333333"), BaseEndpoint: &url}
	c := secretsmanager.NewFromConfig(cfg)
	create(t, c, "app/db", "v1")
	got, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
	if err != nil || *got.SecretString != "v1" {
		t.Fatalf("GetSecretValue: %v", err)
	}
	if !strings.HasPrefix(*got.ARN, "arn:aws:secretsmanager:eu-west-1:333333333333:secret:app/db-") {
		t.Errorf("ARN %s", *got.ARN)
	}
	id, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || *id.Account != "333333333333" || *id.Arn != "arn:aws:iam::333333333333:root" {
		t.Errorf("GetCallerIdentity: %+v, %v", id, err)
	}
	_, err = c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("missing")})
	wantCode(t, err, "ResourceNotFoundException", 400, "can't find the specified secret")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := s.Listen("127.0.0.1:0"); err == nil {
		t.Error("a closed server listens")
	}
}

func request(t *testing.T, s *awslocal.Server, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://aws.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := &recorder{header: http.Header{}, status: 200}
	s.ServeHTTP(w, req)
	return w.status, w.header, w.body.String()
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

const auth = "AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=00"

func TestTheWireIsAWSs(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	signed := func(service string) string { return strings.Replace(auth, "%s", service, 1) }
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		mime, want               string
	}{
		{"health", "GET", "/", "", nil, 200, "text/plain; charset=utf-8", "ok"},
		{"health at its own path", "GET", awslocal.HealthPath, "", nil, 200, "text/plain; charset=utf-8", "ok"},
		{"JSON answer", "POST", "/", `{}`, []string{"Authorization", signed("secretsmanager"), "X-Amz-Target", "secretsmanager.ListSecrets", "Content-Type", "application/x-amz-json-1.1"}, 200, "application/x-amz-json-1.1", `{"SecretList":[]}`},
		{"JSON refusal of Secrets Manager", "POST", "/", `{"SecretId":"x"}`, []string{"Authorization", signed("secretsmanager"), "X-Amz-Target", "secretsmanager.DescribeSecret", "Content-Type", "application/x-amz-json-1.1"}, 400, "application/x-amz-json-1.1", `{"__type":"ResourceNotFoundException","Message":"`},
		{"JSON refusal of KMS", "POST", "/", `{"KeyId":"alias/x"}`, []string{"Authorization", signed("kms"), "X-Amz-Target", "TrentService.DescribeKey", "Content-Type", "application/x-amz-json-1.1"}, 400, "application/x-amz-json-1.1", `{"__type":"NotFoundException","message":"Alias arn:aws:kms:us-east-1:123456789012:alias/x is not found."}`},
		{"query answer", "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", []string{"Authorization", signed("sts"), "Content-Type", "application/x-www-form-urlencoded"}, 200, "text/xml", `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn>`},
		{"query refusal", "POST", "/", "Action=Nothing", []string{"Authorization", signed("sts")}, 400, "text/xml", `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code>`},
		{"presigned", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Credential=111111111111%2F20260101%2Feu-west-1%2Fsts%2Faws4_request", "", nil, 200, "text/xml", "<Account>111111111111</Account>"},
		{"unknown service", "POST", "/", "", []string{"Authorization", signed("s3")}, 404, "text/xml", `has no service &#34;s3&#34;; it has ecs, eks, events, kms, secretsmanager, sns, sqs, ssm, sts`},
		{"no signature", "POST", "/", `{}`, []string{"X-Amz-Target", "secretsmanager.ListSecrets"}, 400, "application/x-amz-json-1.1", "MissingAuthenticationTokenException"},
		{"no signature, query", "POST", "/", "Action=GetCallerIdentity", nil, 403, "text/xml", "MissingAuthenticationToken<"},
		{"broken scope", "POST", "/", `{}`, []string{"X-Amz-Target", "secretsmanager.ListSecrets", "Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/2026/us-east-1"}, 400, "application/x-amz-json-1.1", "IncompleteSignatureException"},
		{"not JSON", "POST", "/", `{"SecretId": hunter2`, []string{"Authorization", signed("kms"), "X-Amz-Target", "TrentService.DescribeKey"}, 400, "application/x-amz-json-1.1", "SerializationException"},
		{"unknown operation", "POST", "/", `{}`, []string{"Authorization", signed("kms"), "X-Amz-Target", "TrentService.Sign"}, 400, "application/x-amz-json-1.1", "UnknownOperationException"},
		{"no operation", "POST", "/", ``, []string{"Authorization", signed("sts")}, 400, "text/xml", "MissingAction"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, body := request(t, s, c.method, c.path, c.body, c.header...)
			if status != c.status || !strings.Contains(body, c.want) || header.Get("Content-Type") != c.mime {
				t.Errorf("%d %s %s, want %d %s with %s", status, header.Get("Content-Type"), body, c.status, c.mime, c.want)
			}
			if strings.Contains(body, "hunter2") {
				t.Error("the answer quotes the request")
			}
			if c.name != "health" && c.name != "health at its own path" && header.Get("X-Amzn-Requestid") == "" {
				t.Error("no request id")
			}
		})
	}
}

func TestTheLedgerHoldsEveryCallAndWhoMadeIt(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := secrets(s, "us-east-1", "111111111111")
	create(t, c, "app/db", "v")
	mark := s.Ledger().Mark()
	_, _ = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
	_, _ = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("missing")})

	l := s.Ledger()
	for _, x := range []struct {
		m    awslocal.Match
		want int
	}{
		{awslocal.Match{}, 3},
		{awslocal.Match{Operation: "GetSecretValue"}, 2},
		{awslocal.Match{Operation: "Get*", Outcome: awslocal.OK}, 1},
		{awslocal.Match{Outcome: "ResourceNotFoundException", Resource: "missing"}, 1},
		{awslocal.Match{Account: "111111111111", Region: "us-east-1", Service: "secretsmanager", Principal: "arn:aws:iam::111111111111:root", Resource: "app/*"}, 2},
		{awslocal.Match{Account: "222222222222"}, 0},
		{awslocal.Match{Internal: true}, 2},
		{awslocal.Match{Internal: true, Operation: "GenerateDataKey"}, 1},
		{awslocal.Match{Service: "kms"}, 0},
	} {
		if got := l.Count(x.m); got != x.want {
			t.Errorf("Count(%+v) = %d, want %d: %+v", x.m, got, x.want, l.Calls())
		}
	}
	if got := l.Since(mark).Count(awslocal.Match{}); got != 2 {
		t.Errorf("since the mark: %d calls, want 2", got)
	}
	l.Reset()
	if got := len(l.Calls()); got != 0 {
		t.Errorf("after Reset: %d calls", got)
	}
}

func TestALimitedLedgerKeepsTheLatestCalls(t *testing.T) {
	s := newServer(t, awslocal.Options{LedgerSize: 10})
	c := secrets(s, "us-east-1", "111111111111")
	for range 95 {
		if _, err := c.ListSecrets(ctx, &secretsmanager.ListSecretsInput{}); err != nil {
			t.Fatal(err)
		}
	}
	mark := s.Ledger().Mark()
	_, _ = c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("x")})
	calls := s.Ledger().Calls()
	if len(calls) < 10 || len(calls) > 20 || calls[len(calls)-1].Operation != "DescribeSecret" {
		t.Errorf("%d calls, the last %+v", len(calls), calls[len(calls)-1])
	}
	if got := s.Ledger().Since(mark); len(got) != 1 || mark != 95 {
		t.Errorf("since mark %d: %d calls, want 1", mark, len(got))
	}
}

func TestNoValueIsLogged(t *testing.T) {
	const canary = "canary-7f3a-value"
	var log bytes.Buffer
	s := newServer(t, awslocal.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	c := secrets(s, "us-east-1", "111111111111")
	create(t, c, "app/db", canary)
	_, _ = c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/db"), SecretString: aws.String(canary)})
	_, _ = c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
	if n := strings.Count(log.String(), "aws call"); n != 3 {
		t.Errorf("%d lines, want one a call", n)
	}
	if strings.Contains(log.String(), canary) {
		t.Error("the log holds a value")
	}
}

func TestABodyThatIsTooLargeIsRefused(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	req, _ := http.NewRequest("POST", "http://aws.test/", io.LimitReader(zeros{}, 17<<20))
	req.Header.Set("Authorization", strings.Replace(auth, "%s", "kms", 1))
	req.Header.Set("X-Amz-Target", "TrentService.ListKeys")
	res, err := s.Transport().RoundTrip(req)
	if err != nil || res.StatusCode != 400 {
		t.Errorf("%v, %v; want status 400", res, err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
