package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// What is read at most, in bytes.
const (
	MaxMessage = 1 << 20 // of one message; those of SQS and EventBridge are not larger
	MaxBatch   = 8 << 20 // of a batch of messages; what Lambda hands to a function is smaller
)

// Message is one of the messages that arrived. Exactly one of Hints, Run, Step, Rotate, Ignored and Err is set.
type Message struct {
	ID      string    // of the message in its SQS queue; empty: it did not come in a batch of SQS
	Sent    time.Time // to its SQS queue; zero: not known
	Hints   []Hint    // secrets that are worth a look; not empty
	Run     *Run      // asks for a run
	Step    *Step     // is a step of a rotation, as Secrets Manager calls a rotation function; the only message that there is
	Rotate  *Rotate   // asks for rotations
	Ignored string    // why it is about nothing that we do: "unsupported event type"; a fixed text, without anything of the message
	Err     error     // it is malformed, which reading it again does not mend
}

// Run is a run that somebody or a schedule asks for. The zero Run is a whole one.
type Run struct {
	Syncs []secret.SyncName // only these; nil: all
	Only  []string          // globs of source names; nil: all
}

// Step is one step of a rotation that Secrets Manager drives.
type Step struct {
	Step   string // createSecret, setSecret, testSecret or finishSecret
	Secret Hint   // one secret of Secrets Manager, by its ARN: Kind, Account, Region and one name
	Token  secret.Version
	// RotationToken shows Secrets Manager that a PutSecretValue is part of its rotation, where that is called in an assumed role; zero: it gave none.
	RotationToken secret.Value
}

// Rotate asks for rotations of secrets that the configuration names. The zero Rotate asks for all that are due.
type Rotate struct {
	Names []secret.Name // these, due or not, no two alike: as in "app/db" or, with their stores, "hub app/db"; nil: those that are due
}

// Why messages are ignored.
const (
	unsupported = "unsupported event type"
	failedCall  = "the call failed: nothing changed"
	readOnly    = "the call only reads"
	otherLabel  = "the label is not AWSCURRENT"
	noMessage   = "a confirmation of SNS, not a message"
)

// Parse reads what arrived: an event of EventBridge, a direct call, or a batch of them as Lambda gets it from SQS, SNS or Pipes, in any envelope of these. Nothing,
// null and {} are a direct call that asks for a whole run. A message of a batch that is malformed spoils no other: its Err says so. The error says that nothing
// could be read: what arrived is too large or no JSON, or it is a single message that is malformed. No error quotes the payload; a key of a direct call that does
// not exist is named if it looks like a name.
func Parse(data []byte) ([]Message, error) {
	switch {
	case len(data) > MaxBatch:
		return nil, tooLarge(MaxBatch)
	case !utf8.Valid(data):
		return nil, malformed("not UTF-8")
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return []Message{{Run: &Run{}}}, nil
	}
	all, err := unwrap(data, 0)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 1 && all[0].ID == "" && all[0].Err != nil:
		return nil, all[0].Err
	}
	return all, nil
}

// errMalformed is what all errors but those of size wrap.
var errMalformed = errors.New("malformed")

func malformed(format string, args ...any) error {
	return fmt.Errorf("read event: %w: %s", errMalformed, fmt.Sprintf(format, args...))
}

func tooLarge(limit int) error {
	return fmt.Errorf("read event: too large: more than %d MiB", limit>>20)
}

// decode is json.Unmarshal without its errors, which may quote what is read.
func decode(data []byte, into any, what string) error {
	if err := json.Unmarshal(data, into); err != nil {
		return malformed("%s has not the form that it must have", what)
	}
	return nil
}
