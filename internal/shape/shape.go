// Package shape makes the name and the value of a copy from its sources, as a sync says. It is pure: the same sources make the same copy.
package shape

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/template"
)

// ErrValue says that a value does not have the form that its shape needs.
var ErrValue = errors.New("the value does not have the form that the sync needs")

const (
	maxKeys     = 100 // of one list of a shape
	maxKeyBytes = 256
	maxOutput   = 64 << 10 // of a value that was made
)

// Shaper makes values as one plan.Shape says. It is never changed: safe for concurrent use.
type Shaper struct {
	shape         plan.Shape
	merge, render *template.Template // nil: none
}

// Input is one source of a value.
type Input struct {
	Name  secret.Name
	Value secret.Value
}

// Compile checks everything of a shape that can be checked without a value. Where a template is wrong, the error is or wraps a *template.Error.
func Compile(s plan.Shape) (*Shaper, error) {
	made := &Shaper{shape: s}
	if err := check(&s); err != nil {
		return nil, err
	}
	var err error
	if s.Merge != "" {
		if made.merge, err = template.Parse("merge", s.Merge, template.Options{Output: maxKeyBytes}); err != nil {
			return nil, err
		}
		if made.merge.Uses("Key") {
			return nil, errors.New("merge: there is .Key only where a secret is split")
		}
	}
	if s.Template != "" {
		if made.render, err = template.Parse("template", s.Template, template.Options{Output: maxOutput}); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func check(s *plan.Shape) error {
	for _, list := range []struct {
		what string
		keys []string
	}{
		{"include", s.Include}, {"exclude", s.Exclude}, {"split", s.Split}, {"rename", slices.Sorted(maps.Keys(s.Rename))}, {"rename", slices.Sorted(maps.Values(s.Rename))},
	} {
		if err := checkKeys(list.what, list.keys); err != nil {
			return err
		}
	}
	switch {
	case len(s.Split) > 0 && s.Merge != "":
		return errors.New("split and merge exclude each other: one makes many of one, the other one of many")
	case len(s.Split) > 0 && s.Template != "":
		return errors.New("split and template exclude each other: give the template to a destination of its own")
	}
	for _, key := range s.Exclude {
		if slices.Contains(s.Include, key) {
			return fmt.Errorf("the key %q is under include and under exclude", key)
		}
	}
	return checkRename(s)
}

func checkKeys(what string, keys []string) error {
	if len(keys) > maxKeys {
		return fmt.Errorf("%s: more than %d keys", what, maxKeys)
	}
	for i, key := range keys {
		switch {
		case key == "":
			return fmt.Errorf("%s: a key is empty", what)
		case len(key) > maxKeyBytes:
			return fmt.Errorf("%s: a key is longer than %d bytes", what, maxKeyBytes)
		case !utf8.ValidString(key):
			return fmt.Errorf("%s: a key is not UTF-8", what)
		case slices.Contains(keys[:i], key):
			return fmt.Errorf("%s: the key %q is there twice", what, key)
		}
	}
	return nil
}

// checkRename finds keys that can't be there, or would be there twice.
func checkRename(s *plan.Shape) error {
	left := func(key string) bool { // whether a key may be there after include and exclude
		return !slices.Contains(s.Exclude, key) && (len(s.Include) == 0 || slices.Contains(s.Include, key))
	}
	made := slices.Collect(maps.Values(s.Rename))
	for _, old := range slices.Sorted(maps.Keys(s.Rename)) {
		renamed := s.Rename[old]
		_, away := s.Rename[renamed]
		switch {
		case old == renamed:
			return fmt.Errorf("rename: the key %q is renamed to itself", old)
		case !left(old):
			return fmt.Errorf("rename: the key %q is left out by include or exclude", old)
		case slices.Contains(s.Include, renamed) && !away:
			return fmt.Errorf("rename: the key %q is there already, as include says", renamed)
		}
	}
	for _, key := range s.Split {
		_, away := s.Rename[key]
		if !slices.Contains(made, key) && (away || !left(key)) {
			return fmt.Errorf("split: the key %q is left out by include or exclude, or renamed: split names keys as they are then", key)
		}
	}
	return nil
}

// Make returns the value of a copy: of one input, or with Merge of one or more, in any order. key is the one of Split that the copy holds, and empty without Split.
// A Shape that takes the value as it is returns the input's own, text or binary; every other makes new text. An error wraps ErrValue; it quotes nothing of a value and no key but
// those that the shape names.
func (s *Shaper) Make(inputs []Input, key string) (secret.Value, error) {
	switch {
	case len(inputs) == 0, len(inputs) > 1 && s.merge == nil:
		return secret.Value{}, fmt.Errorf("%w: %d secrets for it", ErrValue, len(inputs))
	case (key != "" || len(s.shape.Split) > 0) && !slices.Contains(s.shape.Split, key):
		return secret.Value{}, fmt.Errorf("%w: its key is not one of split", ErrValue)
	case s.shape.AsIs():
		return inputs[0].Value, nil
	}
	texts, budget := make([]source, 0, len(inputs)), maxMembers
	for _, in := range inputs {
		text, err := s.pick(in, &budget)
		if err != nil {
			return secret.Value{}, of(in.Name, err)
		}
		texts = append(texts, source{in.Name, text})
	}
	made, err := s.make(texts, key)
	switch {
	case err != nil:
		return secret.Value{}, err
	case len(made) > maxOutput:
		return secret.Value{}, fmt.Errorf("%w: the result is longer than %d bytes", ErrValue, maxOutput)
	}
	return secret.Text(made), nil
}

// source is one input after include, exclude and rename.
type source struct {
	name secret.Name
	text []byte
}

func (s *Shaper) make(sources []source, key string) ([]byte, error) {
	first := sources[0]
	switch {
	case s.merge != nil:
		return s.merged(sources)
	case s.render != nil:
		data := append(nameData(first.name), valueData(first.text)...)
		text, err := s.render.Execute(append(data, template.Member{Key: "Key", Value: noKey}, template.Member{Key: "Secrets", Value: noSecrets}))
		return text, of(first.name, wrong(err))
	case len(s.shape.Split) > 0:
		text, err := part(first.text, key)
		return text, of(first.name, err)
	}
	return first.text, nil
}

// of says which secret an error is about; nil for nil.
func of(name secret.Name, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q: %w", name, err)
}

// wrong makes an error of a template one about a value; nil for nil.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrValue, err)
}

// bad returns an error about a value. What it is made of must be the configuration's.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrValue, fmt.Sprintf(format, args...))
}
