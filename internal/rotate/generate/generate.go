// Package generate is the engine for values that belong to no service: passwords, random bytes, UUIDs and key pairs, in a member of a JSON object or as the whole value.
package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The kinds of values, as rotate.Generate names them; no kind is a password.
const (
	kindPassword = "password"
	kindHex      = "hex"
	kindBase64   = "base64"
	kindUUID     = "uuid"
	kindRSA      = "rsa"
	kindEd25519  = "ed25519"
)

// usualKey is the member of a JSON object that is replaced where the settings name none.
const usualKey = "password"

// New returns the engine. Nobody has to be told of a new value, so only Next and Test do something; the strategy of alternating users is an error.
//
//	the value is            Key is given              Key is empty
//	a JSON object           that member is replaced   the member "password" is replaced
//	another text, or none   ErrForm                   all of it is replaced
//	binary                  ErrForm                   all of it is replaced, by random bytes: hex and base64 only
//
// A member that is named and not there yet is added; the others are kept as they are. Where none is named and there is no "password", that is ErrForm.
func New() rotate.Engine { return engine{} }

type engine struct{}

func check(c rotate.Change) error {
	switch c.Strategy {
	case "", rotate.SingleUser:
	default:
		return errors.New("generated values belong to no user: the strategy must be single-user")
	}
	switch c.Generate.Kind {
	case "", kindPassword, kindHex, kindBase64, kindUUID:
		if c.Generate.PublicKey != "" {
			return errors.New("generate: publicKey is for rsa and ed25519")
		}
	case kindRSA, kindEd25519:
		if c.Generate.PublicKey == keyOf(c.Generate) {
			return errors.New("generate: key and publicKey are one member")
		}
	default:
		return fmt.Errorf("generate: no kind %q: it is password, hex, base64, uuid, rsa or ed25519", c.Generate.Kind)
	}
	return nil
}

func keyOf(g rotate.Generate) string {
	if g.Key == "" {
		return usualKey
	}
	return g.Key
}

// Next implements rotate.Engine.
func (engine) Next(_ context.Context, c rotate.Change) (secret.Value, error) {
	if err := check(c); err != nil {
		return secret.Value{}, err
	}
	if c.Current.IsBinary() {
		if err := wholeOnly(c.Generate); err != nil {
			return secret.Value{}, err
		}
		raw, err := randomBytes(c.Generate)
		return secret.Binary(raw), err
	}
	holds, err := rotate.ParseCredential(c.Current)
	object := err == nil
	switch {
	case object && c.Generate.Key == "" && holds.Text(usualKey) == "":
		return secret.Value{}, fmt.Errorf("%w: it is a JSON object without the member %q: name the one to replace in the configuration, under generate, as key", rotate.ErrForm, usualKey)
	case !object && isObject(c.Current.Reveal()):
		return secret.Value{}, err // it is not replaced as a whole because of what is wrong with it
	case !object:
		if err := wholeOnly(c.Generate); err != nil {
			return secret.Value{}, err
		}
	}
	made, err := newValue(c.Generate)
	if err != nil {
		return secret.Value{}, err
	}
	if !object {
		return secret.Text([]byte(made.text)), nil
	}
	holds = holds.With(keyOf(c.Generate), made.text)
	if c.Generate.PublicKey != "" {
		holds = holds.With(c.Generate.PublicKey, made.public)
	}
	return holds.Value()
}

// isObject reports whether a value is a JSON object, be it one that no credential can be read from.
func isObject(value []byte) bool {
	return json.Valid(value) && bytes.HasPrefix(bytes.TrimSpace(value), []byte("{"))
}

// wholeOnly refuses settings that name members for a value that has none.
func wholeOnly(g rotate.Generate) error {
	if g.Key != "" || g.PublicKey != "" {
		return fmt.Errorf("%w: members are named, and it is not a JSON object", rotate.ErrForm)
	}
	return nil
}

// Set implements rotate.Engine: there is nobody to tell.
func (engine) Set(_ context.Context, c rotate.Change) error { return check(c) }

// Test implements rotate.Engine: it makes sure that the pending value has the form that the settings ask for; in a rollback, that it has something in its place.
func (engine) Test(_ context.Context, c rotate.Change) error {
	if err := check(c); err != nil {
		return err
	}
	if c.Pending.IsZero() || c.Pending.Size() == 0 {
		return fmt.Errorf("%w: the pending value is empty", rotate.ErrForm)
	}
	if c.Pending.IsBinary() {
		return wholeOnly(c.Generate)
	}
	text, public := string(c.Pending.Reveal()), ""
	if holds, err := rotate.ParseCredential(c.Pending); err == nil {
		text = holds.Text(keyOf(c.Generate))
		if c.Generate.PublicKey != "" {
			public = holds.Text(c.Generate.PublicKey)
		}
	} else if err := wholeOnly(c.Generate); err != nil {
		return err
	}
	switch {
	case text == "":
		return fmt.Errorf("%w: the member %q of the pending value is empty, or no text", rotate.ErrForm, keyOf(c.Generate))
	case c.Rollback:
		return nil
	}
	if err := checkForm(c.Generate, text, public); err != nil {
		return fmt.Errorf("%w: %w", rotate.ErrForm, err)
	}
	return nil
}

// Undo implements rotate.Engine: there is nobody to tell.
func (engine) Undo(context.Context, rotate.Change) error { return nil }

// Done implements rotate.Engine: there is nobody to tell.
func (engine) Done(context.Context, rotate.Change) error { return nil }
