package sqs

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// entry is a message to be sent.
type entry struct {
	ID                      string `json:"Id"` // in a batch
	MessageBody             *string
	DelaySeconds            *int
	MessageAttributes       map[string]json.RawMessage
	MessageSystemAttributes map[string]json.RawMessage
	MessageGroupID          *string `json:"MessageGroupId"`
	MessageDeduplicationID  *string `json:"MessageDeduplicationId"`
}

type sent struct {
	ID               string `json:"Id,omitempty"`
	MessageID        string `json:"MessageId"`
	MD5OfMessageBody string
}

// allowed reports whether SQS takes the characters of a text: what XML can hold.
func allowed(body string) bool {
	for _, c := range body {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == '\ufffe' || c == '\uffff' {
			return false
		}
	}
	return utf8.ValidString(body)
}

func (q *queue) check(e entry) *service.Error {
	switch {
	case e.MessageBody == nil || *e.MessageBody == "":
		return missing("MessageBody")
	case len(*e.MessageBody) > q.number("MaximumMessageSize"):
		return invalidValue("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.number("MaximumMessageSize"))
	case !allowed(*e.MessageBody):
		return refuse("InvalidMessageContents", "The message contains characters outside the allowed set.")
	case e.DelaySeconds != nil && (*e.DelaySeconds < 0 || *e.DelaySeconds > 900):
		return invalidValue("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", *e.DelaySeconds)
	case len(e.MessageAttributes) > 0 || len(e.MessageSystemAttributes) > 0:
		return unsupported("The embedded AWS has no message attributes.")
	case e.MessageGroupID != nil || e.MessageDeduplicationID != nil:
		return unsupported("The embedded AWS has no FIFO queues and no fair ones: no message groups, no deduplication.")
	}
	return nil
}

func (s *Service) send(r *service.Request, q *queue, e entry) sent {
	delay := q.seconds("DelaySeconds")
	if e.DelaySeconds != nil {
		delay = time.Duration(*e.DelaySeconds) * time.Second
	}
	m := &message{id: s.o.NewID(), body: *e.MessageBody, sender: r.Principal.UserID, sent: r.Now, visible: r.Now.Add(delay)}
	s.put(q, m, r.Delivery)
	return sent{ID: e.ID, MessageID: m.id, MD5OfMessageBody: digest(m.body)}
}

func (s *Service) sendMessage(r *service.Request) (any, *service.Error) {
	in, err := decode[struct {
		QueueURL *string `json:"QueueUrl"`
		entry
	}](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "SendMessage")
	if err != nil {
		return nil, err
	}
	if err := q.check(in.entry); err != nil {
		return nil, err
	}
	in.ID = ""
	return s.send(r, q, in.entry), nil
}

func (s *Service) sendMessageBatch(r *service.Request) (any, *service.Error) {
	in, err := decode[struct {
		QueueURL *string `json:"QueueUrl"`
		Entries  []entry
	}](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "SendMessage")
	if err != nil {
		return nil, err
	}
	var ids []string
	size, most := 0, 1048576
	for _, e := range in.Entries {
		ids = append(ids, e.ID)
		if e.MessageBody != nil {
			size += len(*e.MessageBody)
		}
	}
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	if size > most {
		return nil, refuseAs("BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong",
			"Batch requests cannot be longer than %d bytes. You have sent %d bytes.", most, size)
	}
	var out batch[sent]
	for _, e := range in.Entries {
		out.add(e.ID, func() (sent, *service.Error) {
			if err := q.check(e); err != nil {
				return sent{}, err
			}
			return s.send(r, q, e), nil
		})
	}
	return out, nil
}

// Why a delivery fails.
var (
	ErrNoQueue = errors.New("there is no such queue")
	ErrDenied  = errors.New("the queue's policy does not allow it")
)

// Delivery is a message that another service of AWS puts into a queue.
type Delivery struct {
	ARN  string
	Body string
	From string              // "events.amazonaws.com"
	Now  time.Time           // by the embedded AWS's clock
	Late time.Duration       // from Now on, before it can be received
	How  service.Delivery    // what a fault makes of it
	Keys map[string][]string // the condition keys of the call; nil: the queue's policy is not asked
}

// Deliver puts a message into a queue. The errors are ErrNoQueue and ErrDenied. It is safe for concurrent use.
func (s *Service) Deliver(d Delivery) error {
	at, name, _ := parseARN(d.ARN)
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.places[at][name]
	switch {
	case q == nil:
		return ErrNoQueue
	case d.Keys != nil && !q.opens("SendMessage", policy.Principal{Service: d.From}, d.Keys):
		return ErrDenied
	}
	visible := d.Now.Add(q.seconds("DelaySeconds") + d.Late)
	s.put(q, &message{id: s.o.NewID(), body: d.Body, sender: d.From, sent: d.Now, visible: visible}, d.How)
	return nil
}
