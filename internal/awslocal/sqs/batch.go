package sqs

import (
	"slices"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const maxBatch = 10

type failure struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

// batch is the answer to many requests in one: some may succeed, and others fail.
type batch[T any] struct {
	Successful []T       `json:",omitempty"`
	Failed     []failure `json:",omitempty"`
}

func (b *batch[T]) add(id string, do func() (T, *service.Error)) {
	out, err := do()
	if err != nil {
		code := err.Query
		if code == "" {
			code = err.Code
		}
		b.Failed = append(b.Failed, failure{ID: id, SenderFault: err.HTTPStatus() < 500, Code: code, Message: err.Message})
		return
	}
	b.Successful = append(b.Successful, out)
}

// checkIDs says whether a batch may have these entries.
func checkIDs(ids []string) *service.Error {
	const namespace = "AWS.SimpleQueueService."
	switch {
	case len(ids) == 0:
		return refuseAs("EmptyBatchRequest", namespace+"EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(ids) > maxBatch:
		return refuseAs("TooManyEntriesInBatchRequest", namespace+"TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(ids))
	}
	for i, id := range ids {
		if !ValidName(id) {
			return refuseAs("InvalidBatchEntryId", namespace+"InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if slices.Contains(ids[:i], id) {
			return refuseAs("BatchEntryIdsNotDistinct", namespace+"BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
	}
	return nil
}
