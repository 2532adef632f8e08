package sns

import (
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// subscription is what would be delivered to. One without an ARN waits for its confirmation, which never comes.
type subscription struct {
	protocol string
	endpoint string
	arn      string
}

// subscribe returns the subscription that there is where the topic has the endpoint already.
func (s *Service) subscribe(r *service.Request) (any, *service.Error) {
	t, refused := s.existing(r, r.Form.Get("TopicArn"), "TopicArn", "Subscribe")
	if refused != nil {
		return nil, refused
	}
	sub := subscription{protocol: r.Form.Get("Protocol"), endpoint: r.Form.Get("Endpoint")}
	switch sub.protocol {
	case "sms", "sqs", "application", "lambda", "firehose":
		sub.arn = t.arn() + ":" + s.newID()
	case "http", "https", "email", "email-json": // their endpoints have to confirm
	default:
		return nil, invalid("Amazon SNS does not support this protocol string: " + sub.protocol)
	}
	if sub.endpoint == "" {
		return nil, invalid("Endpoint must be specified")
	}
	same := func(other subscription) bool { return other.protocol == sub.protocol && other.endpoint == sub.endpoint }
	if i := slices.IndexFunc(t.subscriptions, same); i >= 0 {
		sub = t.subscriptions[i]
	} else {
		t.subscriptions = append(t.subscriptions, sub)
	}
	out := struct{ SubscriptionArn string }{sub.arn}
	if sub.arn == "" {
		out.SubscriptionArn = "pending confirmation"
	}
	return out, nil
}

type listedSubscription struct {
	SubscriptionArn string
	Owner           string
	Protocol        string
	Endpoint        string
	TopicArn        string
}

func (s *Service) listSubscriptionsByTopic(r *service.Request) (any, *service.Error) {
	t, refused := s.existing(r, r.Form.Get("TopicArn"), "TopicArn", "ListSubscriptionsByTopic")
	if refused != nil {
		return nil, refused
	}
	from, to, next, refused := pageOf(r.Form, len(t.subscriptions))
	if refused != nil {
		return nil, refused
	}
	out := struct {
		Subscriptions []listedSubscription `xml:"Subscriptions>member"`
		NextToken     string               `xml:",omitempty"`
	}{NextToken: next}
	for _, sub := range t.subscriptions[from:to] {
		arn := sub.arn
		if arn == "" {
			arn = "PendingConfirmation"
		}
		out.Subscriptions = append(out.Subscriptions, listedSubscription{arn, t.account, sub.protocol, sub.endpoint, t.arn()})
	}
	return out, nil
}
