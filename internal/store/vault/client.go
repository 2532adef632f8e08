package vault

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// inFlight is how many calls one store makes at the same time.
const inFlight = 16

// client calls one server about one mount. It is safe for concurrent use.
type client struct {
	api     *api.Client
	base    string // of the address, in front of /v1
	place   secret.Place
	opts    Options
	session *session
	slots   chan struct{}

	down     atomic.Bool // the last call that waited did so in vain: until one is answered, none waits
	mounted  atomic.Bool // the mount was seen to be of KV version 2
	unpatchy atomic.Bool // PATCH is denied, or unknown to the server
}

// call is one request.
type call struct {
	op         string // what errors call it: "GET metadata"
	name       secret.Name
	method     string
	path       string // below /v1/
	capability string // what the policy must grant on path; empty for a login
	list       bool
	version    int // of the data that is read; 0: the current one
	patch      bool
	body       []byte
	secret     bool // the body holds a value or credentials: what the server says of it is not quoted
}

// answer is what a call returned: a success, or a 404 that says that nothing is at the path.
type answer struct {
	body     []byte
	missing  bool
	attempts int
}

// do makes a call with the session's token. Where the server does not take the token any more, another one is got, once.
// A 404 that names a reason, as one about a mount does, is an error.
func (c *client) do(ctx context.Context, k call) (answer, error) {
	token, err := c.session.token(ctx)
	if err != nil {
		return answer{}, err
	}
	a, err := c.send(ctx, k, token)
	if !c.session.rejected(ctx, err, token) {
		return a, err
	}
	if token, err = c.session.another(ctx, token); err != nil {
		return answer{}, err
	}
	return c.send(ctx, k, token)
}

// send makes a call, and makes it again while the server can't answer it for now.
func (c *client) send(ctx context.Context, k call, token string) (answer, error) {
	start := time.Now()
	for n := 1; ; n++ {
		a, failed := c.attempt(ctx, k, token)
		a.attempts = n
		switch {
		case failed == nil:
			c.down.Store(false)
			return a, nil
		case ctx.Err() != nil:
			return answer{}, c.interrupted(k, ctx.Err())
		case !failed.wait:
			c.down.Store(false)
			return answer{attempts: n}, c.fail(k, failed)
		}
		pause := max(c.backoff(n), failed.after)
		if c.down.Load() || time.Since(start)+pause > c.opts.Wait {
			c.down.Store(true)
			return answer{attempts: n}, c.fail(k, failed)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return answer{}, c.interrupted(k, ctx.Err())
		}
	}
}

// backoff returns the wait after the attempt n.
func (c *client) backoff(n int) time.Duration {
	full := min(200*time.Millisecond<<min(n-1, 10), c.opts.MaxBackoff)
	return full/2 + rand.N(full/2+1) //nolint:gosec // chance keeps callers apart, and guards nothing
}

// attempt makes a call once. The answer is read to its end, so that the connection can be used again.
func (c *client) attempt(ctx context.Context, k call, token string) (answer, *failure) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, &failure{cause: ctx.Err()}
	}
	r := c.api.NewRequest(k.method, "/v1/")
	r.URL.Path = c.base + "/v1/" + k.path // NewRequest would clean it, and so make another name of it
	r.ClientToken = token
	r.BodyBytes = k.body
	if k.list {
		r.Method = http.MethodGet
		r.Params.Set("list", "true")
	}
	if k.version > 0 {
		r.Params.Set("version", strconv.Itoa(k.version))
	}
	if k.patch {
		r.Headers.Set("Content-Type", "application/merge-patch+json")
	}
	resp, err := c.api.RawRequestWithContext(ctx, r) //nolint:staticcheck // the calls that it would replace clean paths, and decode values
	if resp == nil || resp.Response == nil {
		return answer{}, judge(k, 0, nil, err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	var refusal *api.ResponseError
	if err != nil && !errors.As(err, &refusal) {
		return answer{}, judge(k, resp.StatusCode, resp.Header, err)
	}
	body, readErr := io.ReadAll(resp.Body)
	if readErr != nil {
		return answer{}, judge(k, resp.StatusCode, resp.Header, readErr)
	}
	if refusal == nil {
		if resp.StatusCode >= http.StatusMultipleChoices {
			return answer{}, judge(k, resp.StatusCode, resp.Header, nil)
		}
		return answer{body: body}, nil
	}
	empty := refusal.RawError && len(body) == 0
	if resp.StatusCode == http.StatusNotFound && (len(refusal.Errors) == 0 && !refusal.RawError || empty && k.patch) {
		return answer{body: body, missing: true}, nil
	}
	return answer{}, judge(k, resp.StatusCode, resp.Header, refusal)
}
