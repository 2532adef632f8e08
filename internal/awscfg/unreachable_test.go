package awscfg_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// bare is a factory with credentials and with nothing of this machine's configuration.
func bare(o awscfg.Options, more ...func(*config.LoadOptions) error) *awscfg.Factory {
	o.Load = append([]func(*config.LoadOptions) error{
		config.WithRegion("us-east-1"), config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(hub, "secret", "")),
	}, more...)
	return awscfg.New(o)
}

// closedPort is an address of this machine that nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestARefusedConnectionIsToldAtOnceAndSaysSo(t *testing.T) {
	addr := closedPort(t)
	counter := &awscfg.Counter{}
	f := bare(awscfg.Options{Observe: counter.Observe}, config.WithBaseEndpoint("http://"+addr))
	began := time.Now()
	err := awscfg.Error("ListSecrets", secret.Place{}, list(t.Context(), client(t, f, awscfg.Target{})))
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
	if counts := counter.Counts(); len(counts) != 1 || counts[0].Attempts != 3 {
		t.Errorf("got %+v, want 3 attempts", counts)
	}
}

func TestACallThatNobodyAnswersEndsSoon(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "") // it would ask for a client that takes certificates
	dropping := func(t *testing.T) http.RoundTripper {
		server, err := awslocal.New(awslocal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		server.Faults().Add(awslocal.Fault{Drop: true})
		return server.Transport()
	}
	fails := func(err error) func(*testing.T) http.RoundTripper {
		return func(*testing.T) http.RoundTripper {
			return transportFunc(func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
			})
		}
	}
	for _, test := range []struct {
		name        string
		by          func(*testing.T) http.RoundTripper
		attempts    int
		least, most time.Duration
		want        string
	}{
		{"every connection is dropped", dropping, 8, 8800 * time.Millisecond, 17750 * time.Millisecond, "connection reset"},
		{"the name does not resolve", fails(&net.DNSError{Err: "no such host", Name: "nowhere.invalid", IsNotFound: true}), 3, 375 * time.Millisecond, 750 * time.Millisecond, "no such host"},
		{"the name server is down", fails(&net.DNSError{Err: "server misbehaving", Name: "x.invalid", IsTemporary: true}), 8, 8800 * time.Millisecond, 17750 * time.Millisecond, "server misbehaving"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				counter := &awscfg.Counter{}
				f := bare(awscfg.Options{Observe: counter.Observe}, config.WithHTTPClient(&http.Client{Transport: test.by(t)}))
				began := time.Now()
				err := awscfg.Error("ListSecrets", secret.Place{}, list(t.Context(), client(t, f, awscfg.Target{})))
				if took := time.Since(began); took < test.least || took > test.most {
					t.Errorf("it took %s, want %s to %s", took, test.least, test.most)
				}
				if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v", err)
				}
				if counts := counter.Counts(); len(counts) != 1 || counts[0].Attempts != test.attempts {
					t.Errorf("got %+v, want %d attempts", counts, test.attempts)
				}
			})
		})
	}
}

func TestAnInstanceWithoutARoleIsToldHowToGiveCredentials(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(refusing.Close)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
	for _, test := range []struct{ name, disabled, why string }{
		{"it refuses", "", "HTTP status 403 Forbidden"},
		{"it is switched off", "true", "AWS_EC2_METADATA_DISABLED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("AWS_EC2_METADATA_DISABLED", test.disabled)
			f := bare(awscfg.Options{}, config.WithCredentialsProvider(nil), config.WithEC2IMDSEndpoint(refusing.URL), config.WithLogger(logging.Nop{}))
			err := awscfg.Error("ListSecrets", secret.Place{}, list(t.Context(), client(t, f, awscfg.Target{})))
			if !errors.Is(err, store.ErrCredentials) {
				t.Errorf("got %v", err)
			}
			for _, want := range []string{"none were found", test.why, "AWS_PROFILE", "AWS_ACCESS_KEY_ID"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestCredentialsThatAreNotAnsweredInTimeAreMissingCredentials(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, late := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:1")
	if !errors.Is(late, context.DeadlineExceeded) {
		t.Fatalf("the network's timeout became something else: %v", late)
	}
	err := awscfg.Error("ListSecrets", secret.Place{}, &awscfg.CredentialsError{Err: late})
	if !errors.Is(err, store.ErrCredentials) || !strings.Contains(err.Error(), "AWS_PROFILE") {
		t.Errorf("got %v", err)
	}
}
