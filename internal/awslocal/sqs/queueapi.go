package sqs

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const pageSize = 1000 // of queues

type queueURL struct {
	QueueURL string `json:"QueueUrl"`
}

// createQueue returns the queue that there is, unless attributes are given that it has not. Tags are not kept.
func (s *Service) createQueue(r *service.Request) (any, *service.Error) {
	in, err := decode[struct {
		QueueName  *string
		Attributes map[string]string
	}](r)
	if err != nil {
		return nil, err
	}
	if in.QueueName == nil {
		return nil, missing("QueueName")
	}
	name, here := *in.QueueName, place{account: r.Account, region: r.Region}
	_, fifo := in.Attributes["FifoQueue"]
	switch {
	case fifo || strings.HasSuffix(name, ".fifo"):
		return nil, unsupported("The embedded AWS has no FIFO queues.")
	case !ValidName(name):
		return nil, invalidValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	note(r, here.arn(name))
	if err := authorize(r, "CreateQueue", here.arn(name)); err != nil {
		return nil, err
	}
	if q := s.places[here][name]; q != nil {
		has := q.all(r.Now)
		for _, attribute := range slices.Sorted(maps.Keys(in.Attributes)) {
			if has[attribute] != in.Attributes[attribute] {
				return nil, refuseAs("QueueNameExists", "QueueAlreadyExists",
					"A queue already exists with the same name and a different value for attribute %s", attribute)
			}
		}
		return queueURL{q.url()}, nil
	}
	q := &queue{place: here, name: name, created: r.Now, modified: r.Now, changed: make(chan struct{})}
	if err := s.set(q, in.Attributes); err != nil {
		return nil, err
	}
	s.insert(q)
	return queueURL{q.url()}, nil
}

func (s *Service) insert(q *queue) {
	if s.places[q.place] == nil {
		s.places[q.place] = make(map[string]*queue)
	}
	s.places[q.place][q.name] = q
}

func (s *Service) getQueueURL(r *service.Request) (any, *service.Error) {
	in, err := decode[struct {
		QueueName              *string
		QueueOwnerAWSAccountID *string `json:"QueueOwnerAWSAccountId"`
	}](r)
	if err != nil {
		return nil, err
	}
	if in.QueueName == nil {
		return nil, missing("QueueName")
	}
	account := r.Account
	if in.QueueOwnerAWSAccountID != nil {
		account = *in.QueueOwnerAWSAccountID
	}
	at := URL(account, r.Region, *in.QueueName)
	q, err := s.named(r, &at, "GetQueueUrl")
	if err != nil {
		return nil, err
	}
	return queueURL{q.url()}, nil
}

func (s *Service) listQueues(r *service.Request) (any, *service.Error) {
	in, err := decode[struct {
		QueueNamePrefix string
		MaxResults      *int
		NextToken       *string
	}](r)
	if err != nil {
		return nil, err
	}
	here, size := place{account: r.Account, region: r.Region}, pageSize
	if in.MaxResults != nil {
		if size = *in.MaxResults; size < 1 || size > pageSize {
			return nil, invalidValue("Value %d for parameter MaxResults is invalid. Reason: Must be between 1 and %d, if provided.", size, pageSize)
		}
	}
	if err := authorize(r, "ListQueues", here.arn("*")); err != nil {
		return nil, err
	}
	var out struct {
		QueueURLs []string `json:"QueueUrls,omitempty"`
		NextToken string   `json:",omitempty"`
	}
	from := 0
	if in.NextToken != nil {
		var bad error
		if from, bad = strconv.Atoi(*in.NextToken); bad != nil || from < 0 {
			return nil, invalidValue("Invalid or expired next token.")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.places[here])) {
		if strings.HasPrefix(name, in.QueueNamePrefix) {
			out.QueueURLs = append(out.QueueURLs, s.places[here][name].url())
		}
	}
	out.QueueURLs = out.QueueURLs[min(from, len(out.QueueURLs)):]
	if len(out.QueueURLs) > size {
		out.QueueURLs = out.QueueURLs[:size]
		if in.MaxResults != nil { // without it AWS gives no token
			out.NextToken = strconv.Itoa(from + size)
		}
	}
	return out, nil
}

type queueInput struct {
	QueueURL *string `json:"QueueUrl"`
}

// deleteQueue forgets a queue with its messages; those who wait at it are told that it does not exist.
func (s *Service) deleteQueue(r *service.Request) (any, *service.Error) {
	in, err := decode[queueInput](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "DeleteQueue")
	if err != nil {
		return nil, err
	}
	delete(s.places[q.place], q.name)
	q.wake()
	return nothing{}, nil
}

func (s *Service) purgeQueue(r *service.Request) (any, *service.Error) {
	in, err := decode[queueInput](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "PurgeQueue")
	if err != nil {
		return nil, err
	}
	q.messages = nil
	return nothing{}, nil
}

func (s *Service) getQueueAttributes(r *service.Request) (any, *service.Error) {
	in, err := decode[struct {
		QueueURL       *string `json:"QueueUrl"`
		AttributeNames []string
	}](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "GetQueueAttributes")
	if err != nil {
		return nil, err
	}
	all := q.all(r.Now)
	asked := make(map[string]string)
	for _, name := range in.AttributeNames {
		value, has := all[name]
		switch {
		case name == "All":
			return map[string]any{"Attributes": all}, nil
		case has:
			asked[name] = value
		case name != "RedrivePolicy" && name != "Policy":
			return nil, refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	if len(asked) == 0 {
		return nothing{}, nil
	}
	return map[string]any{"Attributes": asked}, nil
}

func (s *Service) setQueueAttributes(r *service.Request) (any, *service.Error) {
	in, err := decode[struct {
		QueueURL   *string `json:"QueueUrl"`
		Attributes map[string]string
	}](r)
	if err != nil {
		return nil, err
	}
	q, err := s.named(r, in.QueueURL, "SetQueueAttributes")
	if err != nil {
		return nil, err
	}
	if in.Attributes == nil {
		return nil, missing("Attributes")
	}
	if err := s.set(q, in.Attributes); err != nil {
		return nil, err
	}
	q.modified = r.Now
	return nothing{}, nil
}
