package awslocal

import (
	"errors"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/events"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sns"
	"github.com/secretsync-dev/secretsync/internal/awslocal/sqs"
)

// eventBridge is who delivers events, as policies name it.
const eventBridge = "events.amazonaws.com"

// busOf is the EventBridge that services put their events on.
type busOf struct{ s *Server }

// Put implements service.Bus. What came through CloudTrail needs a trail.
func (b busOf) Put(e service.Event) {
	if e.Trail && (b.s.noTrail || b.s.noTrailIn[e.Account]) {
		return
	}
	b.s.bus.Put(e)
}

// Listens implements service.Bus.
func (b busOf) Listens(account, region string) bool { return b.s.bus.Listens(account, region) }

// Event is something that an AWS service says about a change.
type Event = service.Event

// PutEvent puts an event on the default bus of its account and Region, as AWS's own services do, which PutEvents does not let anybody else do.
// It is for what happens in AWS, and not here: RotationSucceeded for one. It returns when every target has what it gets.
func (s *Server) PutEvent(e Event) { busOf{s}.Put(e) }

// QueueMessage is a message that a queue holds.
type QueueMessage = sqs.Message

// QueueMessages returns what a queue holds, in the order in which it is received, the messages included that somebody has or that nobody can receive yet.
// The queue is named by its ARN, or by its URL as QueueURL gives it. One that is not there holds nothing.
func (s *Server) QueueMessages(queue string) []QueueMessage { return s.queues.Messages(queue) }

// QueueURL returns the URL of a queue, whether it is there or not. Its host is AWS's, as it is in answers: clients reach the queue at the embedded AWS's own address.
func QueueURL(account, region, name string) string { return sqs.URL(account, region, name) }

// errLost is what becomes of a delivery that a fault hinders.
var errLost = errors.New("a fault hindered it")

// deliver takes an event to the target of a rule. It is a call in the ledger, which faults can mean. The policy of a queue is asked where IAM is enforced.
func (s *Server) deliver(d events.Delivery) error {
	parts := strings.SplitN(d.Target, ":", 6) // of an ARN that was checked
	c := Call{
		Time: s.clock(), Account: parts[4], Region: parts[3], Service: parts[2], Operation: "Publish",
		Resource: d.Target, Principal: eventBridge, Internal: true,
	}
	if c.Service == "sqs" {
		c.Operation = "SendMessage"
	}
	var e effect
	if s.faults.any() {
		e = s.faults.strike(target{
			service: c.Service, operation: c.Operation, account: c.Account, region: c.Region,
			resources: spellings(d.Target), internal: true, delivery: true,
		})
	}
	err := s.deliverAs(d, c, e)
	switch {
	case e.refuse != nil:
		c.Outcome = e.refuse.Code
	case e.drop:
		c.Outcome, c.Lost = OutcomeNone, true
	case errors.Is(err, sqs.ErrDenied):
		c.Outcome = "AccessDenied"
	case errors.Is(err, sqs.ErrNoQueue):
		c.Outcome = "QueueDoesNotExist"
	case err != nil:
		c.Outcome = "NotFound"
	}
	s.ledger.add(c)
	return err
}

func (s *Server) deliverAs(d events.Delivery, c Call, e effect) error {
	switch {
	case e.refuse != nil || e.drop:
		return errLost
	case c.Service == "sns":
		return s.topics.Deliver(d.Target, sns.Message{Message: d.Body, Account: accountOf(d.Rule), Principal: eventBridge, Time: c.Time})
	}
	return s.queues.Deliver(sqs.Delivery{ARN: d.Target, Body: d.Body, From: eventBridge, Now: c.Time, Late: e.delay, How: e.delivery, Keys: s.keysOf(d, c)})
}

// keysOf returns the condition keys of a delivery; nil where nothing is enforced.
func (s *Server) keysOf(d events.Delivery, c Call) map[string][]string {
	if !s.identities.Enforced() {
		return nil
	}
	return map[string][]string{
		"aws:SourceArn": {d.Rule}, "aws:SourceAccount": {accountOf(d.Rule)}, "aws:SecureTransport": {"true"},
		"aws:RequestedRegion": {c.Region}, "aws:CurrentTime": {c.Time.UTC().Format(time.RFC3339)},
	}
}

func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && policy.IsAccount(parts[4]) {
		return parts[4]
	}
	return ""
}
