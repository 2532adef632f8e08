package sqs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// limits are what a number may be, and what it is where nobody set it.
type limits struct{ low, high, usual int }

func limitsOf(attribute string) (limits, bool) {
	switch attribute {
	case "DelaySeconds":
		return limits{0, 900, 0}, true
	case "MaximumMessageSize":
		return limits{1024, 1048576, 1048576}, true
	case "MessageRetentionPeriod":
		return limits{60, 1209600, 345600}, true
	case "ReceiveMessageWaitTimeSeconds":
		return limits{0, 20, 0}, true
	case "VisibilityTimeout":
		return limits{0, 43200, 30}, true
	}
	return limits{}, false
}

var numbers = [...]string{"DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout"}

// number returns an attribute that is one.
func (q *queue) number(attribute string) int {
	if n, err := strconv.Atoi(q.attributes[attribute]); err == nil {
		return n
	}
	l, _ := limitsOf(attribute)
	return l.usual
}

func (q *queue) seconds(attribute string) time.Duration {
	return time.Duration(q.number(attribute)) * time.Second
}

// redrive says where a message goes that was received so often, and did not go away. The zero redrive leaves it.
type redrive struct {
	target string // the ARN of a queue of the same account and Region
	after  int
}

// parseRedrive reads a RedrivePolicy. AWS takes the number also as a text. The texts of the errors are AWS's.
func parseRedrive(text string) (redrive, error) {
	var in struct {
		Target string          `json:"deadLetterTargetArn"`
		After  json.RawMessage `json:"maxReceiveCount"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil || d.More() {
		return redrive{}, errors.New("Redrive policy is not a valid JSON map")
	}
	after, err := strconv.Atoi(string(bytes.Trim(in.After, `"`)))
	switch {
	case in.Target == "":
		return redrive{}, errors.New("Redrive policy does not contain mandatory attribute: deadLetterTargetArn")
	case in.After == nil:
		return redrive{}, errors.New("Redrive policy does not contain mandatory attribute: maxReceiveCount")
	case err != nil || after < 1 || after > 1000:
		return redrive{}, fmt.Errorf("Invalid value for maxReceiveCount: %s, valid values are from 1 to 1000 both inclusive", in.After)
	}
	return redrive{in.Target, after}, nil
}

// set changes attributes of a queue: all of them, or none where one is refused. An empty RedrivePolicy or Policy takes it off.
func (s *Service) set(q *queue, attributes map[string]string) *service.Error {
	next, red, doc := maps.Clone(q.attributes), q.redrive, q.policy
	if next == nil {
		next = make(map[string]string)
	}
	for name, value := range attributes {
		switch l, isNumber := limitsOf(name); {
		case isNumber:
			if n, err := strconv.Atoi(value); err != nil || n < l.low || n > l.high {
				return refuse("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
			}
		case name == "RedrivePolicy" && value == "":
			red = redrive{}
		case name == "RedrivePolicy":
			var err error
			if red, err = parseRedrive(value); err == nil {
				err = s.reaches(q, red.target)
			}
			if err != nil {
				return invalidValue("Value %s for parameter RedrivePolicy is invalid. Reason: %s.", value, err)
			}
		case name == "Policy" && value == "":
			doc = nil
		case name == "Policy":
			d, err := policy.ParseResource([]byte(value))
			if err != nil {
				return refuse("InvalidAttributeValue", "Invalid value for the parameter Policy. Reason: %s", err)
			}
			doc = &d
		default:
			return refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		if next[name] = value; value == "" {
			delete(next, name)
		}
	}
	q.attributes, q.redrive, q.policy = next, red, doc
	return nil
}

// reaches says whether a queue may have that one as its dead-letter queue. The texts of the errors are AWS's.
func (s *Service) reaches(q *queue, target string) error {
	at, name, ok := parseARN(target)
	switch {
	case !ok:
		return errors.New("Invalid value for deadLetterTargetArn")
	case at != q.place:
		return errors.New("Dead letter target must be in the same account and Region as the source")
	case s.places[at][name] == nil:
		return errors.New("Dead letter target does not exist")
	}
	return nil
}

// all returns every attribute that the queue has.
func (q *queue) all(now time.Time) map[string]string {
	q.settle(now)
	out := maps.Clone(q.attributes)
	if out == nil {
		out = make(map[string]string)
	}
	for _, name := range numbers {
		out[name] = strconv.Itoa(q.number(name))
	}
	var visible, hidden, late int
	for _, m := range q.messages {
		switch {
		case !now.Before(m.visible):
			visible++
		case m.received == 0:
			late++
		default:
			hidden++
		}
	}
	out["QueueArn"] = q.arn()
	out["ApproximateNumberOfMessages"] = strconv.Itoa(visible)
	out["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(hidden)
	out["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(late)
	out["CreatedTimestamp"] = strconv.FormatInt(q.created.Unix(), 10)
	out["LastModifiedTimestamp"] = strconv.FormatInt(q.modified.Unix(), 10)
	return out
}
