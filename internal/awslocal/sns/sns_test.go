package sns_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

const arn = "arn:aws:sns:us-east-1:111111111111:failures"

func newServer(t *testing.T, o awslocal.Options) *awslocal.Server {
	t.Helper()
	s, err := awslocal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func client(s *awslocal.Server, region, accessKey string) *sdk.Client {
	return sdk.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: aws.String("http://aws.test"), HTTPClient: &http.Client{Transport: s.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	})
}

func create(t *testing.T, c *sdk.Client, name string) string {
	t.Helper()
	out, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *out.TopicArn
}

func wantCode(t *testing.T, err error, code string, status int, text string) {
	t.Helper()
	var api smithy.APIError
	var res *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &res) || api.ErrorCode() != code || res.HTTPStatusCode() != status || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("error %v, want %s, %d, %q", err, code, status, text)
	}
}

func TestWhatIsPublishedIsKeptInOrder(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := newServer(t, awslocal.Options{Clock: func() time.Time { return now }})
	c := client(s, "us-east-1", "111111111111")
	if got := create(t, c, "failures"); got != arn {
		t.Fatalf("ARN %s", got)
	}
	for i, subject := range []*string{aws.String("one: <&>"), nil} {
		out, err := c.Publish(t.Context(), &sdk.PublishInput{TopicArn: aws.String(arn), Subject: subject, Message: aws.String(fmt.Sprint("line\n", i))})
		if err != nil || *out.MessageId == "" {
			t.Fatal(err)
		}
	}
	got := s.Published(arn)
	if len(got) != 2 || got[0].Subject != "one: <&>" || got[0].Message != "line\n0" || got[1].Subject != "" || got[1].Message != "line\n1" || got[0].Account != "111111111111" || !got[0].Time.Equal(now) {
		t.Errorf("%+v", got)
	}
	if s.Published("arn:aws:sns:us-east-1:111111111111:none") != nil || s.Published("nonsense") != nil {
		t.Error("a topic that is not there has messages")
	}
	if n := s.Ledger().Count(awslocal.Match{Service: "sns", Operation: "Publish", Resource: arn, Outcome: awslocal.OK}); n != 2 {
		t.Errorf("%d calls in the ledger", n)
	}
}

func TestPublishRefusesWhatSNSRefuses(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := client(s, "us-east-1", "111111111111")
	create(t, c, "failures")
	publish := func(topic, subject, message string) error {
		in := &sdk.PublishInput{TopicArn: &topic, Message: &message}
		if subject != "-" {
			in.Subject = &subject
		}
		_, err := c.Publish(t.Context(), in)
		return err
	}
	for _, fine := range [][2]string{{"-", "m"}, {strings.Repeat("s", 99), strings.Repeat("m", 262144)}, {"[x] y~", "ä"}} {
		if err := publish(arn, fine[0], fine[1]); err != nil {
			t.Errorf("%.20q: %v", fine, err)
		}
	}
	for _, bad := range []struct {
		topic, subject, message string
		code                    string
		status                  int
		text                    string
	}{
		{arn, "-", "", "InvalidParameter", 400, "Invalid parameter: Empty message"},
		{arn, "-", strings.Repeat("m", 262145), "InvalidParameter", 400, "Invalid parameter: Message too long"},
		{arn, "-", strings.Repeat("ä", 131073), "InvalidParameter", 400, "Invalid parameter: Message too long"},
		{arn, strings.Repeat("s", 100), "m", "InvalidParameter", 400, "Invalid parameter: Subject"},
		{arn, "", "m", "InvalidParameter", 400, "Invalid parameter: Subject"},
		{arn, "a\nb", "m", "InvalidParameter", 400, "Invalid parameter: Subject"},
		{arn, "a\tb", "m", "InvalidParameter", 400, "Invalid parameter: Subject"},
		{arn, "ä", "m", "InvalidParameter", 400, "Invalid parameter: Subject"},
		{arn, " a", "m", "InvalidParameter", 400, "Invalid parameter: Subject"},
		{"arn:aws:sns:us-east-1:111111111111:none", "-", "m", "NotFound", 404, "Topic does not exist"},
		{"arn:aws:sns:eu-west-1:111111111111:failures", "-", "m", "InvalidParameter", 400, "Invalid parameter: TopicArn"},
		{"arn:aws:sns:us-east-1:222222222222:failures", "-", "m", "AuthorizationError", 403, "not authorized to perform: SNS:Publish on resource: arn:aws:sns:us-east-1:222222222222:failures"},
		{"failures", "-", "m", "InvalidParameter", 400, "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"},
	} {
		wantCode(t, publish(bad.topic, bad.subject, bad.message), bad.code, bad.status, bad.text)
	}
	_, err := c.Publish(t.Context(), &sdk.PublishInput{Message: aws.String("m"), PhoneNumber: aws.String("+1")})
	wantCode(t, err, "InvalidParameter", 400, "TopicArn or TargetArn")
	if n := len(s.Published(arn)); n != 3 {
		t.Errorf("%d messages, want the 3 that were accepted", n)
	}
}

func TestTopicsAreMadeListedAndForgotten(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := client(s, "us-east-1", "111111111111")
	for i := range 101 {
		create(t, c, fmt.Sprintf("t-%03d", i))
	}
	create(t, c, "t-000")
	create(t, client(s, "eu-west-1", "111111111111"), "elsewhere")
	var arns []string
	pages := 0
	for p := sdk.NewListTopicsPaginator(c, &sdk.ListTopicsInput{}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range page.Topics {
			arns = append(arns, *topic.TopicArn)
		}
	}
	if len(arns) != 101 || pages != 2 || !strings.HasSuffix(arns[100], ":t-100") {
		t.Errorf("%d topics in %d pages", len(arns), pages)
	}
	_, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("a b")})
	wantCode(t, err, "InvalidParameter", 400, "Invalid parameter: Topic Name")
	_, err = c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("t-000"), Attributes: map[string]string{"DisplayName": "x"}})
	wantCode(t, err, "InvalidParameter", 400, "different attributes")
	named, err := c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("named"), Attributes: map[string]string{"DisplayName": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	attributes, err := c.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: named.TopicArn})
	if err != nil || attributes.Attributes["DisplayName"] != "x" || attributes.Attributes["Owner"] != "111111111111" || attributes.Attributes["SubscriptionsConfirmed"] != "0" {
		t.Errorf("%v, %v", attributes, err)
	}
	for range 2 {
		if _, err := c.DeleteTopic(t.Context(), &sdk.DeleteTopicInput{TopicArn: named.TopicArn}); err != nil {
			t.Error(err)
		}
	}
	_, err = c.GetTopicAttributes(t.Context(), &sdk.GetTopicAttributesInput{TopicArn: named.TopicArn})
	wantCode(t, err, "NotFound", 404, "Topic does not exist")
}

func TestSubscriptionsAreKeptAndNothingIsDelivered(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := client(s, "us-east-1", "111111111111")
	create(t, c, "failures")
	subscribe := func(protocol, endpoint string) (string, error) {
		out, err := c.Subscribe(t.Context(), &sdk.SubscribeInput{TopicArn: aws.String(arn), Protocol: &protocol, Endpoint: &endpoint})
		if err != nil {
			return "", err
		}
		return *out.SubscriptionArn, nil
	}
	if got, err := subscribe("email", "a@example.com"); err != nil || got != "pending confirmation" {
		t.Errorf("email: %q, %v", got, err)
	}
	queue, err := subscribe("sqs", "arn:aws:sqs:us-east-1:111111111111:q")
	if err != nil || !strings.HasPrefix(queue, arn+":") {
		t.Errorf("sqs: %q, %v", queue, err)
	}
	if again, err := subscribe("sqs", "arn:aws:sqs:us-east-1:111111111111:q"); err != nil || again != queue {
		t.Errorf("again: %q, %v", again, err)
	}
	_, err = subscribe("pigeon", "x")
	wantCode(t, err, "InvalidParameter", 400, "does not support this protocol string: pigeon")
	list, err := c.ListSubscriptionsByTopic(t.Context(), &sdk.ListSubscriptionsByTopicInput{TopicArn: aws.String(arn)})
	if err != nil || len(list.Subscriptions) != 2 || *list.Subscriptions[0].SubscriptionArn != "PendingConfirmation" || *list.Subscriptions[1].SubscriptionArn != queue || *list.Subscriptions[1].Owner != "111111111111" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestPoliciesDecideAboutTopics(t *testing.T) {
	seed, err := awslocal.ParseSeed(strings.NewReader(`
accounts:
  "111111111111":
    users:
      app:
        accessKeyId: app
        policies:
          - Statement:
              - {Effect: Allow, Action: "sns:Publish", Resource: "arn:aws:sns:us-east-1:111111111111:*"}
              - {Effect: Deny, Action: "sns:*", Resource: "arn:aws:sns:us-east-1:111111111111:secret"}
    regions:
      us-east-1:
        topics: {failures: {}, secret: {}}
`), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: seed})
	c := client(s, "us-east-1", "app")
	publish := func(topic string) error {
		_, err := c.Publish(t.Context(), &sdk.PublishInput{TopicArn: &topic, Message: aws.String("m")})
		return err
	}
	if err := publish(arn); err != nil {
		t.Error(err)
	}
	const user = "User: arn:aws:iam::111111111111:user/app is not authorized to perform: "
	wantCode(t, publish("arn:aws:sns:us-east-1:111111111111:secret"), "AuthorizationError", 403, user+"SNS:Publish on resource: arn:aws:sns:us-east-1:111111111111:secret with an explicit deny")
	_, err = c.CreateTopic(t.Context(), &sdk.CreateTopicInput{Name: aws.String("new")})
	wantCode(t, err, "AuthorizationError", 403, user+"SNS:CreateTopic")
	_, err = c.ListTopics(t.Context(), &sdk.ListTopicsInput{})
	wantCode(t, err, "AuthorizationError", 403, user+"SNS:ListTopics")
}

func TestFaultsMeanATopic(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := client(s, "us-east-1", "111111111111")
	create(t, c, "failures")
	for _, resource := range []string{"failures", arn} {
		remove := s.Faults().Add(awslocal.Fault{Service: "sns", Operation: "Publish", Resource: resource, Code: "InternalError", Status: 500})
		_, err := c.Publish(t.Context(), &sdk.PublishInput{TopicArn: aws.String(arn), Message: aws.String("m")})
		wantCode(t, err, "InternalError", 500, "injected fault")
		remove()
	}
	if s.Published(arn) != nil {
		t.Error("a refused message was published")
	}
}
