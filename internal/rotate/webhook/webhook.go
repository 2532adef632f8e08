// Package webhook is the engine for credentials that an HTTPS endpoint knows how to change: the protocol of package command, by POST. docs/rotation-exec.md is its page.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/secretsync-dev/secretsync/internal/hook"
	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/protocol"
)

const usualTimeout = time.Minute

// Options are what the engine works with.
type Options struct {
	// Generate makes the values that an endpoint does not make itself.
	Generate rotate.Engine
	// Now is the clock of signatures. Nil: time.Now.
	Now func() time.Time
	// Client returns the client for a URL. Nil: hook.Client, which refuses addresses that are no endpoint's.
	Client func(*url.URL) (*http.Client, error)
}

// New returns the engine. Settings.Webhook names the endpoint: https, or http on this machine. Every request is sent once, and signed where there is a key, which is read from the environment each
// time; redirects are not followed. Of the answer nothing but its status is ever shown.
//
//	status     means
//	200-299    the body is the answer; none is {}
//	501        the endpoint does not do this step
//	429, 502, 503, 504
//	           it is away, or what is behind it
//	others     a failure that tells nothing
func New(o Options) rotate.Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = hook.Client
	}
	return &protocol.Engine{Name: name, Call: o.call, Generate: o.Generate}
}

// name shows the host only: the path may be a secret.
func name(c rotate.Change) string {
	u, err := url.Parse(c.Webhook.URL)
	if err != nil || u.Hostname() == "" {
		return "webhook"
	}
	return "webhook " + u.Host
}

func (o Options) call(ctx context.Context, c rotate.Change, step protocol.Step, request []byte) ([]byte, error) {
	timeout := c.Webhook.Timeout
	if timeout <= 0 {
		timeout = usualTimeout
	}
	req, client, err := o.request(c, request)
	if err != nil {
		return nil, protocol.Unchanged(err)
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	resp, err := client.Do(req.WithContext(limited))
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case hook.Refused(err):
		return nil, protocol.Unchanged(hook.Cause(err))
	case hook.Unsent(err):
		return nil, protocol.Unchanged(fmt.Errorf("%w: %w", rotate.ErrAway, hook.Cause(err)))
	case limited.Err() != nil:
		return nil, fmt.Errorf("%w: no answer within %s", rotate.ErrAway, timeout)
	default:
		return nil, fmt.Errorf("%w: %w", rotate.ErrAway, hook.Cause(err))
	}
	defer func() { _ = resp.Body.Close() }()
	switch code := resp.StatusCode; {
	case code == http.StatusNotImplemented:
		return nil, fmt.Errorf("it answered %d to the step %s: %w", code, step, protocol.ErrNotMine)
	case code == http.StatusTooManyRequests, code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		return nil, fmt.Errorf("it answered %d to the step %s: %w", code, step, rotate.ErrAway)
	case code >= 300 && code < 400:
		return nil, fmt.Errorf("it answered %d: redirects are not followed", code)
	case code < 200 || code >= 300:
		return nil, fmt.Errorf("it answered %d to the step %s", code, step)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, protocol.MaxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the connection broke in the answer", rotate.ErrAway)
	case len(answer) > protocol.MaxAnswer:
		return nil, fmt.Errorf("its answer has more than %d bytes", protocol.MaxAnswer)
	}
	return answer, nil
}

// request makes a request that is ready to be sent.
func (o Options) request(c rotate.Change, body []byte) (*http.Request, *http.Client, error) {
	u, err := hook.ParseURL(c.Webhook.URL)
	if err != nil {
		return nil, nil, err
	}
	key, err := hook.Key(c.Webhook.Key)
	if err != nil {
		return nil, nil, err
	}
	client, err := o.Client(u)
	if err != nil {
		return nil, nil, err
	}
	req, err := http.NewRequest(http.MethodPost, u.String(), bytes.NewReader(bytes.Clone(body))) //nolint:noctx // the caller gives it one
	if err != nil {
		return nil, nil, errors.New("url is not one that can be posted to")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", hook.UserAgent)
	if key != nil {
		hook.Sign(req.Header, key, body, o.Now())
	}
	return req, client, nil
}
