package kube

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

func TestARequestIsNamedByVerbAndResourceAndByNothingElse(t *testing.T) {
	for _, test := range []struct{ method, path, base, want string }{
		{"GET", "/api/v1/namespaces/apps/secrets?limit=500", "", "list secrets"},
		{"GET", "/api/v1/namespaces/apps/secrets/db", "", "get secrets"},
		{"GET", "/api/v1/namespaces/apps/secrets?watch=true", "", "watch secrets"},
		{"PATCH", "/api/v1/namespaces/apps/secrets/db", "", "patch secrets"},
		{"DELETE", "/api/v1/namespaces/apps/secrets/db", "", "delete secrets"},
		{"DELETE", "/api/v1/namespaces/apps/secrets", "", "deletecollection secrets"},
		{"GET", "/api/v1/secrets", "", "list secrets"},
		{"GET", "/api/v1/namespaces", "", "list namespaces"},
		{"GET", "/api/v1/namespaces/apps", "", "get namespaces"},
		{"PUT", "/api/v1/namespaces/apps/finalize", "", "update namespaces/finalize"},
		{"PATCH", "/apis/apps/v1/namespaces/apps/deployments/web", "", "patch deployments"},
		{"PUT", "/apis/apps/v1/namespaces/apps/deployments/web/scale", "", "update deployments/scale"},
		{"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "", "create selfsubjectaccessreviews"},
		{"GET", "/k8s/clusters/api/api/v1/namespaces/apps/secrets/db", "/k8s/clusters/api", "get secrets"},
		{"GET", "/version", "", "get"},
		{"GET", "/apis/apps", "", "get"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, "https://cluster.invalid"+test.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if got := operation(r, test.base); got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.method, test.path, got, test.want)
		}
	}
}

func TestTheOutcomeOfARequestFollowsFromItsStatus(t *testing.T) {
	for status, want := range map[int]awscfg.Outcome{200: awscfg.OK, 201: awscfg.OK, 403: awscfg.Refused, 404: awscfg.Refused, 429: awscfg.Throttled, 503: awscfg.Failed} {
		if got := outcome(&http.Response{StatusCode: status}, nil); got != want {
			t.Errorf("%d: got %q, want %q", status, got, want)
		}
	}
	for err, want := range map[error]awscfg.Outcome{context.Canceled: awscfg.Canceled, context.DeadlineExceeded: awscfg.TimedOut, errors.New("refused"): awscfg.Failed} {
		if got := outcome(nil, err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
