package kubernetes

import (
	"context"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// connection is how one cluster is called: for metadata, or for whole objects. It is safe for concurrent use.
type connection struct {
	metadata metadata.Interface
	dynamic  dynamic.Interface
	clock    *clock
}

func connect(cfg *rest.Config, at secret.Place) (*connection, error) {
	cfg, now := rest.CopyConfig(cfg), &clock{}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return &clocked{next: next, clock: now} })
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, invalid(at, err)
	}
	c := &connection{clock: now}
	if c.metadata, err = metadata.NewForConfigAndClient(cfg, client); err != nil {
		return nil, invalid(at, err)
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(cfg, client); err != nil {
		return nil, invalid(at, err)
	}
	return c, nil
}

// connect returns the connection, which is made once, and again after an error.
func (s *secrets) connect(ctx context.Context) (*connection, error) {
	cfg, err := s.cluster.Config(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.connection == nil {
		if s.connection, err = connect(cfg, s.place); err != nil {
			return nil, err
		}
	}
	return s.connection, nil
}

// clock is the server's: the time of its last answer, and what has passed since.
type clock struct {
	mu   sync.Mutex
	told time.Time // by the server
	at   time.Time // when it told
}

// now returns the time there; zero where no answer has told it yet.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told.IsZero() {
		return time.Time{}
	}
	return c.told.Add(time.Since(c.at)).UTC()
}

func (c *clock) hear(header http.Header) {
	told, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told, c.at = told, time.Now()
}

// clocked listens to the time in answers.
type clocked struct {
	next  http.RoundTripper
	clock *clock
}

func (c *clocked) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		c.clock.hear(resp.Header)
	}
	return resp, err
}

// WrappedRoundTripper returns what it is around.
func (c *clocked) WrappedRoundTripper() http.RoundTripper { return c.next }

func resource(group, name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: name}
}
