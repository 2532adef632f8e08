package sns

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const (
	maxMessage = 262144 // bytes
	maxSubject = 100    // a subject has fewer characters than that, says AWS
	kept       = 1000   // messages of a topic
)

// Message is what was published to a topic.
type Message struct {
	ID        string // the MessageId of the answer
	Subject   string // empty: none
	Message   string
	Account   string // of who published it
	Principal string // the ARN of who published it
	Time      time.Time
}

// Published returns what was published to the topic of an ARN, in order: the latest 1,000 messages. A topic that is not there has none.
func (s *Service) Published(topicARN string) []Message {
	at, name, refused := parseARN(topicARN, "TopicArn")
	if refused != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.places[at][name]; t != nil {
		return slices.Clone(t.published)
	}
	return nil
}

func (s *Service) publish(r *service.Request) (any, *service.Error) {
	parameter := "TopicArn"
	if !r.Form.Has(parameter) {
		parameter = "TargetArn"
	}
	if !r.Form.Has(parameter) {
		return nil, invalid("TopicArn or TargetArn Reason: no value for required parameter")
	}
	arn := r.Form.Get(parameter)
	m := Message{
		Subject: r.Form.Get("Subject"), Message: r.Form.Get("Message"),
		Account: r.Account, Principal: r.Principal.ARN, Time: r.Now,
	}
	if refused := checkMessage(r, m); refused != nil {
		if _, _, bad := parseARN(arn, parameter); bad == nil {
			note(r, arn)
		}
		return nil, refused
	}
	t, refused := s.existing(r, arn, parameter, "Publish")
	if refused != nil {
		return nil, refused
	}
	return struct {
		ID string `xml:"MessageId"`
	}{s.keep(t, m)}, nil
}

// keep notes a message as published, and returns its id.
func (s *Service) keep(t *topic, m Message) string {
	m.ID = s.newID()
	if len(t.published) == kept {
		t.published = t.published[1:]
	}
	t.published = append(t.published, m)
	return m.ID
}

// ErrNoTopic says that there is no topic with that ARN.
var ErrNoTopic = errors.New("there is no such topic")

// Deliver publishes a message on behalf of another service of AWS. The error is ErrNoTopic. It is safe for concurrent use.
func (s *Service) Deliver(topicARN string, m Message) error {
	at, name, refused := parseARN(topicARN, "TopicArn")
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.places[at][name]
	if refused != nil || t == nil {
		return ErrNoTopic
	}
	s.keep(t, m)
	return nil
}

// checkMessage says whether a message may be published, wherever to.
func checkMessage(r *service.Request, m Message) *service.Error {
	switch {
	case m.Message == "":
		return invalid("Empty message")
	case len(m.Message) > maxMessage:
		return invalid("Message too long")
	case r.Form.Has("Subject") && !validSubject(m.Subject):
		return invalid("Subject")
	}
	if r.Form.Get("MessageStructure") != "json" {
		return nil
	}
	var bodies map[string]any
	if json.Unmarshal([]byte(m.Message), &bodies) != nil {
		return invalid("Message Structure - JSON message body failed to parse")
	}
	if _, ok := bodies["default"].(string); !ok {
		return invalid("Message Structure - No default entry in JSON message body")
	}
	return nil
}

// validSubject says whether a subject is printable ASCII that does not begin with a space, and short enough.
func validSubject(s string) bool {
	if s == "" || len(s) >= maxSubject || s[0] == ' ' {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
