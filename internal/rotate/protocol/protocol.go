// Package protocol is what programs and endpoints that do the steps of a rotation are told, and what they answer: one JSON object each way. docs/rotation-exec.md is its page.
package protocol

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Version is that of the protocol.
const Version = 1

// MaxAnswer is how many bytes an answer may have: enough for the largest value, whatever its characters are written as.
const MaxAnswer = 512 << 10

const maxValue = 65536 // what Secrets Manager holds

// Step is what is asked for, by the names of rotate.Engine's methods.
type Step string

// The steps.
const (
	Next Step = "next"
	Set  Step = "set"
	Test Step = "test"
	Undo Step = "undo"
	Done Step = "done"
)

// request is what is sent. Values that are not there are left out.
type request struct {
	Version  int             `json:"version"`
	Step     Step            `json:"step"`
	Secret   place           `json:"secret"`
	Strategy rotate.Strategy `json:"strategy"`
	Rollback bool            `json:"rollback"`
	Current  *value          `json:"current,omitempty"`
	Pending  *value          `json:"pending,omitempty"`
	Previous *value          `json:"previous,omitempty"`
	Master   *value          `json:"master,omitempty"` // in set, undo and done
}

type place struct {
	Name      secret.Name      `json:"name"`
	Store     secret.Kind      `json:"store"`
	Account   secret.AccountID `json:"account,omitempty"`
	Region    secret.Region    `json:"region,omitempty"`
	Cluster   string           `json:"cluster,omitempty"`
	Host      string           `json:"host,omitempty"`
	Namespace string           `json:"namespace,omitempty"`
	Mount     string           `json:"mount,omitempty"`
}

// value is text that is UTF-8, or anything else in base64.
type value struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
}

// answer is what comes back. All of it may be missing.
type answer struct {
	Value  *value `json:"value"`
	Denied bool   `json:"denied"`
	Away   bool   `json:"away"`
	Lost   bool   `json:"lost"`
}

func valueOf(v secret.Value) *value {
	if v.IsZero() {
		return nil
	}
	if data := v.Reveal(); v.IsBinary() || !utf8.Valid(data) {
		text := base64.StdEncoding.EncodeToString(data)
		return &value{Base64: &text}
	}
	text := string(v.Reveal())
	return &value{Text: &text}
}

// write returns the request of a step. The caller clears it. The other side is given the master that the configuration names, and never one that the secret itself names: whoever may write the secret
// could have any secret sent to it.
func write(ctx context.Context, step Step, c rotate.Change) ([]byte, error) {
	p := c.Place
	r := request{
		Version: Version, Step: step, Strategy: c.Strategy, Rollback: c.Rollback,
		Secret:  place{c.Name, p.Kind, p.Account, p.Region, p.Cluster, p.Host, p.Namespace, p.Mount},
		Current: valueOf(c.Current), Pending: valueOf(c.Pending), Previous: valueOf(c.Previous),
	}
	if r.Strategy == "" {
		r.Strategy = rotate.SingleUser
	}
	if c.Master != nil && c.Settings.Master != nil && step != Next && step != Test {
		master, err := c.Master(ctx)
		if err != nil {
			return nil, err
		}
		r.Master = valueOf(master)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, errors.New("the request can't be written")
	}
	return out.Bytes(), nil
}

// read returns what was answered: a value, in the step next only; the zero Value where there is none. Nothing at all is an empty answer. No error quotes the answer.
func read(step Step, data []byte) (secret.Value, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return secret.Value{}, nil
	}
	if !utf8.Valid(data) { // which the decoder would mend without a word
		return secret.Value{}, errors.New("the answer is not UTF-8")
	}
	var a *answer
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil || a == nil {
		return secret.Value{}, errors.New("the answer is not the JSON object of this protocol")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return secret.Value{}, errors.New("the answer has something after its JSON object")
	}
	var said []error
	for _, s := range []struct {
		is  bool
		err error
	}{{a.Denied, rotate.ErrDenied}, {a.Away, rotate.ErrAway}, {a.Lost, rotate.ErrLost}} {
		if s.is {
			said = append(said, s.err)
		}
	}
	switch {
	case len(said) > 1, len(said) == 1 && a.Value != nil:
		return secret.Value{}, errors.New("the answer contradicts itself: it has one of value, denied, away and lost at most")
	case len(said) == 1:
		return secret.Value{}, Unchanged(said[0])
	case a.Value == nil:
		return secret.Value{}, nil
	case step != Next:
		return secret.Value{}, fmt.Errorf("the answer has a value, which the step %s has not", step)
	}
	return a.Value.read()
}

func (v *value) read() (secret.Value, error) {
	var out secret.Value
	switch {
	case (v.Text == nil) == (v.Base64 == nil):
		return secret.Value{}, errors.New("the value of the answer has not one of text and base64")
	case v.Text != nil:
		out = secret.Text([]byte(*v.Text))
	default:
		data, err := base64.StdEncoding.DecodeString(*v.Base64)
		if err != nil {
			return secret.Value{}, errors.New("the value of the answer is not base64") // the cause may tell of it
		}
		out = secret.Binary(data)
	}
	switch {
	case out.Size() == 0:
		return secret.Value{}, errors.New("the value of the answer is empty")
	case out.Size() > maxValue:
		return secret.Value{}, fmt.Errorf("the value of the answer is larger than %d bytes", maxValue)
	}
	return out, nil
}
