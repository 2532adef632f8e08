package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The members of the call by which Secrets Manager has a function do one step of a rotation.
const (
	stepKey          = "Step"
	secretIDKey      = "SecretId"
	clientTokenKey   = "ClientRequestToken"
	rotationTokenKey = "RotationToken"
)

// steps are the four of a rotation.
var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// What Secrets Manager allows, in characters.
const (
	minToken, maxToken = 32, 64 // of the id of a version
	maxRotationToken   = 256
)

// isStep reports whether a direct call is one of Secrets Manager: no other has a member of these names.
func isStep(members map[string]json.RawMessage) bool {
	for _, key := range []string{stepKey, secretIDKey, clientTokenKey} {
		if _, ok := members[key]; ok {
			return true
		}
	}
	return false
}

// stepOf reads a call of Secrets Manager. What it has beside the members that we know is ignored, unless it is one of our own direct calls: AWS has added one before
// (RotationToken), and rotations must not end on the day it adds another.
func stepOf(data []byte, members map[string]json.RawMessage) Message {
	s, err := readStep(data, members)
	if err != nil {
		return Message{Err: err}
	}
	return Message{Step: s}
}

func readStep(data []byte, members map[string]json.RawMessage) (*Step, error) {
	err := eachKey(data, func(key string) error {
		if slices.Contains(keys, key) {
			return malformed("%s does not go together with a step of a rotation", key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	step, ok := text(members[stepKey])
	if !ok || !slices.Contains(steps, step) {
		return nil, malformed("%s: want %s", stepKey, strings.Join(steps, ", "))
	}
	id, _ := text(members[secretIDKey])
	h, err := hintOfStep(id)
	if err != nil {
		return nil, err
	}
	token, ok := text(members[clientTokenKey])
	if !ok || len(token) < minToken || len(token) > maxToken || !printable(token) {
		return nil, malformed("%s: want %d to %d characters", clientTokenKey, minToken, maxToken)
	}
	s := &Step{Step: step, Secret: h, Token: secret.Version(token)}
	if raw, ok := members[rotationTokenKey]; ok && string(raw) != "null" {
		proof, ok := text(raw)
		if !ok || proof == "" || len(proof) > maxRotationToken || !printable(proof) {
			return nil, malformed("%s: want 1 to %d characters", rotationTokenKey, maxRotationToken)
		}
		s.RotationToken = secret.Text([]byte(proof))
	}
	return s, nil
}

// hintOfStep returns the secret that a step is about. Secrets Manager writes the whole ARN, so its end is none of the name. A name, or an ARN without that end, is refused: it would be
// a guess which secret is meant, and a rotation is not for guesses.
func hintOfStep(id string) (Hint, error) {
	refused := malformed("%s: want the whole ARN of a secret, with its last seven characters", secretIDKey)
	if !isARN(id) {
		return Hint{}, refused
	}
	a, err := parseARN(id)
	if err != nil || !suffixed.MatchString(strings.TrimPrefix(a.resource, "secret:")) {
		return Hint{}, refused
	}
	return hintOf(id, byAWS, place{})
}

// printable reports whether a text can be part of a line of a log: ASCII without spaces.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// rotateKey is the member of a direct call that asks for rotations.
const rotateKey = "rotate"

// due is what asks for the rotations that are due, in place of a list of names.
const due = "due"

// rotateOf reads {"rotate": "due"} and {"rotate": ["app/db", …]}. One name alone is an error: a secret may be called "due".
func rotateOf(members map[string]json.RawMessage) Message {
	if len(members) > 1 {
		return Message{Err: malformed("%s does not go together with other keys", rotateKey)}
	}
	if s, ok := text(members[rotateKey]); ok {
		if s != due {
			return Message{Err: malformed("%s: want %q, or a list of names", rotateKey, due)}
		}
		return Message{Rotate: &Rotate{}}
	}
	all, err := texts(members, "", rotateKey, maxID)
	switch {
	case err != nil:
		return Message{Err: err}
	case len(all) > maxNamed:
		return Message{Err: tooMany(rotateKey, len(all))}
	case slices.ContainsFunc(all, isARN):
		return Message{Err: malformed("%s: want names as the configuration has them, no ARNs", rotateKey)}
	}
	r := &Rotate{}
	for _, s := range all {
		if n := secret.Name(s); !slices.Contains(r.Names, n) {
			r.Names = append(r.Names, n)
		}
	}
	return Message{Rotate: r}
}

func tooMany(what string, n int) error {
	return malformed("%s: %d are named, and one call may name %d", what, n, maxNamed)
}

// String says what is to be rotated.
func (r Rotate) String() string {
	if r.Names == nil {
		return due
	}
	return fmt.Sprintf("%q", r.Names)
}
