package sqs_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// TestAnotherAWSAgrees runs the same story against the embedded AWS and against moto, which others wrote.
func TestAnotherAWSAgrees(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { story(t, client(newServer(t, awslocal.Options{}), account)) })
	t.Run("moto", func(t *testing.T) { story(t, clientAt(storetest.Moto(t), nil, account)) })
}

func story(t *testing.T, c *sdk.Client) {
	dead := newQueue(t, c, "dead", nil)
	w := newQueue(t, c, "events", map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":3}`, dead.attribute("QueueArn")), "MessageRetentionPeriod": "600",
	})
	if got := w.attribute("MessageRetentionPeriod") + w.attribute("VisibilityTimeout"); got != "60030" {
		t.Errorf("attributes %s", got)
	}
	at, err := c.GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("events")})
	if err != nil || *at.QueueUrl != *w.url {
		t.Errorf("%v, %v", at, err)
	}
	batch, err := c.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: w.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("one")}, {Id: aws.String("b"), MessageBody: aws.String("two ä")},
	}})
	if err != nil || len(batch.Successful) != 2 || len(batch.Failed) != 0 {
		t.Fatalf("%+v, %v", batch, err)
	}
	got := w.receive()
	if bodies(got) != "one two ä" || got[0].Attributes["ApproximateReceiveCount"] != "1" || got[0].Attributes["SenderId"] == "" || *got[0].MD5OfBody != "f97c5d29941bfb1b2fdab0874906ab82" {
		t.Fatalf("%s %+v", bodies(got), got)
	}
	if n := w.attribute("ApproximateNumberOfMessagesNotVisible"); n != "2" {
		t.Errorf("%s not visible", n)
	}
	if got := w.receive(); len(got) != 0 {
		t.Errorf("received while in flight: %s", bodies(got))
	}
	changed, err := c.ChangeMessageVisibilityBatch(t.Context(), &sdk.ChangeMessageVisibilityBatchInput{QueueUrl: w.url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: got[0].ReceiptHandle, VisibilityTimeout: 0},
		{Id: aws.String("x"), ReceiptHandle: aws.String("nonsense"), VisibilityTimeout: 0},
	}})
	if err != nil || len(changed.Successful) != 1 || len(changed.Failed) != 1 || *changed.Failed[0].Code != "ReceiptHandleIsInvalid" || !changed.Failed[0].SenderFault {
		t.Errorf("%+v, %v", changed, err)
	}
	again := w.receive()
	if bodies(again) != "one" || again[0].Attributes["ApproximateReceiveCount"] != "2" || *again[0].ReceiptHandle == *got[0].ReceiptHandle {
		t.Errorf("%s %+v", bodies(again), again)
	}
	deleted, err := c.DeleteMessageBatch(t.Context(), &sdk.DeleteMessageBatchInput{QueueUrl: w.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("b"), ReceiptHandle: got[1].ReceiptHandle},
	}})
	if err != nil || len(deleted.Successful) != 1 {
		t.Errorf("%+v, %v", deleted, err)
	}
	for range 2 { // a message that is deleted is as deleted as before
		if err := w.remove(got[1].ReceiptHandle); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := w.hide(again[0].ReceiptHandle, 0); err != nil {
			t.Fatal(err)
		}
		if again = w.receive(); len(again) == 0 {
			break
		}
	}
	if len(again) != 0 {
		t.Errorf("received a fourth time: %s", bodies(again))
	}
	if got := bodies(dead.receive()); got != "one" {
		t.Errorf("dead letters: %q", got)
	}
	_, err = c.SendMessageBatch(t.Context(), &sdk.SendMessageBatchInput{QueueUrl: w.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("one")}, {Id: aws.String("a"), MessageBody: aws.String("two")},
	}})
	wantCode(t, err, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated.")
	wantCode(t, w.hide(aws.String("nonsense"), 1), "ReceiptHandleIsInvalid", "The input receipt handle")
	if _, err := c.DeleteQueue(t.Context(), &sdk.DeleteQueueInput{QueueUrl: w.url}); err != nil {
		t.Error(err)
	}
	_, err = c.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: w.url})
	var typed *types.QueueDoesNotExist
	if !errors.As(err, &typed) {
		t.Errorf("after the deletion: %v", err)
	}
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist")
}
