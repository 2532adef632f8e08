package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// What SQS allows at most.
const (
	batchSize = 10 // messages of one call
	longPoll  = 20 // seconds
)

// patience is how long a call may take, beyond the wait for messages.
const patience = 20 * time.Second

// SQS is a queue of Amazon SQS.
type SQS struct {
	client *sqs.Client
	url    string
	region string
}

// OpenSQS returns the queue of an URL. It makes no call. The Region is the URL's or, where that names none, cfg's. A call of Receive takes 20 seconds: cfg must not cut
// it off, nor give the service up for longer than a call, as the configurations of an awscfg.Factory do.
func OpenSQS(cfg aws.Config, queue string) (*SQS, error) {
	u, err := url.Parse(queue)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(u.Path) < 2 {
		return nil, errors.New("open queue: invalid: want the URL of an SQS queue, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
	}
	region := cmp.Or(string(awscfg.QueueRegion(queue)), cfg.Region)
	if region == "" {
		return nil, fmt.Errorf("open queue %q: invalid: its URL names no Region: set AWS_REGION", queue)
	}
	return &SQS{client: sqs.NewFromConfig(cfg, func(o *sqs.Options) { o.Region = region }), url: queue, region: region}, nil
}

// Receive is of Queue.
func (q *SQS) Receive(ctx context.Context, visible time.Duration) ([]Message, error) {
	ctx, cancel := context.WithTimeout(ctx, longPoll*time.Second+patience)
	defer cancel()
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: batchSize, WaitTimeSeconds: longPoll, VisibilityTimeout: seconds(visible),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
	})
	if err != nil {
		return nil, q.fail("ReceiveMessage", err)
	}
	all := make([]Message, len(out.Messages))
	for i, m := range out.Messages {
		all[i] = Message{ID: aws.ToString(m.MessageId), Handle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body)}
		if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
			all[i].Sent = time.UnixMilli(ms).UTC()
		}
	}
	return all, nil
}

// Delete is of Queue.
func (q *SQS) Delete(ctx context.Context, all []Message) error {
	return q.inBatches(ctx, all, "DeleteMessageBatch", func(ctx context.Context, batch []Message) ([]types.BatchResultErrorEntry, error) {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.url}
		for i, m := range batch {
			in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.Handle})
		}
		out, err := q.client.DeleteMessageBatch(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.Failed, nil
	})
}

// Hide is of Queue.
func (q *SQS) Hide(ctx context.Context, all []Message, visible time.Duration) error {
	return q.inBatches(ctx, all, "ChangeMessageVisibilityBatch", func(ctx context.Context, batch []Message) ([]types.BatchResultErrorEntry, error) {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url}
		for i, m := range batch {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &m.Handle, VisibilityTimeout: seconds(visible),
			})
		}
		out, err := q.client.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.Failed, nil
	})
}

func seconds(d time.Duration) int32 { return int32(d / time.Second) }

// inBatches calls do with ten messages at a time, all of them whatever becomes of some, and returns one error that says of how many it failed, and why first.
func (q *SQS) inBatches(ctx context.Context, all []Message, operation string, do func(context.Context, []Message) ([]types.BatchResultErrorEntry, error)) error {
	failed, first := 0, error(nil)
	for batch := range slices.Chunk(all, batchSize) {
		limited, cancel := context.WithTimeout(ctx, patience)
		entries, err := do(limited, batch)
		cancel()
		switch {
		case err != nil:
			failed += len(batch)
			err = q.fail(operation, err)
		case len(entries) > 0:
			failed += len(entries)
			err = fmt.Errorf("%s %q: %s", operation, q.url, aws.ToString(entries[0].Code))
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%d of %d messages: %w", failed, len(all), first)
}

// fail says which queue a call is about, and what to do.
func (q *SQS) fail(operation string, err error) error {
	e := *awscfg.Error(operation, secret.Place{Region: secret.Region(q.region)}, err)
	e.Name = secret.Name(q.url)
	if e.Help == "" {
		e.Help = "correct serve: queue, or allow sqs:" + strings.TrimSuffix(operation, "Batch") + " on it"
	}
	return &e
}
