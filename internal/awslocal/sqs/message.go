package sqs

import (
	"crypto/md5" //nolint:gosec // what SQS answers; it protects nothing
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// message is guarded by the service's lock.
type message struct {
	id       string
	body     string
	sender   string // the user id of who sent it
	source   string // the ARN of the queue that it was a dead letter of
	sent     time.Time
	visible  time.Time // from when on it can be received
	first    time.Time // when it was received first
	received int       // how often
	taken    int       // counts the receipts; only the latest deletes
}

func digest(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // what SQS answers; it protects nothing
	return hex.EncodeToString(sum[:])
}

// handle returns the receipt handle of the latest receipt of a message.
func (q *queue) handle(m *message) string {
	return base64.StdEncoding.EncodeToString([]byte(q.arn() + " " + m.id + " " + strconv.Itoa(m.taken)))
}

// held finds the message that a receipt handle is for; nil where it is gone, or was received again since.
func (q *queue) held(handle *string) (*message, *service.Error) {
	if handle == nil || *handle == "" {
		return nil, missing("ReceiptHandle")
	}
	text, err := base64.StdEncoding.DecodeString(*handle)
	parts := strings.Split(string(text), " ")
	if err != nil || len(parts) != 3 || parts[0] != q.arn() {
		return nil, refuse("ReceiptHandleIsInvalid", `The input receipt handle "%s" is not a valid receipt handle.`, *handle)
	}
	for _, m := range q.messages {
		if m.id == parts[1] && strconv.Itoa(m.taken) == parts[2] {
			return m, nil
		}
	}
	return nil, nil
}

func (q *queue) remove(m *message) {
	q.messages = slices.DeleteFunc(q.messages, func(x *message) bool { return x == m })
}

// settle forgets the messages that are older than the queue keeps them.
func (q *queue) settle(now time.Time) {
	kept := q.seconds("MessageRetentionPeriod")
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return now.Sub(m.sent) >= kept })
}

// next returns when the next message can be received; false where there is none.
func (q *queue) next() (at time.Time, ok bool) {
	for _, m := range q.messages {
		if !ok || m.visible.Before(at) {
			at, ok = m.visible, true
		}
	}
	return at, ok
}

// put puts a message into a queue as a fault may demand, and lets those who wait look.
func (s *Service) put(q *queue, m *message, how service.Delivery) {
	switch how {
	case service.DeliveryNever:
		return
	case service.DeliveryTwice:
		again := *m
		// The second one has receipts of its own.
		again.taken = 1 << 20
		q.messages = append(q.messages, m, &again)
	case service.DeliveryAnyhow:
		q.messages = slices.Insert(q.messages, s.random.IntN(len(q.messages)+1), m)
	default:
		q.messages = append(q.messages, m)
	}
	q.wake()
}

// take receives messages that are visible, up to n. Those that were received too often go to the dead-letter queue instead.
func (s *Service) take(q *queue, n int, hidden time.Duration, now time.Time) []*message {
	q.settle(now)
	var taken, dead []*message
	for _, m := range q.messages {
		if len(taken) == n {
			break
		}
		if now.Before(m.visible) {
			continue
		}
		if q.redrive.after > 0 && m.received >= q.redrive.after && s.bury(q, m, now) {
			dead = append(dead, m)
			continue
		}
		m.received++
		m.taken++
		m.visible = now.Add(hidden)
		if m.first.IsZero() {
			m.first = now
		}
		taken = append(taken, m)
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return slices.Contains(dead, m) })
	return taken
}

// bury moves a message to the dead-letter queue, and reports whether there is one.
func (s *Service) bury(q *queue, m *message, now time.Time) bool {
	at, name, _ := parseARN(q.redrive.target)
	to := s.places[at][name]
	if to == nil || to == q {
		return false
	}
	letter := *m
	letter.source, letter.visible = q.arn(), now
	s.put(to, &letter, service.DeliveryOnce)
	return true
}
