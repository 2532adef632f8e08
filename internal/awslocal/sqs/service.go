// Package sqs is the Simple Queue Service of the embedded AWS: standard queues with visibility timeouts, long polling and dead-letter queues.
// It speaks the JSON protocol. Messages keep their order and come once, unless a fault says otherwise.
package sqs

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// Options say what queues go by.
type Options struct {
	NewID func() string    // makes the ids of messages
	Clock func() time.Time // what visibility, retention and waiting go by
	// Recheck is how long somebody who waits for a message sleeps at most before looking at Clock again: for clocks that do not move at the pace of time itself.
	// 0: as long as there is nothing to see.
	Recheck time.Duration
	Done    <-chan struct{} // when it is closed, nobody waits any longer; nil: never
}

// Service is SQS for every account and Region. It is safe for concurrent use.
type Service struct {
	o Options

	mu     sync.Mutex
	places map[place]map[string]*queue // by name
	random *rand.Rand
}

var _ service.Service = (*Service)(nil)

// place is an account in a Region: where queues live.
type place struct{ account, region string }

// New returns an SQS without queues.
func New(o Options) *Service {
	return &Service{
		o: o, places: make(map[place]map[string]*queue),
		random: rand.New(rand.NewPCG(20, 26)), //nolint:gosec // chance that is the same in every run, which keeps tests repeatable; no secret is made of it
	}
}

// SigningName implements service.Service.
func (s *Service) SigningName() string { return "sqs" }

// Serve implements service.Service. A ReceiveMessage waits until there is a message, its time is over, or ctx is.
func (s *Service) Serve(ctx context.Context, r *service.Request) (*service.Response, *service.Error) {
	if r.Operation == "ReceiveMessage" {
		return answer(s.receive(ctx, r))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Operation {
	case "ChangeMessageVisibility":
		return answer(s.changeVisibility(r))
	case "ChangeMessageVisibilityBatch":
		return answer(s.changeVisibilityBatch(r))
	case "CreateQueue":
		return answer(s.createQueue(r))
	case "DeleteMessage":
		return answer(s.deleteMessage(r))
	case "DeleteMessageBatch":
		return answer(s.deleteMessageBatch(r))
	case "DeleteQueue":
		return answer(s.deleteQueue(r))
	case "GetQueueAttributes":
		return answer(s.getQueueAttributes(r))
	case "GetQueueUrl":
		return answer(s.getQueueURL(r))
	case "ListQueues":
		return answer(s.listQueues(r))
	case "PurgeQueue":
		return answer(s.purgeQueue(r))
	case "SendMessage":
		return answer(s.sendMessage(r))
	case "SendMessageBatch":
		return answer(s.sendMessageBatch(r))
	case "SetQueueAttributes":
		return answer(s.setQueueAttributes(r))
	}
	return nil, &service.Error{Code: "UnknownOperationException", Message: "the embedded AWS has no operation " + r.Operation + " of SQS"}
}

func answer(out any, refused *service.Error) (*service.Response, *service.Error) {
	if refused != nil {
		return nil, refused
	}
	return &service.Response{JSON: out}, nil
}

// nothing is the answer of operations that answer nothing.
type nothing struct{}
