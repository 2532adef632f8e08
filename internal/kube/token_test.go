package kube

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestATokenIsRenewedBeforeTheClusterOrItsSessionEndsIt(t *testing.T) {
	for name, test := range map[string]struct {
		session time.Duration // that is left of it; 0: it does not end
		kept    time.Duration
	}{
		"a session that does not end": {0, 14*time.Minute - time.Second},
		"a session that ends earlier": {10 * time.Minute, 9*time.Minute - time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				creds := aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "s3cr3t-c4n4ry", SessionToken: "session", CanExpire: test.session > 0, Expires: time.Now().Add(test.session)}
				source := newTokenSource(aws.Config{Region: "eu-west-1", Credentials: aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil }))}, "prod", secret.Place{})
				first, err := source.get(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.kept)
				if again, err := source.get(t.Context(), ""); err != nil || again != first {
					t.Errorf("it was made anew after %v: %v", test.kept, err)
				}
				time.Sleep(2 * time.Second)
				if again, err := source.get(t.Context(), ""); err != nil || again == first {
					t.Errorf("it was kept beyond %v: %v", test.kept, err)
				}
			})
		})
	}
}

func TestATokenIsAQuestionToSTSThatIsSignedForOneCluster(t *testing.T) {
	cfg := aws.Config{Region: "eu-west-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "s3cr3t-c4n4ry"}, nil
	})}
	text := func(cluster string) *url.URL {
		token, err := newTokenSource(cfg, cluster, secret.Place{}).get(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		signed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "k8s-aws-v1."))
		if err != nil || strings.Contains(string(signed), "c4n4ry") {
			t.Fatalf("got %s, %v", signed, err)
		}
		u, err := url.Parse(string(signed))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	u := text("prod")
	q := u.Query()
	if u.Host != "sts.eu-west-1.amazonaws.com" || q.Get("Action") != "GetCallerIdentity" || q.Get("X-Amz-Expires") != "60" || q.Get("X-Amz-SignedHeaders") != "host;x-k8s-aws-id" {
		t.Errorf("got %s", u)
	}
	for range 5 { // the same second is needed to compare two
		one, other := text("prod").Query(), text("other").Query()
		if one.Get("X-Amz-Date") == other.Get("X-Amz-Date") {
			if one.Get("X-Amz-Signature") == other.Get("X-Amz-Signature") {
				t.Error("the cluster's name is not signed")
			}
			return
		}
	}
	t.Error("no two tokens of one second")
}

// gate is a server that does not take the first token that it sees.
type gate struct {
	first  string
	bodies []string
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	g.bodies = append(g.bodies, string(body))
	resp := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}
	if g.first == "" {
		g.first = r.Header.Get("Authorization")
	}
	if r.Header.Get("Authorization") == g.first {
		resp.StatusCode = http.StatusUnauthorized
		time.Sleep(time.Second)
	}
	return resp, nil
}

func TestATokenThatIsNotTakenIsMadeAnewOnceWithTheWholeRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		creds := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "s3cr3t-c4n4ry"}, nil
		})
		g := &gate{}
		b := &bearer{next: g, source: newTokenSource(aws.Config{Region: "eu-west-1", Credentials: creds}, "prod", secret.Place{})}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, "https://cluster.invalid/", strings.NewReader("whole"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := b.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK || !slices.Equal(g.bodies, []string{"whole", "whole"}) {
			t.Errorf("got %v, %v after %q", resp, err, g.bodies)
		}
		if req.Header.Get("Authorization") != "" {
			t.Error("the request of the caller was changed")
		}
	})
}
