package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// cloud is an embedded AWS with a queue, and the queue as the daemon has it.
type cloud struct {
	server *awslocal.Server
	client *sqs.Client
	cfg    aws.Config
	url    string
	queue  *SQS
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	account := awslocal.DefaultAccount
	seed := &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
		account: {Regions: map[string]awslocal.SeedRegion{"eu-west-1": {Queues: map[string]awslocal.SeedQueue{"events": {}}}}},
	}}
	server, err := awslocal.New(awslocal.Options{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	address, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	c := &cloud{server: server, url: awslocal.QueueURL(account, "eu-west-1", "events")}
	c.cfg = aws.Config{ // whose Region is not the queue's
		Region: "us-east-1", BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""), HTTPClient: &http.Client{Transport: transport},
	}
	if c.queue, err = OpenSQS(c.cfg, c.url); err != nil {
		t.Fatal(err)
	}
	c.client = sqs.NewFromConfig(c.cfg, func(o *sqs.Options) { o.Region = "eu-west-1" })
	return c
}

func (c *cloud) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := c.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &c.url, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAQueueOfSQSHandsOutHidesReturnsAndDeletes(t *testing.T) {
	c := newCloud(t)
	for i := range 12 {
		c.send(t, fmt.Sprintf("body %d", i))
	}
	var all []Message
	for len(all) < 12 {
		some, err := c.queue.Receive(t.Context(), time.Hour)
		if err != nil || len(some) == 0 || len(some) > 10 {
			t.Fatalf("got %d messages and %v", len(some), err)
		}
		all = append(all, some...)
	}
	if m := all[0]; m.ID == "" || !strings.HasPrefix(m.Body, "body ") || time.Since(m.Sent).Abs() > time.Minute {
		t.Errorf("got %+v", m)
	}
	if err := c.queue.Hide(t.Context(), all[:11], 0); err != nil {
		t.Error(err)
	}
	visible := 0
	for _, m := range c.server.QueueMessages(c.url) {
		if time.Until(m.Visible) < time.Minute {
			visible++
		}
	}
	if visible != 11 {
		t.Errorf("%d messages were returned, want 11", visible)
	}
	if err := c.queue.Delete(t.Context(), all); err != nil {
		t.Error(err)
	}
	if left := c.server.QueueMessages(c.url); len(left) != 0 {
		t.Errorf("%d messages are left", len(left))
	}
	err := c.queue.Delete(t.Context(), []Message{{Handle: "none"}, {Handle: "nor this"}})
	if err == nil || !strings.Contains(err.Error(), "2 of 2 messages: DeleteMessageBatch") {
		t.Errorf("deleting what is not there: %v", err)
	}
}

func TestAQueueThatIsNotThereIsAnError(t *testing.T) {
	c := newCloud(t)
	q, err := OpenSQS(c.cfg, c.url+"-not")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Receive(t.Context(), time.Minute); err == nil || !strings.Contains(err.Error(), `ReceiveMessage "`+c.url+`-not"`) || !strings.Contains(err.Error(), "correct serve: queue") {
		t.Errorf("got %v", err)
	}
}

func TestTheRegionOfAQueueIsThatOfItsURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://sqs.eu-west-1.amazonaws.com/1/q":                        "eu-west-1",
		"https://sqs.cn-north-1.amazonaws.com.cn/1/q":                    "cn-north-1",
		"https://sqs-fips.us-gov-west-1.amazonaws.com/1/q":               "us-gov-west-1",
		"https://vpce-1-abc.sqs.us-east-2.vpce.amazonaws.com/1/q":        "us-east-2",
		"http://127.0.0.1:4566/123456789012/q":                           "us-west-2",
		"http://sqs.eu-central-1.localhost.localstack.cloud:4566/0000/q": "eu-central-1",
	} {
		q, err := OpenSQS(aws.Config{Region: "us-west-2"}, url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := q.client.Options().Region; got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
	for _, url := range []string{"", "events", "sqs.eu-west-1.amazonaws.com/1/q", "ftp://x/y", "https://sqs.eu-west-1.amazonaws.com/"} {
		if _, err := OpenSQS(aws.Config{Region: "us-west-2"}, url); err == nil {
			t.Errorf("%q is accepted", url)
		}
	}
	if _, err := OpenSQS(aws.Config{}, "http://127.0.0.1:4566/1/q"); err == nil {
		t.Error("a queue without a Region is accepted")
	}
}

// telling is a queue that tells of every deletion.
type telling struct {
	Queue
	moved chan<- struct{}
}

func (q telling) Delete(ctx context.Context, all []Message) error {
	defer func() { q.moved <- struct{}{} }()
	return q.Queue.Delete(ctx, all)
}

func TestADaemonWorksThroughAQueueOfSQS(t *testing.T) {
	c := newCloud(t)
	var mu sync.Mutex
	missing := map[secret.Name]bool{"bad": true}
	for i := range 25 {
		name := fmt.Sprintf("app/%d", i)
		missing[secret.Name(name)] = true
		c.send(t, fmt.Sprintf(`{"detail-type":"Secret Label Updated","source":"aws.secretsmanager","account":"123456789012","region":"eu-west-1",
			"resources":["arn:aws:secretsmanager:eu-west-1:123456789012:secret:%[1]s-AbCdEf"],"detail":{"name":%[1]q,"labelUpdated":"AWSCURRENT"}}`, name))
	}
	c.send(t, `{"secret":"bad"}`, `{"broken":`, `{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{}}`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	moved := make(chan struct{}, 100)
	run := func(_ context.Context, job Job) (*engine.Report, error) {
		mu.Lock()
		defer mu.Unlock()
		r := &engine.Report{}
		for _, h := range job.Hints {
			for _, n := range h.Names {
				delete(missing, n)
				if n == "bad" {
					r = failing("a", "bad")
				}
			}
		}
		return r, nil
	}
	metrics := NewMetrics("test")
	done := make(chan error)
	go func() {
		done <- Serve(ctx, Options{
			Open: func(context.Context) (*Session, Settings, error) {
				return &Session{Syncs: []Sync{{Name: "a"}}, Run: run}, Settings{Queue: c.url}, nil
			},
			Queue: func(_ context.Context, url string) (Queue, error) {
				q, err := OpenSQS(c.cfg, url)
				return telling{q, moved}, err
			},
			Metrics: metrics,
		})
	}()
	settled := func() bool { // by the queue itself: what is left is the one that failed and the malformed one
		mu.Lock()
		defer mu.Unlock()
		return len(missing) == 0 && len(c.server.QueueMessages(c.url)) == 2
	}
	for !settled() {
		select {
		case err := <-done:
			t.Fatal(err)
		case <-moved:
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(errors.Join(errors.New("the end"), err))
	}
	for _, m := range c.server.QueueMessages(c.url) {
		if m.Received != 1 || m.Body != `{"secret":"bad"}` && m.Body != `{"broken":` {
			t.Errorf("left in the queue: %+v", m)
		}
	}
}
