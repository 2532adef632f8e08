// Package notify tells people that a run failed: by Amazon SNS, by mail, by a signed webhook, by a Slack-compatible one. It knows nothing of the engine: the
// caller hands it a Message, in which there is never a value of a secret.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

// Deps are what a Notifier works with. Only Factory has no default, and is needed by SNS alone.
type Deps struct {
	// Factory makes the configuration that SNS is called with.
	Factory *awscfg.Factory
	// Getenv looks up the variables that settings name. Nil: os.LookupEnv.
	Getenv func(string) (string, bool)
	// ReadFile reads the files that settings name. Nil: os.ReadFile.
	ReadFile func(string) ([]byte, error)
	// Log gets one debug line per attempt, never a URL or a text. Nil: none.
	Log *slog.Logger
	// Timeout is how long one attempt may take. Zero: 10 seconds.
	Timeout time.Duration
	// Backoff is the longest wait after the first attempt; it doubles, and half of it is left to chance. Zero: 1 second.
	Backoff time.Duration
	// Now is the clock of signatures and mails. Nil: time.Now.
	Now func() time.Time
	// Proxy says which proxy leads to a webhook. Nil: http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
}

func (d Deps) withDefaults() Deps {
	if d.Getenv == nil {
		d.Getenv = os.LookupEnv
	}
	if d.ReadFile == nil {
		d.ReadFile = os.ReadFile
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Timeout <= 0 {
		d.Timeout = 10 * time.Second
	}
	if d.Backoff <= 0 {
		d.Backoff = time.Second
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Proxy == nil {
		d.Proxy = http.ProxyFromEnvironment
	}
	return d
}

// A destination is one place that messages go to.
type destination interface {
	// name is what errors call it. No secret is in it.
	name() string
	// send delivers a bounded message. It may be delivered although there is an error: a template that failed is one.
	send(ctx context.Context, m Message) error
}

// Notifier sends messages to every destination of a configuration. The nil Notifier sends nothing. It is safe for concurrent use.
type Notifier struct {
	to []destination
}

// Open checks settings, reads the secrets that they name and returns a Notifier. It contacts nothing. The error joins everything that is wrong; neither it nor
// any later one holds a password, a signing key, or more of a webhook's URL than its host.
func Open(settings []Settings, d Deps) (*Notifier, error) {
	d = d.withDefaults()
	n := &Notifier{}
	var errs []error
	for i, s := range settings {
		to, err := open(s, d)
		if err != nil {
			errs = append(errs, &OpenError{Index: i, Err: err})
			continue
		}
		n.to = append(n.to, to)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return n, nil
}

// OpenError says which of the settings can't be used.
type OpenError struct {
	Index int // from 0
	Err   error
}

func (e *OpenError) Error() string { return fmt.Sprintf("notify entry %d: %v", e.Index+1, e.Err) }

// Unwrap returns the cause.
func (e *OpenError) Unwrap() error { return e.Err }

func open(s Settings, d Deps) (destination, error) {
	if err := Check(s); err != nil {
		return nil, err
	}
	switch {
	case s.SNS != nil:
		return openSNS(*s.SNS, d)
	case s.SMTP != nil:
		return openSMTP(*s.SMTP, d)
	case s.Webhook != nil:
		return openWebhook(*s.Webhook, d)
	}
	return openSlack(*s.Slack, d)
}

// Empty reports whether there is nobody to tell.
func (n *Notifier) Empty() bool { return n == nil || len(n.to) == 0 }

// Len returns how many destinations there are.
func (n *Notifier) Len() int {
	if n == nil {
		return 0
	}
	return len(n.to)
}

// Send tells every destination, all at the same time, each with its own attempts: at most 3 of Deps.Timeout, and the waits between them. It returns when all are
// done, with one error for each that failed, in the order of the settings: "notify webhook hooks.example.com: cause". Another context than that of an
// interrupted run is for the caller to give.
func (n *Notifier) Send(ctx context.Context, m Message) []error {
	if n.Empty() {
		return nil
	}
	m = m.bounded()
	failed := make([]error, len(n.to))
	var all sync.WaitGroup
	for i, to := range n.to {
		all.Go(func() {
			if err := to.send(ctx, m); err != nil {
				failed[i] = fmt.Errorf("notify %s: %w", to.name(), err)
			}
		})
	}
	all.Wait()
	var errs []error
	for _, err := range failed {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// several joins errors in one line; nil where all are nil.
func several(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return joined(errs)
}

type joined []error

func (j joined) Error() string {
	texts := make([]string, len(j))
	for i, err := range j {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (j joined) Unwrap() []error { return j }
