package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/secretsync-dev/secretsync/internal/hook"
	"github.com/secretsync-dev/secretsync/internal/program"
)

const (
	usualWithin  = 2 * time.Minute
	firstPause   = time.Second
	longestPause = 10 * time.Second
	maxRedirects = 10
)

// what names a program and a host only: arguments and paths may tell more than a report should.
func (p Probe) what() string {
	switch {
	case len(p.Command) > 0:
		return "gate command " + program.Program{Args: p.Command}.Name()
	case p.HTTP != "":
		return "gate http " + hostOf(p.HTTP)
	}
	return "gate login"
}

// hopeless is an error of a probe that no other attempt mends.
type hopeless struct{ err error }

func (h *hopeless) Error() string { return h.err.Error() }
func (h *hopeless) Unwrap() error { return h.err }

// pass tries a probe until it passes or its time is over, with pauses that grow from a second to ten.
func (w *wave) pass(ctx context.Context, p Probe) error {
	try, err := w.probe(p)
	if err != nil {
		return err
	}
	within := p.Within
	if within <= 0 {
		within = usualWithin
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var said error // by the last attempt that came to an end
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := try(limited)
		var never *hopeless
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &never), w.Once:
			return err
		case limited.Err() == nil || said == nil && !errors.Is(err, context.DeadlineExceeded):
			said = err
		}
		sleep(limited, pause)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case limited.Err() == nil:
		case said == nil:
			return fmt.Errorf("it did not come to an end within %s", within)
		default:
			return fmt.Errorf("it did not pass within %s: %w", within, said)
		}
	}
}

// probe returns what makes one attempt.
func (w *wave) probe(p Probe) (func(context.Context) error, error) {
	kinds := 0
	for _, is := range []bool{len(p.Command) > 0, p.HTTP != "", p.Login} {
		if is {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return nil, errors.New("a probe is one of command, http and login")
	case p.Login && w.Login == nil:
		return nil, errors.New("this rotation has no login to try")
	case p.Login:
		return w.Login, nil
	case len(p.Command) > 0:
		return func(ctx context.Context) error { return run(ctx, p.Command) }, nil
	}
	return w.get(p.HTTP)
}

// run runs a program, of which nothing but its exit code is shown.
func run(ctx context.Context, args []string) error {
	r, err := program.Program{Args: args}.Run(ctx)
	switch {
	case errors.Is(err, program.ErrNotStarted) && ctx.Err() == nil:
		return &hopeless{err}
	case err != nil:
		return err
	case r.Code != 0:
		return fmt.Errorf("exit code %d", r.Code)
	}
	return nil
}

// get returns what makes a GET of a URL. Redirects are followed to the same scheme and host only.
func (w *wave) get(text string) (func(context.Context) error, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it is not the URL of an http server")
	case u.User != nil:
		return nil, errors.New("the URL has a user name or a password in it")
	}
	client, err := w.client(u)
	if err != nil {
		return nil, err
	}
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if req.URL.Scheme != u.Scheme || req.URL.Host != u.Host || len(via) > maxRedirects {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return func(ctx context.Context) error {
		limited, cancel := context.WithTimeout(ctx, perAttempt)
		defer cancel()
		req, err := http.NewRequestWithContext(limited, http.MethodGet, u.String(), http.NoBody)
		if err != nil {
			return &hopeless{errors.New("it is not a URL that can be asked for")}
		}
		req.Header.Set("User-Agent", hook.UserAgent)
		switch code, err := answered(client, req); {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil && limited.Err() != nil:
			return fmt.Errorf("no answer within %s", perAttempt)
		case err != nil:
			return hook.Cause(err)
		case code >= 300 && code < 400:
			return fmt.Errorf("it answered %d, and leads elsewhere", code)
		case code < 200 || code >= 300:
			return fmt.Errorf("it answered %d", code)
		}
		return nil
	}, nil
}
