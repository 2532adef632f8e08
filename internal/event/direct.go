package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// What a glob of a direct call may be, which bounds the work of matching it.
const (
	maxGlob      = 512
	maxWildcards = 8
)

// maxNamed is how many secrets one direct call names at most: more are for a run with only.
const maxNamed = 1000

// word matches a key that may be shown: it looks like a name of one.
var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,39}$`)

// keys are those of a direct call.
var keys = []string{"sync", "syncs", "only", "secret", "secrets", rotateKey}

// direct reads a direct call: {} is a whole run; sync, syncs and only limit it; secret and secrets name what is to be looked at; rotate what is to be rotated. A call
// of Secrets Manager for a rotation is one, too.
func direct(data []byte, members map[string]json.RawMessage) Message {
	if helloWorld(members) {
		return Message{Run: &Run{}}
	}
	if isStep(members) {
		return stepOf(data, members)
	}
	if err := known(data); err != nil {
		return Message{Err: err}
	}
	if _, ok := members[rotateKey]; ok {
		return rotateOf(members)
	}
	syncs, err := texts(members, "sync", "syncs", maxGlob)
	if err != nil {
		return Message{Err: err}
	}
	only, err := texts(members, "", "only", maxGlob)
	if err != nil {
		return Message{Err: err}
	}
	secrets, err := texts(members, "secret", "secrets", maxID)
	if err != nil {
		return Message{Err: err}
	}
	if len(secrets) > maxNamed {
		return Message{Err: tooMany("secrets", len(secrets))}
	}
	if len(secrets) > 0 {
		if len(syncs)+len(only) > 0 {
			return Message{Err: malformed("secret and secrets don't go together with sync, syncs and only")}
		}
		return named(secrets)
	}
	run := &Run{}
	for _, s := range syncs {
		run.Syncs = append(run.Syncs, secret.SyncName(s))
	}
	for _, glob := range only {
		if strings.ContainsAny(glob, `[]{}\`) || strings.Count(strings.ReplaceAll(glob, "**", "*"), "*") > maxWildcards {
			return Message{Err: malformed("only: a glob knows *, ** and ? only, and has at most %d wildcards", maxWildcards)}
		}
	}
	run.Only = only
	return Message{Run: run}
}

// named returns the hints for secrets that somebody names: by the name, in whatever store and place, or by an ARN.
func named(secrets []string) Message {
	var hints []Hint
	for _, s := range secrets {
		h, err := Hint{Names: []secret.Name{secret.Name(s)}}, error(nil)
		if isARN(s) {
			h, err = hintOfARN(s)
		}
		if err != nil {
			return Message{Err: err}
		}
		h.Sweep = true
		hints = append(hints, h)
	}
	return Message{Hints: Merge(hints)}
}

// hintOfARN returns the hint for an ARN of a secret or of a parameter.
func hintOfARN(s string) (Hint, error) {
	if a, err := parseARN(s); err == nil && a.service == "ssm" {
		return parameterOf(a)
	}
	return hintOf(s, byCaller, place{})
}

// helloWorld reports whether an object is the event that the console of Lambda offers for a test.
func helloWorld(members map[string]json.RawMessage) bool {
	if len(members) != 3 {
		return false
	}
	for _, n := range []string{"1", "2", "3"} {
		if value, ok := text(members["key"+n]); !ok || value != "value"+n {
			return false
		}
	}
	return true
}

// known refuses keys that a direct call does not have, and those that it has twice.
func known(data []byte) error {
	return eachKey(data, func(key string) error {
		switch {
		case slices.Contains(keys, key):
			return nil
		case word.MatchString(key):
			return malformed("unknown key %q: a direct call has %s", key, strings.Join(keys, ", "))
		}
		return malformed("an unknown key: a direct call has %s", strings.Join(keys, ", "))
	})
}

// eachKey calls check with the keys of an object, in their order, until it returns an error. A key that is there twice is one, too: which of the two would count?
func eachKey(data []byte, check func(key string) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	seen := map[string]bool{}
	if _, err := d.Token(); err != nil { // the opening brace
		return malformed("not JSON")
	}
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return malformed("not JSON")
		}
		if err := check(key); err != nil {
			return err
		}
		if seen[key] {
			return malformed("%s is there twice", shown(key))
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return malformed("not JSON")
		}
	}
	return nil
}

// shown returns a key as an error may have it.
func shown(key string) string {
	if word.MatchString(key) {
		return key
	}
	return "a key"
}

// texts returns what stands under one key as a text, and under another as a list of texts. What is there must say something: an empty list is not "all".
func texts(members map[string]json.RawMessage, one, many string, longest int) ([]string, error) {
	var all []string
	if value, ok := members[one]; ok && one != "" {
		s, isText := text(value)
		if !isText {
			return nil, malformed("%s is no text", one)
		}
		all = append(all, s)
	}
	if value, ok := members[many]; ok {
		var list []*string
		if json.Unmarshal(value, &list) != nil || len(list) == 0 || slices.Contains(list, nil) {
			return nil, malformed("%s is no list of texts", many)
		}
		for _, s := range list {
			all = append(all, *s)
		}
	}
	for _, s := range all {
		if s == "" || len(s) > longest {
			return nil, malformed("%s: want texts of 1 to %d bytes", strings.Trim(fmt.Sprintf("%s, %s", one, many), ", "), longest)
		}
	}
	return all, nil
}
