package sqs

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type receiveInput struct {
	QueueURL                    *string `json:"QueueUrl"`
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string // the older name of the next
	MessageSystemAttributeNames []string
}

type received struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string
	MD5OfBody     string
	Body          string
	Attributes    map[string]string `json:",omitempty"`
}

func (in *receiveInput) check() *service.Error {
	for _, p := range []struct {
		name      string
		value     *int
		low, high int
	}{
		{"MaxNumberOfMessages", in.MaxNumberOfMessages, 1, 10},
		{"WaitTimeSeconds", in.WaitTimeSeconds, 0, 20},
		{"VisibilityTimeout", in.VisibilityTimeout, 0, 43200},
	} {
		if p.value != nil && (*p.value < p.low || *p.value > p.high) {
			return invalidValue("Value %d for parameter %s is invalid. Reason: Must be >= %d and <= %d, if provided.", *p.value, p.name, p.low, p.high)
		}
	}
	return nil
}

// receive waits without the service's lock. A caller who goes away while nothing came takes nothing along.
func (s *Service) receive(ctx context.Context, r *service.Request) (any, *service.Error) {
	in, err := decode[receiveInput](r)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	now, until := r.Now, time.Time{}
	for {
		s.mu.Lock()
		q, err := s.named(r, in.QueueURL, "ReceiveMessage")
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		if until.IsZero() {
			until = now.Add(seconds(in.WaitTimeSeconds, q.seconds("ReceiveMessageWaitTimeSeconds")))
		}
		taken := q.show(s.take(q, in.number(), seconds(in.VisibilityTimeout, q.seconds("VisibilityTimeout")), now),
			slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames))
		changed, pause := q.changed, until.Sub(now)
		if next, ok := q.next(); ok {
			pause = min(pause, next.Sub(now))
		}
		s.mu.Unlock()
		if len(taken) > 0 || !now.Before(until) {
			return struct {
				Messages []received `json:",omitempty"`
			}{taken}, nil
		}
		if !s.pause(ctx, changed, pause) {
			return nil, &service.Error{Code: service.Gone}
		}
		now = s.o.Clock()
	}
}

// pause sleeps until something changed or the time is over, and reports whether somebody still waits.
func (s *Service) pause(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	if s.o.Recheck > 0 {
		d = min(d, s.o.Recheck)
	}
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-ctx.Done():
		return false
	case <-s.o.Done:
		return false
	}
	return true
}

// show returns messages as their receiver sees them.
func (q *queue) show(taken []*message, asked []string) []received {
	var out []received
	for _, m := range taken {
		all := map[string]string{
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.first.UnixMilli(), 10),
			"ApproximateReceiveCount":          strconv.Itoa(m.received),
			"SenderId":                         m.sender,
			"SentTimestamp":                    strconv.FormatInt(m.sent.UnixMilli(), 10),
		}
		if m.source != "" {
			all["DeadLetterQueueSourceArn"] = m.source
		}
		if !slices.Contains(asked, "All") {
			for name := range all {
				if !slices.Contains(asked, name) {
					delete(all, name)
				}
			}
		}
		out = append(out, received{MessageID: m.id, ReceiptHandle: q.handle(m), MD5OfBody: digest(m.body), Body: m.body, Attributes: all})
	}
	return out
}

// number returns how many messages are wanted.
func (in *receiveInput) number() int {
	if in.MaxNumberOfMessages == nil {
		return 1
	}
	return *in.MaxNumberOfMessages
}

func seconds(n *int, usual time.Duration) time.Duration {
	if n == nil {
		return usual
	}
	return time.Duration(*n) * time.Second
}
