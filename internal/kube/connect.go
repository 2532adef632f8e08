package kube

import (
	"context"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // kubeconfigs may name it
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

const (
	requestTimeout = 30 * time.Second
	// The pace of requests to one cluster. The server divides its own capacity by priority and fairness, and says when to come again: this only keeps a
	// storm small.
	requestsPerSecond = 50
	requestsAtOnce    = 100
)

// connection is how a cluster is called.
type connection struct {
	config   *rest.Config
	dynamic  dynamic.Interface
	metadata metadata.Interface
}

// Config returns what the cluster is called with: endpoint, CA, credentials, pace, a time limit of 30 seconds per request, reports to the factory.
// It is found out once, for EKS by one DescribeCluster, and again after an error, which is a *store.Error. The caller must not change it.
func (c *Cluster) Config(ctx context.Context) (*rest.Config, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	return conn.config, nil
}

// Dynamic returns a client for whole objects. Its errors are the API's: Error turns them into kinds. It returns Config's errors.
func (c *Cluster) Dynamic(ctx context.Context) (dynamic.Interface, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	return conn.dynamic, nil
}

// Metadata returns a client for objects without their contents: the server leaves a Secret's data out of the answer. Otherwise it is as Dynamic.
func (c *Cluster) Metadata(ctx context.Context) (metadata.Interface, error) {
	conn, err := c.connection(ctx)
	if err != nil {
		return nil, err
	}
	return conn.metadata, nil
}

func (c *Cluster) connection(ctx context.Context) (*connection, error) {
	conn, err := c.connected.do(ctx)
	if err != nil {
		return nil, Error("open the API", "", c.place(), err)
	}
	return conn, nil
}

func (c *Cluster) connect(ctx context.Context) (*connection, error) {
	cfg, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	cfg.Timeout = requestTimeout
	cfg.UserAgent = userAgent()
	cfg.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(requestsPerSecond, requestsAtOnce) // all clients share it
	cfg.WarningHandlerWithContext = rest.NoWarnings{}                                          // they would go to standard error
	base := basePath(cfg.Host)
	inner := cfg.WrapTransport
	cfg.WrapTransport = nil
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &observer{next: next, base: base, observe: c.factory.Observe}
	})
	if inner != nil {
		cfg.Wrap(inner) // around the observer, which so sees what is sent
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, invalid(c.place(), err, "")
	}
	conn := &connection{config: cfg}
	if conn.dynamic, err = dynamic.NewForConfigAndClient(cfg, client); err != nil {
		return nil, invalid(c.place(), err, "")
	}
	if conn.metadata, err = metadata.NewForConfigAndClient(cfg, client); err != nil {
		return nil, invalid(c.place(), err, "")
	}
	return conn, nil
}

// find returns the endpoint and the credentials.
func (c *Cluster) find(ctx context.Context) (*rest.Config, error) {
	switch {
	case c.settings.EKS != nil:
		return c.fromEKS(ctx)
	case c.files != nil:
		return c.fromKubeconfig()
	}
	return c.fromPod()
}

func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return "secretsync/" + version + " (" + runtime.GOOS + "/" + runtime.GOARCH + ")"
}
