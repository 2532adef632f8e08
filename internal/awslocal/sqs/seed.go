package sqs

import (
	"errors"
	"fmt"
	"time"
)

// Queue is one to start with. Only Name is needed.
type Queue struct {
	Name       string
	Attributes map[string]string // as CreateQueue takes them
}

// Seed makes a queue. It is an error if CreateQueue would refuse it, or if the name is taken. It is safe for concurrent use.
func (s *Service) Seed(account, region string, now time.Time, of Queue) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{account: account, region: region}
	switch {
	case !ValidName(of.Name):
		return fmt.Errorf("seed %q: invalid name", of.Name)
	case s.places[at][of.Name] != nil:
		return fmt.Errorf("seed %q: it exists already", of.Name)
	}
	q := &queue{place: at, name: of.Name, created: now, modified: now, changed: make(chan struct{})}
	if refused := s.set(q, of.Attributes); refused != nil {
		return errors.New(refused.Message)
	}
	s.insert(q)
	return nil
}

// Message is a message that a queue holds.
type Message struct {
	ID       string
	Body     string
	Sent     time.Time
	Received int       // how often
	Visible  time.Time // from when on it can be received
}

// Messages returns what a queue holds, in the order in which it is received, the messages included that somebody has or that nobody can receive yet.
// The queue is named by its ARN, or by its URL, which then has AWS's host. One that is not there holds nothing. It is safe for concurrent use.
func (s *Service) Messages(of string) []Message {
	at, name, ok := parseARN(of)
	if !ok {
		at, name, _ = parseURL(of, "")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.places[at][name]
	if q == nil {
		return nil
	}
	q.settle(s.o.Clock())
	out := make([]Message, 0, len(q.messages))
	for _, m := range q.messages {
		out = append(out, Message{ID: m.id, Body: m.body, Sent: m.sent, Received: m.received, Visible: m.visible})
	}
	return out
}
