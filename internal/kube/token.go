package kube

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const (
	tokenPrefix   = "k8s-aws-v1." //nolint:gosec // no credential, but what those of EKS begin with
	clusterHeader = "x-k8s-aws-id"
	presignedFor  = "60" // seconds; EKS takes the token for 15 minutes all the same
	tokenLife     = 14 * time.Minute
	sessionMargin = time.Minute // a token ends with the session that signed it
)

// tokenSource makes the tokens that EKS takes: a GetCallerIdentity that is signed here and sent to STS by the cluster. It is safe for concurrent use.
type tokenSource struct {
	cfg     aws.Config
	cluster string
	at      secret.Place

	mu    sync.Mutex
	token string
	until time.Time
}

func newTokenSource(cfg aws.Config, cluster string, at secret.Place) *tokenSource {
	cfg = cfg.Copy()
	cfg.APIOptions = nil // they are about calls, and signing makes none
	return &tokenSource{cfg: cfg, cluster: cluster, at: at}
}

// get returns a token; another one than refused, which may be empty.
func (s *tokenSource) get(ctx context.Context, refused string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && s.token != refused && time.Now().Before(s.until) {
		return s.token, nil
	}
	creds, err := s.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return "", s.fail(err)
	}
	now := time.Now()
	client := sts.NewPresignClient(sts.NewFromConfig(s.cfg, func(o *sts.Options) {
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil })
		o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue(clusterHeader, s.cluster), smithyhttp.AddHeaderValue("X-Amz-Expires", presignedFor))
	}))
	signed, err := client.PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", s.fail(err)
	}
	s.token, s.until = tokenPrefix+base64.RawURLEncoding.EncodeToString([]byte(signed.URL)), now.Add(tokenLife)
	if end := creds.Expires.Add(-sessionMargin); creds.CanExpire && end.Before(s.until) {
		s.until = end
	}
	return s.token, nil
}

func (s *tokenSource) fail(err error) error {
	e := awscfg.Error("sign in to EKS cluster", s.at, err)
	e.Name = secret.Name(s.cluster)
	if e.Kind == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		e.Kind = store.ErrCredentials
	}
	return e
}

// bearer sends requests with a token. Where the server does not take it, another one is made, once.
type bearer struct {
	next   http.RoundTripper
	source *tokenSource
}

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := b.source.get(r.Context(), "")
	if err != nil {
		drop(r.Body)
		return nil, err
	}
	resp, err := b.next.RoundTrip(with(r, token))
	if err != nil || resp.StatusCode != http.StatusUnauthorized || r.Body != nil && r.Body != http.NoBody && r.GetBody == nil {
		return resp, err
	}
	again, err := b.source.get(r.Context(), token)
	if err != nil || again == token {
		return resp, nil //nolint:nilerr // the server's refusal says more
	}
	second := with(r, again)
	if r.GetBody != nil {
		if second.Body, err = r.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // the server's refusal says more
		}
	}
	drop(resp.Body)
	return b.next.RoundTrip(second)
}

// WrappedRoundTripper returns what the bearer is around.
func (b *bearer) WrappedRoundTripper() http.RoundTripper { return b.next }

func with(r *http.Request, token string) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// drop closes a body that nobody reads any more.
func drop(body io.ReadCloser) {
	if body != nil {
		_ = body.Close() // nothing of it is used
	}
}
