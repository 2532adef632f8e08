package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/hook"
)

const maxAnswer = 4 << 10 // bytes that are read of an answer, so that the connection ends well

// poster posts JSON to one URL. Of the URL only the host is ever shown.
type poster struct {
	url    *url.URL
	client *http.Client
	deps   Deps
}

func (d Deps) poster(u *url.URL, allowLocal bool, caFile string) (*poster, error) {
	cfg, err := d.tlsConfig("", caFile)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true, TLSHandshakeTimeout: d.Timeout, MaxResponseHeaderBytes: 64 << 10}
	dialer := &net.Dialer{Control: control(allowLocal, u.Scheme == "http")}
	proxy, err := d.Proxy(&http.Request{URL: u})
	switch {
	case err != nil:
		return nil, errors.New("the proxy of the environment is not a URL")
	case proxy != nil: // which reaches what its owner lets it reach
		t.Proxy = http.ProxyURL(proxy)
		dialer.Control = nil
	}
	t.DialContext = dialer.DialContext
	return &poster{url: u, deps: d, client: &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// post delivers a body. sign adds headers to every attempt; nil adds none.
func (p *poster) post(ctx context.Context, name string, body []byte, sign func(http.Header)) error {
	return p.deps.try(ctx, name, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), bytes.NewReader(body))
		if err != nil {
			return errors.New("url is not one that can be posted to")
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", hook.UserAgent)
		if sign != nil {
			sign(req.Header)
		}
		resp, err := p.client.Do(req)
		if err != nil {
			return netError(err)
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
		return p.answered(resp)
	})
}

// answered returns what an answer means; nil if the message was taken.
func (p *poster) answered(resp *http.Response) error {
	code := resp.StatusCode
	said := fmt.Errorf("it answered %d %s", code, http.StatusText(code))
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: redirects are not followed", said)
	case code == http.StatusTooManyRequests, code >= 500:
		return &temporary{err: said, after: retryAfter(resp.Header.Get("Retry-After"), p.deps.Now())}
	case code == http.StatusRequestTimeout:
		return &temporary{err: said}
	}
	return said
}

// retryAfter reads the header of that name: seconds or a date. 0 where it says nothing.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(strings.TrimSpace(header), 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
