package sns

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const pageSize = 100 // of topics and of subscriptions

// topic is guarded by the service's lock.
type topic struct {
	place
	name          string
	attributes    map[string]string // those that its creation gave
	subscriptions []subscription
	published     []Message
}

func (p place) arn(name string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(p.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(p.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":sns:" + p.region + ":" + p.account + ":" + name
}

func (t *topic) arn() string { return t.place.arn(t.name) }

// topics returns the topics of an account in a Region.
func (s *Service) topics(at place) map[string]*topic {
	if s.places[at] == nil {
		s.places[at] = make(map[string]*topic)
	}
	return s.places[at]
}

// ValidName reports whether a topic may have that name. FIFO topics, whose names end in .fifo, are not there.
func ValidName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return name != "" && len(name) <= 256
}

// parseARN takes the ARN of a topic apart; parameter is where it was given.
func parseARN(arn, parameter string) (place, string, *service.Error) {
	parts := strings.SplitN(arn, ":", 6)
	switch {
	case parts[0] != "arn" && len(parts) > 1:
		return place{}, "", invalid(parameter + " Reason: " + arn + " does not start with arn")
	case len(parts) < 6:
		return place{}, "", invalid(fmt.Sprintf("%s Reason: An ARN must have at least 6 elements, not %d", parameter, len(parts)))
	case parts[2] != "sns" || !ValidName(parts[5]):
		return place{}, "", invalid(parameter)
	}
	return place{account: parts[4], region: parts[3]}, parts[5], nil
}

// named asks whether the caller may do an action on the topic of an ARN, and returns it; nil where there is none.
// A topic of another account is open to nobody: topics have no policies of their own here.
func (s *Service) named(r *service.Request, arn, parameter, action string) (*topic, *service.Error) {
	at, name, refused := parseARN(arn, parameter)
	if refused != nil {
		return nil, refused
	}
	note(r, arn)
	if at.region != r.Region {
		return nil, invalid(parameter)
	}
	if at.account != r.Account {
		return nil, &service.Error{
			Code: "AuthorizationError", Status: 403,
			Message: "User: " + r.Principal.ARN + " is not authorized to perform: SNS:" + action + " on resource: " + arn +
				" because no resource-based policy allows the SNS:" + action + " action",
		}
	}
	if refused := authorize(r, action, arn); refused != nil {
		return nil, refused
	}
	return s.places[at][name], nil
}

// existing is named for the operations that need the topic to be there.
func (s *Service) existing(r *service.Request, arn, parameter, action string) (*topic, *service.Error) {
	t, refused := s.named(r, arn, parameter, action)
	if refused == nil && t == nil {
		refused = notFound()
	}
	return t, refused
}

type topicResult struct {
	TopicArn string
}

// createTopic returns the topic that there is, unless attributes are given that it has not. Tags are not kept.
func (s *Service) createTopic(r *service.Request) (any, *service.Error) {
	name := r.Form.Get("Name")
	if !ValidName(name) {
		return nil, invalid("Topic Name")
	}
	here := place{account: r.Account, region: r.Region}
	arn := here.arn(name)
	note(r, arn)
	if refused := authorize(r, "CreateTopic", arn); refused != nil {
		return nil, refused
	}
	attributes := entries(r.Form)
	t := s.topics(here)[name]
	if t == nil {
		t = &topic{place: here, name: name, attributes: attributes}
		s.topics(here)[name] = t
	}
	for key, value := range attributes {
		if t.attributes[key] != value {
			return nil, invalid("Attributes Reason: Topic already exists with different attributes")
		}
	}
	return topicResult{arn}, nil
}

// entries reads the attributes of a request.
func entries(form url.Values) map[string]string {
	found := make(map[string]string)
	for i := 1; ; i++ {
		at := "Attributes.entry." + strconv.Itoa(i) + "."
		if !form.Has(at + "key") {
			return found
		}
		found[form.Get(at+"key")] = form.Get(at + "value")
	}
}

// deleteTopic forgets a topic with its subscriptions and messages; that there is none is no error.
func (s *Service) deleteTopic(r *service.Request) *service.Error {
	t, refused := s.named(r, r.Form.Get("TopicArn"), "TopicArn", "DeleteTopic")
	if refused == nil && t != nil {
		delete(s.topics(t.place), t.name)
	}
	return refused
}

func (s *Service) listTopics(r *service.Request) (any, *service.Error) {
	here := place{account: r.Account, region: r.Region}
	if refused := authorize(r, "ListTopics", here.arn("*")); refused != nil {
		return nil, refused
	}
	names := slices.Sorted(maps.Keys(s.topics(here)))
	from, to, next, refused := pageOf(r.Form, len(names))
	if refused != nil {
		return nil, refused
	}
	out := struct {
		Topics    []topicResult `xml:"Topics>member"`
		NextToken string        `xml:",omitempty"`
	}{NextToken: next}
	for _, name := range names[from:to] {
		out.Topics = append(out.Topics, topicResult{here.arn(name)})
	}
	return out, nil
}

// pageOf returns which of n things the page has that a request asks for.
func pageOf(form url.Values, n int) (from, to int, next string, refused *service.Error) {
	if token := form.Get("NextToken"); token != "" {
		var err error
		if from, err = strconv.Atoi(token); err != nil || from < 0 {
			return 0, 0, "", invalid("NextToken")
		}
	}
	from = min(from, n)
	if to = min(from+pageSize, n); to < n {
		next = strconv.Itoa(to)
	}
	return from, to, next, nil
}

type attribute struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func (s *Service) getTopicAttributes(r *service.Request) (any, *service.Error) {
	t, refused := s.existing(r, r.Form.Get("TopicArn"), "TopicArn", "GetTopicAttributes")
	if refused != nil {
		return nil, refused
	}
	pending := 0
	for _, sub := range t.subscriptions {
		if sub.arn == "" {
			pending++
		}
	}
	all := maps.Clone(t.attributes)
	all["TopicArn"], all["Owner"], all["DisplayName"] = t.arn(), t.account, t.attributes["DisplayName"]
	all["SubscriptionsPending"], all["SubscriptionsDeleted"] = strconv.Itoa(pending), "0"
	all["SubscriptionsConfirmed"] = strconv.Itoa(len(t.subscriptions) - pending)
	var out struct {
		Entries []attribute `xml:"Attributes>entry"`
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		out.Entries = append(out.Entries, attribute{key, all[key]})
	}
	return out, nil
}
