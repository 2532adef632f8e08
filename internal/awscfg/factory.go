// Package awscfg makes the AWS configurations that stores call AWS with: one session per role and hour, one pace per account, Region and quota group,
// one retry budget and one breaker per target. It names no store.
package awscfg

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Options are what a Factory is made of. The zero Options are right for production.
type Options struct {
	// RunID goes into the name of every role session, so that CloudTrail tells the runs apart. Begin replaces it.
	RunID string
	// Logger gets one debug line per attempt of a call, never a body. Nil: none.
	Logger *slog.Logger
	// Observe is told of every attempt of a call when it is over. It is called concurrently and must not block. Nil: nobody is told.
	Observe func(Call)
	// Timeout is how long one attempt may take, the wait for its turn not counted. Zero: 15 seconds.
	Timeout time.Duration
	// Attempts is how often a call is tried at most, where a connection is refused or a name does not resolve never more than 3 times. Zero: 8.
	Attempts int
	// MaxBackoff is the longest wait between two attempts; each is at least half of a wait that doubles, the rest is left to chance. Zero: 5 seconds.
	MaxBackoff time.Duration
	// Load changes how the ambient configuration is loaded: another HTTP client, endpoint or credentials, as the demo and tests need.
	Load []func(*config.LoadOptions) error
}

// Factory hands out AWS configurations. It is made once and passed around. Its methods may be called concurrently.
type Factory struct {
	opts Options

	loading sync.Mutex
	loaded  bool
	base    aws.Config

	mu       sync.Mutex
	runID    string
	lanes    map[laneKey]*lane
	sessions map[sessionKey]*session
	ambient  secret.AccountID         // as learned or asked; empty while unknown
	verified map[sessionKey]*identity // what GetCallerIdentity said, by session
}

// New returns a factory. It contacts nothing and reads no file yet.
func New(o Options) *Factory {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Attempts <= 0 {
		o.Attempts = 8
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = 5 * time.Second
	}
	return &Factory{
		opts:     o,
		runID:    o.RunID,
		lanes:    map[laneKey]*lane{},
		sessions: map[sessionKey]*session{},
		verified: map[sessionKey]*identity{},
	}
}

// Begin starts a run: breakers are closed, retry budgets full, and refused roles are asked for again. Sessions are kept for as long as they last.
func (f *Factory) Begin(runID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runID = runID
	for _, l := range f.lanes {
		l.reset()
	}
	for _, s := range f.sessions {
		s.forgive()
	}
}

// Ambient returns the configuration of the environment, as the SDK's own chain finds it: variables, profiles, instance and container roles.
func (f *Factory) Ambient(ctx context.Context) (aws.Config, error) { return f.Config(ctx, Target{}) }

// Region returns the Region of the environment; store.ErrInvalid where it names none.
func (f *Factory) Region(ctx context.Context) (secret.Region, error) {
	base, err := f.load(ctx)
	if err != nil {
		return "", err
	}
	if base.Region == "" {
		return "", &store.Error{Op: "open", Kind: store.ErrInvalid, Err: errNoRegion, Help: "set region: in the configuration, or AWS_REGION"}
	}
	return secret.Region(base.Region), nil
}

// Config returns the configuration to call t with. Clients made of it are paced, retried within a budget, watched and cut off together with all others of
// the same account and Region. It makes no call: a role is assumed when it is first needed.
func (f *Factory) Config(ctx context.Context, t Target) (aws.Config, error) {
	base, err := f.load(ctx)
	if err != nil {
		return aws.Config{}, err
	}
	if t.Region == "" {
		if t.Region, err = f.Region(ctx); err != nil {
			return aws.Config{}, err
		}
	}
	cfg := base.Copy()
	cfg.Region = string(t.Region)
	s, err := f.session(base, t)
	if err != nil {
		return aws.Config{}, err
	}
	cfg.Credentials = s
	l := f.lane(t.lane())
	cfg.Retryer = func() aws.Retryer { return l.retryer }
	cfg.RetryMaxAttempts = 0 // the retryer of the lane says how often
	cfg.RetryMode = ""
	cfg.APIOptions = append(cfg.APIOptions, l.middlewares(s))
	return cfg, nil
}

func (f *Factory) load(ctx context.Context) (aws.Config, error) {
	f.loading.Lock()
	defer f.loading.Unlock()
	if f.loaded {
		return f.base, nil
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = 512
		t.MaxIdleConnsPerHost = 128
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{}
		}
		t.TLSClientConfig.MinVersion = tls.VersionTLS12
	})
	load := append([]func(*config.LoadOptions) error{config.WithHTTPClient(client)}, f.opts.Load...)
	base, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return aws.Config{}, &store.Error{
			Op: "load the AWS configuration", Kind: store.ErrCredentials, Err: err,
			Help: "see AWS_PROFILE, AWS_CONFIG_FILE and AWS_CA_BUNDLE",
		}
	}
	f.base, f.loaded = base, true
	return base, nil
}

func (f *Factory) lane(k laneKey) *lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lanes[k]
	if l == nil {
		l = newLane(k, f.opts)
		f.lanes[k] = l
	}
	return l
}

func (f *Factory) sessionName() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return roleSessionName(f.runID)
}

var errNoRegion = errors.New("no Region is known")
