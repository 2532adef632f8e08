package kube

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

// observer tells of every request when its answer has begun. What it tells holds no name.
type observer struct {
	next    http.RoundTripper
	base    string // of the server's paths
	observe func(awscfg.Call)
}

func (o *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := o.next.RoundTrip(r)
	call := awscfg.Call{Service: "Kubernetes", Operation: operation(r, o.base), Attempt: 1, Outcome: outcome(resp, err), Took: time.Since(began)}
	if resp != nil && resp.StatusCode >= http.StatusBadRequest {
		call.Code = http.StatusText(resp.StatusCode)
	}
	o.observe(call)
	return resp, err
}

// WrappedRoundTripper returns what the observer is around.
func (o *observer) WrappedRoundTripper() http.RoundTripper { return o.next }

func outcome(resp *http.Response, err error) awscfg.Outcome {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return awscfg.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return awscfg.TimedOut
	case err != nil:
		return awscfg.Failed
	case resp.StatusCode == http.StatusTooManyRequests:
		return awscfg.Throttled
	case resp.StatusCode >= http.StatusInternalServerError:
		return awscfg.Failed
	case resp.StatusCode >= http.StatusBadRequest:
		return awscfg.Refused
	}
	return awscfg.OK
}

// operation returns what a request does, as RBAC has it: "patch secrets", "list namespaces", "update deployments/scale".
//
//	/api/v1/RESOURCE[/NAME[/SUB]]                          the core group, without a namespace
//	/api/v1/namespaces/NS/RESOURCE[/NAME[/SUB]]            in one
//	/apis/GROUP/VERSION/…                                  the other groups
func operation(r *http.Request, base string) string {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, base), "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return strings.ToLower(r.Method)
	}
	if len(parts) > 2 && parts[0] == "namespaces" && parts[2] != "status" && parts[2] != "finalize" {
		parts = parts[2:]
	}
	resource, named := parts[0], len(parts) > 1
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	return verb(r, named) + " " + resource
}

func verb(r *http.Request, named bool) string {
	switch r.Method {
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodDelete:
		if !named {
			return "deletecollection"
		}
	case http.MethodGet:
		if watch := r.URL.Query().Get("watch"); watch == "true" || watch == "1" {
			return "watch"
		}
		if !named {
			return "list"
		}
	}
	return strings.ToLower(r.Method)
}

// basePath returns what a server's address has behind the host, as a proxy's may.
func basePath(host string) string {
	u, err := url.Parse(host)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}
