package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const (
	account = "111111111111"
	region  = "us-east-1"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newServer(t *testing.T, o awslocal.Options) *awslocal.Server {
	t.Helper()
	s, err := awslocal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func client(s *awslocal.Server, accessKey string) *sdk.Client {
	return clientAt("http://aws.test", &http.Client{Transport: s.Transport()}, accessKey)
}

func clientAt(endpoint string, h aws.HTTPClient, accessKey string) *sdk.Client {
	return sdk.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: &endpoint, HTTPClient: h,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, "any", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	})
}

// world is a client and a queue.
type world struct {
	*testing.T
	c   *sdk.Client
	url *string
}

func newQueue(t *testing.T, c *sdk.Client, name string, attributes map[string]string) world {
	t.Helper()
	out, err := c.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return world{t, c, out.QueueUrl}
}

func (w world) send(bodies ...string) {
	w.Helper()
	for _, b := range bodies {
		if _, err := w.c.SendMessage(w.Context(), &sdk.SendMessageInput{QueueUrl: w.url, MessageBody: &b}); err != nil {
			w.Fatal(err)
		}
	}
}

func (w world) receive(change ...func(*sdk.ReceiveMessageInput)) []types.Message {
	w.Helper()
	in := &sdk.ReceiveMessageInput{QueueUrl: w.url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}}
	for _, c := range change {
		c(in)
	}
	out, err := w.c.ReceiveMessage(w.Context(), in)
	if err != nil {
		w.Fatal(err)
	}
	return out.Messages
}

func (w world) hide(handle *string, seconds int32) error {
	_, err := w.c.ChangeMessageVisibility(w.Context(), &sdk.ChangeMessageVisibilityInput{QueueUrl: w.url, ReceiptHandle: handle, VisibilityTimeout: seconds})
	return err
}

func (w world) remove(handle *string) error {
	_, err := w.c.DeleteMessage(w.Context(), &sdk.DeleteMessageInput{QueueUrl: w.url, ReceiptHandle: handle})
	return err
}

func (w world) attribute(name types.QueueAttributeName) string {
	w.Helper()
	out, err := w.c.GetQueueAttributes(w.Context(), &sdk.GetQueueAttributesInput{QueueUrl: w.url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		w.Fatal(err)
	}
	return out.Attributes[string(name)]
}

func bodies(messages []types.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, *m.Body)
	}
	return strings.Join(all, " ")
}

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("error %v, want %s, %q", err, code, text)
	}
}

func TestMessagesGoInAndOutAndAway(t *testing.T) {
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := newServer(t, awslocal.Options{Clock: c.Now})
	w := newQueue(t, client(s, account), "events", map[string]string{"VisibilityTimeout": "60"})
	if *w.url != awslocal.QueueURL(account, region, "events") || *w.url != "https://sqs.us-east-1.amazonaws.com/111111111111/events" {
		t.Errorf("URL %s", *w.url)
	}
	w.send("one", "two", "three")
	got := w.receive(func(in *sdk.ReceiveMessageInput) { in.MaxNumberOfMessages = 2 })
	if bodies(got) != "one two" || got[0].Attributes["ApproximateReceiveCount"] != "1" || got[0].Attributes["SentTimestamp"] != "1772366400000" || *got[0].MD5OfBody == "" {
		t.Fatalf("%s %+v", bodies(got), got)
	}
	if got := bodies(w.receive()); got != "three" {
		t.Errorf("while the others are in flight: %q", got)
	}
	if v, h := w.attribute("ApproximateNumberOfMessages"), w.attribute("ApproximateNumberOfMessagesNotVisible"); v != "0" || h != "3" {
		t.Errorf("%s visible, %s not", v, h)
	}
	if err := w.remove(got[0].ReceiptHandle); err != nil {
		t.Error(err)
	}
	c.Advance(time.Minute)
	again := w.receive()
	if bodies(again) != "two three" || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("after the visibility timeout: %s", bodies(again))
	}
	if err := w.remove(got[1].ReceiptHandle); err != nil {
		t.Errorf("a stale handle: %v", err)
	}
	if n := len(s.QueueMessages(*w.url)); n != 2 {
		t.Errorf("%d messages: a stale handle deletes", n)
	}
	held := s.QueueMessages("arn:aws:sqs:us-east-1:111111111111:events")
	if held[0].Body != "two" || held[0].Received != 2 || !held[0].Visible.Equal(c.Now().Add(time.Minute)) {
		t.Errorf("%+v", held[0])
	}
	c.Advance(4 * 24 * time.Hour)
	if got := w.receive(); len(got) != 0 {
		t.Errorf("after four days: %s", bodies(got))
	}
	for _, op := range []string{"CreateQueue", "SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
		if s.Ledger().Count(awslocal.Match{Service: "sqs", Operation: op, Account: account, Resource: "arn:aws:sqs:us-east-1:111111111111:events", Outcome: awslocal.OK}) == 0 {
			t.Errorf("%s is not in the ledger", op)
		}
	}
}

func TestLongPollingEndsWithAMessageOrItsTimeOrItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := awslocal.New(awslocal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w := newQueue(t, client(s, account), "events", nil)
		wait := func(in *sdk.ReceiveMessageInput) { in.WaitTimeSeconds = 20 }
		start := time.Now()
		if got := w.receive(wait); len(got) != 0 || time.Since(start) != 20*time.Second {
			t.Errorf("%s after %s", bodies(got), time.Since(start))
		}
		go func() {
			time.Sleep(7 * time.Second)
			w.send("late")
		}()
		start = time.Now()
		got := w.receive(wait)
		if bodies(got) != "late" || time.Since(start) != 7*time.Second {
			t.Errorf("%s after %s", bodies(got), time.Since(start))
		}
		if err := w.hide(got[0].ReceiptHandle, 5); err != nil {
			t.Error(err)
		}
		start = time.Now()
		if got := w.receive(wait); bodies(got) != "late" || time.Since(start) != 5*time.Second {
			t.Errorf("one that becomes visible again: %s after %s", bodies(got), time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start = time.Now()
		if _, err := w.c.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: w.url, WaitTimeSeconds: 20}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("a caller who goes away: %v after %s", err, time.Since(start))
		}
		go func() {
			time.Sleep(2 * time.Second)
			_ = s.Close()
		}()
		start = time.Now()
		if _, err := w.c.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: w.url, WaitTimeSeconds: 20}); err == nil || time.Since(start) != 2*time.Second {
			t.Errorf("after Close: %v after %s", err, time.Since(start))
		}
		if n := s.Ledger().Count(awslocal.Match{Operation: "ReceiveMessage", Outcome: awslocal.OutcomeNone}); n != 2 {
			t.Errorf("%d calls without an answer in the ledger, want 2", n)
		}
	})
}

func TestLongPollingGoesByTheClockOfTheServer(t *testing.T) {
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := newServer(t, awslocal.Options{Clock: c.Now})
	w := newQueue(t, client(s, account), "events", map[string]string{"ReceiveMessageWaitTimeSeconds": "20"})
	w.send("one")
	w.receive()
	done, started := make(chan string), make(chan bool)
	s.Faults().Add(awslocal.Fault{Operation: "ReceiveMessage", Times: 1, Then: func(awslocal.Call) { close(started) }})
	go func() { done <- bodies(w.receive()) }()
	<-started // the clock was read for the call
	c.Advance(10 * time.Second)
	select {
	case got := <-done:
		t.Errorf("%q came before its time", got)
	default:
	}
	c.Advance(10 * time.Second)
	if got := <-done; got != "" {
		t.Errorf("%q", got)
	}
	c.Advance(10 * time.Second)
	if got := bodies(w.receive()); got != "one" {
		t.Errorf("%q", got)
	}
}

// TestLongPollingEndsWhenTheConnectionDoes is over a socket, where only the connection says that nobody waits any more.
func TestLongPollingEndsWhenTheConnectionDoes(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	url, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := newQueue(t, clientAt(url, nil, account), "events", nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := w.c.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{QueueUrl: w.url, WaitTimeSeconds: 20})
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil {
		t.Error("no error")
	}
	for s.Ledger().Count(awslocal.Match{Operation: "ReceiveMessage"}) == 0 && t.Context().Err() == nil {
		time.Sleep(time.Millisecond) // until the server has noticed, too, or the test's time is over; a call that never came in does not count
		if _, err := w.c.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: w.url}); err != nil {
			t.Fatal(err)
		}
	}
	w.send("for another")
	if got := bodies(w.receive()); got != "for another" {
		t.Errorf("%q: somebody who is gone took it", got)
	}
}

func TestDeadLettersGoToTheirQueue(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := client(s, account)
	dead := newQueue(t, c, "dead", nil)
	w := newQueue(t, c, "events", map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"2"}`, dead.attribute("QueueArn")), "VisibilityTimeout": "0",
	})
	w.send("poison")
	for range 2 {
		if got := bodies(w.receive()); got != "poison" {
			t.Fatalf("%q", got)
		}
	}
	if got := bodies(w.receive()); got != "" {
		t.Errorf("received a third time: %q", got)
	}
	got := dead.receive()
	if bodies(got) != "poison" || got[0].Attributes["DeadLetterQueueSourceArn"] != w.attribute("QueueArn") {
		t.Errorf("%s %v", bodies(got), got)
	}
	if left := s.QueueMessages(*w.url); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

func TestAQueueAnswersForItsAttributes(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	c := client(s, account)
	w := newQueue(t, c, "events", map[string]string{"VisibilityTimeout": "60"})
	newQueue(t, c, "events", map[string]string{"VisibilityTimeout": "60"})
	newQueue(t, c, "events", nil)
	create := func(name string, attributes map[string]string) error {
		_, err := c.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
		return err
	}
	wantCode(t, create("events", map[string]string{"VisibilityTimeout": "61"}), "QueueAlreadyExists", "different value for attribute VisibilityTimeout")
	wantCode(t, create("events.fifo", nil), "AWS.SimpleQueueService.UnsupportedOperation", "no FIFO queues")
	wantCode(t, create("e", map[string]string{"FifoQueue": "true"}), "AWS.SimpleQueueService.UnsupportedOperation", "no FIFO queues")
	wantCode(t, create("a b", nil), "InvalidParameterValue", "alphanumeric")
	for name, value := range map[string]string{
		"VisibilityTimeout": "43201", "MessageRetentionPeriod": "59", "ReceiveMessageWaitTimeSeconds": "21", "MaximumMessageSize": "x", "Policy": "{}",
	} {
		wantCode(t, create("e", map[string]string{name: value}), "InvalidAttributeValue", name)
	}
	wantCode(t, create("e", map[string]string{"Colour": "red"}), "InvalidAttributeName", "Unknown Attribute Colour")
	for value, text := range map[string]string{
		`{"maxReceiveCount":1}`: "deadLetterTargetArn", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111111111111:events"}`: "maxReceiveCount",
		`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111111111111:none","maxReceiveCount":1}`:   "does not exist",
		`{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:111111111111:events","maxReceiveCount":1}`: "same account and Region",
		`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111111111111:events","maxReceiveCount":0}`: "from 1 to 1000",
		`{"deadLetterTargetArn":"events","maxReceiveCount":1}`:                                    "deadLetterTargetArn",
	} {
		wantCode(t, create("e", map[string]string{"RedrivePolicy": value}), "InvalidParameterValue", text)
	}
	if _, err := c.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: w.url, Attributes: map[string]string{"VisibilityTimeout": "5"}}); err != nil {
		t.Error(err)
	}
	out, err := c.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: w.url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil || out.Attributes["VisibilityTimeout"] != "5" || out.Attributes["MessageRetentionPeriod"] != "345600" || out.Attributes["QueueArn"] != "arn:aws:sqs:us-east-1:111111111111:events" {
		t.Errorf("%v, %v", out, err)
	}
	if e := create("e", nil); e != nil {
		t.Error(e)
	}
	list, err := c.ListQueues(t.Context(), &sdk.ListQueuesInput{QueueNamePrefix: aws.String("ev")})
	if err != nil || len(list.QueueUrls) != 1 || list.QueueUrls[0] != *w.url {
		t.Errorf("%v, %v", list, err)
	}
	page, err := c.ListQueues(t.Context(), &sdk.ListQueuesInput{MaxResults: aws.Int32(1)})
	if err != nil || len(page.QueueUrls) != 1 || page.NextToken == nil {
		t.Fatalf("%v, %v", page, err)
	}
	if page, err = c.ListQueues(t.Context(), &sdk.ListQueuesInput{MaxResults: aws.Int32(1), NextToken: page.NextToken}); err != nil || len(page.QueueUrls) != 1 || page.NextToken != nil {
		t.Errorf("%v, %v", page, err)
	}
}

func TestSQSRefusesWhatAWSRefuses(t *testing.T) {
	s := newServer(t, awslocal.Options{})
	w := newQueue(t, client(s, account), "events", map[string]string{"MaximumMessageSize": "1024"})
	send := func(change func(*sdk.SendMessageInput)) error {
		in := &sdk.SendMessageInput{QueueUrl: w.url, MessageBody: aws.String("x")}
		change(in)
		_, err := w.c.SendMessage(t.Context(), in)
		return err
	}
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.MessageBody = aws.String(strings.Repeat("x", 1025)) }), "InvalidParameterValue", "1024")
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.MessageBody = aws.String("a\x01") }), "InvalidMessageContents", "")
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.MessageBody = aws.String("") }), "MissingParameter", "MessageBody")
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.DelaySeconds = 901 }), "InvalidParameterValue", "DelaySeconds")
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.MessageGroupId = aws.String("g") }), "AWS.SimpleQueueService.UnsupportedOperation", "")
	wantCode(t, send(func(in *sdk.SendMessageInput) {
		in.MessageAttributes = map[string]types.MessageAttributeValue{"a": {DataType: aws.String("String"), StringValue: aws.String("v")}}
	}), "AWS.SimpleQueueService.UnsupportedOperation", "message attributes")
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.QueueUrl = aws.String(*w.url + "x") }), "AWS.SimpleQueueService.NonExistentQueue", "does not exist")
	wantCode(t, send(func(in *sdk.SendMessageInput) {
		in.QueueUrl = aws.String(awslocal.QueueURL(account, "eu-west-1", "events"))
	}), "InvalidAddress", "not valid for this endpoint")
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.QueueUrl = aws.String("events") }), "InvalidAddress", "")
	wantCode(t, send(func(in *sdk.SendMessageInput) { in.QueueUrl = aws.String("http://localhost:4566/222222222222/events") }), "AccessDenied", "no resource-based policy")
	if err := send(func(in *sdk.SendMessageInput) { in.QueueUrl = aws.String("http://localhost:4566/111111111111/events") }); err != nil {
		t.Error(err)
	}
	for _, bad := range []func(*sdk.ReceiveMessageInput){
		func(in *sdk.ReceiveMessageInput) { in.MaxNumberOfMessages = 11 },
		func(in *sdk.ReceiveMessageInput) { in.WaitTimeSeconds = 21 },
		func(in *sdk.ReceiveMessageInput) { in.VisibilityTimeout = 43201 },
	} {
		in := &sdk.ReceiveMessageInput{QueueUrl: w.url}
		bad(in)
		_, err := w.c.ReceiveMessage(t.Context(), in)
		wantCode(t, err, "InvalidParameterValue", "is invalid. Reason: Must be")
	}
	_, err := w.c.PurgeQueue(t.Context(), &sdk.PurgeQueueInput{QueueUrl: w.url})
	if err != nil || len(s.QueueMessages(*w.url)) != 0 {
		t.Errorf("purged: %v, %v", err, s.QueueMessages(*w.url))
	}
	var res *smithyhttp.ResponseError
	var typed *types.QueueDoesNotExist
	_, err = w.c.GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("none")})
	if !errors.As(err, &typed) || !errors.As(err, &res) || res.HTTPStatusCode() != 400 {
		t.Errorf("the SDK does not know the error: %v", err)
	}
}

func TestWithIAMAQueueIsForWhomItsPolicyOrTheirsAllowsIt(t *testing.T) {
	seed, err := awslocal.ParseSeed(strings.NewReader(`
accounts:
  "111111111111":
    users:
      sender: {accessKeyId: sender, policies: [{Version: 2012-10-17, Statement: [{Effect: Allow, Action: "sqs:SendMessage", Resource: "arn:aws:sqs:us-east-1:111111111111:open"}]}]}
      root: {accessKeyId: "111111111111"}
    regions: {us-east-1: {queues: {open: {}, shut: {}}}}
`), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, awslocal.Options{EnforceIAM: true, Seed: seed})
	batch := func(queue string) error {
		_, err := client(s, "sender").SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{
			QueueUrl: aws.String(awslocal.QueueURL(account, region, queue)),
			Entries:  []types.SendMessageBatchRequestEntry{{Id: aws.String("1"), MessageBody: aws.String("x")}},
		})
		return err
	}
	if err := batch("open"); err != nil {
		t.Error(err)
	}
	wantCode(t, batch("shut"), "AccessDenied", "sqs:SendMessage on resource: arn:aws:sqs:us-east-1:111111111111:shut")
	_, err = client(s, "sender").ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: aws.String(awslocal.QueueURL(account, region, "open"))})
	wantCode(t, err, "AccessDenied", "sqs:ReceiveMessage")
}

func TestFaultsLoseDoubleShuffleAndDelayMessages(t *testing.T) {
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := newServer(t, awslocal.Options{Clock: c.Now})
	w := newQueue(t, client(s, account), "events", nil)
	remove := s.Faults().Add(awslocal.Fault{Service: "sqs", Operation: "SendMessage", Resource: "events", Times: 1, Delivery: service.DeliveryNever})
	w.send("lost", "kept")
	remove()
	if got := bodies(w.receive()); got != "kept" {
		t.Errorf("%q", got)
	}
	remove = s.Faults().Add(awslocal.Fault{Service: "sqs", Resource: *w.url, Delivery: service.DeliveryTwice})
	w.send("double")
	remove()
	got := w.receive()
	if bodies(got) != "double double" || *got[0].MessageId != *got[1].MessageId || *got[0].ReceiptHandle == *got[1].ReceiptHandle {
		t.Errorf("%v", got)
	}
	for i := range got {
		if err := w.remove(got[i].ReceiptHandle); err != nil {
			t.Error(err)
		}
	}
	remove = s.Faults().Add(awslocal.Fault{Service: "sqs", Delivery: service.DeliveryAnyhow})
	var sent []string
	for i := range 10 {
		sent = append(sent, fmt.Sprint(i))
	}
	w.send(sent...)
	remove()
	shuffled := strings.Fields(bodies(w.receive()))
	if slices.Equal(shuffled, sent) {
		t.Error("in order")
	}
	if slices.Sort(shuffled); !slices.Equal(shuffled, sent) {
		t.Errorf("%v", shuffled)
	}
}
