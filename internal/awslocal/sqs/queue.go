package sqs

import (
	"net/url"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// queue is guarded by the service's lock.
type queue struct {
	place
	name       string
	attributes map[string]string // those that were set
	redrive    redrive
	policy     *policy.Document // nil: none
	created    time.Time
	modified   time.Time
	messages   []*message    // in the order in which they are received
	changed    chan struct{} // closed when there may be a message to receive for those who wait
}

func partition(region string) (name, suffix string) {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn", ".cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov", ""
	}
	return "aws", ""
}

func (p place) arn(name string) string {
	aws, _ := partition(p.region)
	return "arn:" + aws + ":sqs:" + p.region + ":" + p.account + ":" + name
}

func (q *queue) arn() string { return q.place.arn(q.name) }

// ARN returns the ARN of a queue.
func ARN(account, region, name string) string {
	return place{account: account, region: region}.arn(name)
}

// URL returns the URL of a queue, as AWS has it: the embedded AWS takes it at whatever address it listens.
func URL(account, region, name string) string {
	_, suffix := partition(region)
	return "https://sqs." + region + ".amazonaws.com" + suffix + "/" + account + "/" + name
}

func (q *queue) url() string { return URL(q.account, q.region, q.name) }

// ValidName reports whether a queue may have that name. FIFO queues, whose names end in .fifo, are not there.
func ValidName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return name != "" && len(name) <= 80
}

// parseARN takes the ARN of a queue apart.
func parseARN(arn string) (place, string, bool) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sqs" || !policy.IsAccount(parts[4]) || !ValidName(parts[5]) {
		return place{}, "", false
	}
	return place{account: parts[4], region: parts[3]}, parts[5], true
}

// parseURL takes the URL of a queue apart. What its host says is the Region only where it is AWS's own.
func parseURL(text, region string) (place, string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return place{}, "", false
	}
	parts := strings.Split(u.Path, "/")
	if len(parts) < 3 {
		return place{}, "", false
	}
	account, name := parts[len(parts)-2], parts[len(parts)-1]
	if host, ok := strings.CutPrefix(u.Hostname(), "sqs."); ok {
		if r, _, ok := strings.Cut(host, ".amazonaws.com"); ok {
			region = r
		}
	}
	return place{account: account, region: region}, name, policy.IsAccount(account) && name != ""
}

// named asks whether the caller may do an action on the queue of a URL, and returns it. A queue of another account is open to whom its policy allows the action.
func (s *Service) named(r *service.Request, queueURL *string, action string) (*queue, *service.Error) {
	if queueURL == nil || *queueURL == "" {
		return nil, missing("QueueUrl")
	}
	at, name, ok := parseURL(*queueURL, r.Region)
	if !ok || at.region != r.Region {
		return nil, refuse("InvalidAddress", "The address %s is not valid for this endpoint.", *queueURL)
	}
	note(r, at.arn(name))
	q := s.places[at][name]
	if err := authorize(r, action, at.arn(name)); err != nil {
		return nil, err
	}
	if at.account != r.Account && !q.opens(action, policy.Principal{ARN: r.Principal.ARN, Account: r.Account}, nil) {
		return nil, &service.Error{
			Code: "AccessDeniedException", Status: 403, Query: "AccessDenied",
			Message: "User: " + r.Principal.ARN + " is not authorized to perform: sqs:" + action + " on resource: " + at.arn(name) +
				" because no resource-based policy allows the sqs:" + action + " action",
		}
	}
	if q == nil {
		return nil, noQueue()
	}
	return q, nil
}

// opens says whether the queue's own policy allows somebody an action. A queue that is not there opens nothing.
func (q *queue) opens(action string, who policy.Principal, conditions map[string][]string) bool {
	return q != nil && q.policy != nil &&
		policy.Evaluate([]policy.Document{*q.policy}, policy.Request{Action: "sqs:" + action, Resource: q.arn(), Principal: who, Context: conditions}) == policy.Allowed
}

// wake lets those who wait look again.
func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}
