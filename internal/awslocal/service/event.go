package service

import "time"

// Event is what a service says about a change. EventBridge puts it into an envelope, and matches it with the rules of the default bus there.
type Event struct {
	Account    string
	Region     string
	Time       time.Time
	Source     string // "aws.secretsmanager"
	DetailType string
	Resources  []string // ARNs
	Detail     any      // a struct or a map that encoding/json writes as an object
	Trail      bool     // it came through CloudTrail: an account without a trail does not get it
}

// Bus takes events to the default bus of their account and Region. Put returns when every target has what it gets. It is safe for concurrent use;
// a service calls it with no lock held.
type Bus interface {
	Put(e Event)
	// Listens reports whether anybody would get an event of that account and Region, for events that are work to make.
	Listens(account, region string) bool
}

// Delivery is what a fault does to messages on their way into a queue.
type Delivery int

// What a fault does to messages on their way into a queue. The sender learns nothing of it.
const (
	DeliveryOnce   Delivery = iota // as it is
	DeliveryTwice                  // the message stands in the queue twice
	DeliveryNever                  // the message is lost
	DeliveryAnyhow                 // the message takes a place by chance among those that wait, instead of the last
)
