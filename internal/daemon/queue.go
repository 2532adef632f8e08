package daemon

import (
	"context"
	"time"
)

// Message is a message of a queue.
type Message struct {
	ID     string
	Handle string // by which it is deleted
	Body   string
	Sent   time.Time // zero: not known
}

// Queue hands messages out at least once: one that is not deleted in time is handed out again. Its methods may be called concurrently, and end in any case.
type Queue interface {
	// Receive waits for messages, for 20 seconds at most, and hides them from others for the time visible. None is no error.
	Receive(ctx context.Context, visible time.Duration) ([]Message, error)
	// Delete deletes messages. The error says of how many it failed; the others are deleted.
	Delete(ctx context.Context, all []Message) error
	// Hide hides messages from others for a time from now on; zero: they are handed out again at once. The error says of how many it failed.
	Hide(ctx context.Context, all []Message, visible time.Duration) error
}
