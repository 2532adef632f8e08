package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/hook"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	attempts   = 3
	perAttempt = 10 * time.Second
	maxAnswer  = 4 << 10 // bytes that are read of an answer, so that the connection ends well
)

// Message is what a webhook is told. It holds no value. A wave that is done again is told again, with the same content.
type Message struct {
	Version       int              `json:"version"` // 1
	Event         string           `json:"event"`   // "rollout"
	Wave          int              `json:"wave"`    // from 1
	Store         secret.StoreName `json:"store"`
	Name          secret.Name      `json:"name"`
	SecretVersion secret.Version   `json:"secretVersion"` // that is current now
	Targets       []plan.Target    `json:"targets"`       // of the wave, sorted
}

// what shows the host only: the path may be a secret.
func (h Webhook) what() string { return "webhook " + hostOf(h.URL) }

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "?"
	}
	return u.Host
}

// tell posts the message of the wave.
func (w *wave) tell(ctx context.Context, h Webhook) error {
	u, err := hook.ParseURL(h.URL)
	if err != nil {
		return err
	}
	key, err := hook.Key(h.Key)
	if err != nil {
		return err
	}
	client, err := w.client(u)
	if err != nil {
		return err
	}
	body, err := json.Marshal(Message{1, "rollout", w.number, w.Store, w.Name, w.Version, w.seen.targets()})
	if err != nil {
		return errors.New("the message can't be written")
	}
	timeout := h.Timeout
	if timeout <= 0 {
		timeout = perAttempt
	}
	for n := 1; ; n++ {
		again, err := w.attempt(ctx, timeout, client, u, key, body)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !again:
			return err
		case n == attempts:
			return fmt.Errorf("%d attempts: %w", n, err)
		}
		sleep(ctx, time.Duration(n)*time.Second)
	}
}

// attempt is post, with an end.
func (w *wave) attempt(ctx context.Context, timeout time.Duration, client *http.Client, u *url.URL, key, body []byte) (again bool, err error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if again, err = w.post(limited, client, u, key, body); err != nil && limited.Err() != nil {
		return true, fmt.Errorf("no answer within %s", timeout)
	}
	return again, err
}

// post tells once. again reports whether to tell once more makes sense.
func (w *wave) post(ctx context.Context, client *http.Client, u *url.URL, key, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return false, errors.New("url is not one that can be posted to")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", hook.UserAgent)
	req.Header.Set(hook.HeaderDelivery, w.delivery())
	if key != nil {
		hook.Sign(req.Header, key, body, time.Now())
	}
	code, err := answered(client, req)
	if err != nil {
		return !hook.Refused(err), hook.Cause(err)
	}
	switch said := fmt.Errorf("it answered %d", code); {
	case code >= 200 && code < 300:
		return false, nil
	case code >= 300 && code < 400:
		return false, fmt.Errorf("%w: redirects are not followed", said)
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		return true, said
	default:
		return false, said
	}
}

// delivery is the same in every attempt to tell of one wave of one version.
func (w *wave) delivery() string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '-'
		}
		return r
	}, string(w.Version)+"-wave-"+strconv.Itoa(w.number))
}

// client returns the one of the setup, or one for a URL. It follows no redirect.
func (w *wave) client(u *url.URL) (*http.Client, error) {
	if w.HTTP == nil {
		return hook.Client(u)
	}
	c := *w.HTTP
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c, nil
}

// answered returns the status of an answer, the rest of which is thrown away.
func answered(c *http.Client, req *http.Request) (int, error) {
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return resp.StatusCode, nil
}
