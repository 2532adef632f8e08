// Package awslocal is an AWS in one process: Secrets Manager, Parameter Store, KMS, SNS, SQS, EventBridge, ECS, EKS and STS of any number of accounts and Regions
// behind one HTTP handler, told apart by the credential scope of SigV4. The real SDKs and the AWS CLI are its clients. Signatures are not verified; everything lives in memory.
package awslocal

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/secretsync-dev/secretsync/internal/awslocal/ecs"
	"github.com/secretsync-dev/secretsync/internal/awslocal/eks"
	"github.com/secretsync-dev/secretsync/internal/awslocal/events"
	"github.com/secretsync-dev/secretsync/internal/awslocal/identity"
	"github.com/secretsync-dev/secretsync/internal/awslocal/kms"
	"github.com/secretsync-dev/secretsync/internal/awslocal/secretsmanager"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sns"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sqs"
	"github.com/secretsync-dev/secretsync/internal/awslocal/ssm"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sts"
)

// DefaultAccount is the account of credentials that nothing is known about.
const DefaultAccount = identity.DefaultAccount

// HealthPath answers 200 as soon as the server does, to requests without a signature. So does "/".
const HealthPath = "/_secretsync/health"

// Options say what an embedded AWS is like. The zero Options are an empty one where everybody may do everything.
type Options struct {
	EnforceIAM    bool             // access keys come from the seed and from STS, and policies and trust count
	EnforceQuotas bool             // calls above AWS's quotas, by account, Region and quota group, are throttled
	Clock         func() time.Time // nil: time.Now
	ListLag       time.Duration    // how far ListSecrets and DescribeParameters are behind
	NoTrail       bool             // no account has a trail: nothing comes through CloudTrail, and the native events only are there
	Seed          *Seed            // what there is at the start; nil: nothing
	Log           *slog.Logger     // one line a call at debug level, never a body; nil: none
	LedgerSize    int              // how many calls, the latest, the ledger holds at least; 0: all, which is for tests
}

// A Server is an embedded AWS. It is safe for concurrent use.
type Server struct {
	clock         func() time.Time
	log           *slog.Logger
	enforceQuotas bool

	identities *identity.Directory
	services   map[string]service.Service
	keys       *kms.Service
	secrets    *secretsmanager.Service
	parameters *ssm.Service
	topics     *sns.Service
	queues     *sqs.Service
	bus        *events.Service
	clusters   *eks.Service
	containers *ecs.Service
	noTrail    bool
	noTrailIn  map[string]bool // accounts; it does not change after New
	ledger     *Ledger
	faults     *Faults
	quotas     quotas
	listLag    atomic.Int64 // nanoseconds

	done      chan struct{} // closed by Close
	closing   sync.Once
	mu        sync.Mutex
	listeners []*http.Server
	serving   sync.WaitGroup
}

// clockStep is how often those who wait for a message look at a clock that Options gave: it may stand still, or leap.
const clockStep = 5 * time.Millisecond

// New returns an embedded AWS. The error says what is wrong with the seed, without any value of it.
func New(o Options) (*Server, error) {
	s := &Server{
		clock:         o.Clock,
		log:           o.Log,
		enforceQuotas: o.EnforceQuotas,
		identities:    identity.NewDirectory(o.EnforceIAM),
		ledger:        &Ledger{size: o.LedgerSize},
		faults:        newFaults(),
		quotas:        quotas{buckets: make(map[bucketKey]*bucket)},
		done:          make(chan struct{}),
		noTrail:       o.NoTrail,
		noTrailIn:     make(map[string]bool),
	}
	recheck := clockStep
	if s.clock == nil {
		s.clock, recheck = time.Now, 0
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.listLag.Store(int64(o.ListLag))

	s.keys = kms.New(uuid.NewString, internalCalls{s})
	s.secrets = secretsmanager.New(s.keys, busOf{s}, uuid.NewString)
	s.parameters, s.topics = ssm.New(s.keys, busOf{s}, s.secrets), sns.New(uuid.NewString)
	s.queues = sqs.New(sqs.Options{NewID: uuid.NewString, Clock: s.clock, Recheck: recheck, Done: s.done})
	s.bus, s.clusters = events.New(uuid.NewString, s.deliver), eks.New()
	s.containers = ecs.New()
	s.services = make(map[string]service.Service)
	for _, svc := range []service.Service{
		s.secrets,
		s.parameters,
		s.keys,
		s.topics,
		s.queues,
		s.bus,
		s.clusters,
		s.containers,
		sts.New(s.identities, uuid.NewString),
	} {
		s.services[svc.SigningName()] = svc
	}
	if err := s.plant(o.Seed); err != nil {
		return nil, err
	}
	return s, nil
}

// Ledger returns the record of every call.
func (s *Server) Ledger() *Ledger { return s.ledger }

// Faults returns the faults in force.
func (s *Server) Faults() *Faults { return s.faults }

// Message is what was published to an SNS topic.
type Message = sns.Message

// Published returns what was published to the SNS topic of an ARN, in order: the latest 1,000 messages. A topic that is not there has none.
func (s *Server) Published(topicARN string) []Message { return s.topics.Published(topicARN) }

// SetListLag sets how far listings are behind from now on.
func (s *Server) SetListLag(d time.Duration) { s.listLag.Store(int64(d)) }

// ServeHTTP answers one request of an AWS client, and health checks.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if isHealthCheck(req) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // a checker that is gone needs no answer
		return
	}
	r := s.serve(req)
	if r.dropped {
		panic(http.ErrAbortHandler) // which is how net/http is told to close the connection
	}
	h := w.Header()
	r.header(h, s.clock())
	h["Content-Length"] = []string{strconv.Itoa(len(r.body))}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // a client that is gone needs no answer
}

func isHealthCheck(req *http.Request) bool {
	if req.Method != http.MethodGet && req.Method != http.MethodHead || req.Header.Get("Authorization") != "" {
		return false
	}
	return req.URL.Path == HealthPath || req.URL.Path == "/" && req.URL.RawQuery == ""
}

func (s *Server) serviceNames() string {
	return strings.Join(slices.Sorted(maps.Keys(s.services)), ", ")
}
