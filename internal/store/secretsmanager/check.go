package secretsmanager

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// What Secrets Manager holds at most.
const (
	maxName        = 512
	maxDescription = 2048  // characters
	maxValue       = 65536 // bytes
	maxTags        = 50
	maxTagKey      = 128 // characters
	maxTagValue    = 256 // characters
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// Check judges the name (store.ErrBadName), the key (store.ErrKey), the number of tags (store.ErrTooManyTags), and the tags and the description themselves (store.ErrInvalid).
func (d *destination) Check(w store.Write) error {
	if err := d.checkName(w.Name); err != nil {
		return err
	}
	if err := d.client.CheckKey(w.Name, w.Key); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(w.Description); n > maxDescription {
		return d.client.Errorf("check", w.Name, store.ErrInvalid, "its description has %d characters: at most %d are possible", n, maxDescription)
	}
	return d.checkTags(w)
}

func (d *destination) checkName(name secret.Name) error {
	bad := func(format string, args ...any) error {
		return d.client.Errorf("check", name, store.ErrBadName, format, args...)
	}
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > maxName:
		return bad("it has %d characters: at most %d are possible", utf8.RuneCountInString(string(name)), maxName)
	}
	for _, r := range string(name) {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/_+=.@-!", r) {
			continue
		}
		return bad("%q is not possible in a name: letters, digits and /_+=.@-! are", r)
	}
	return nil
}

func (d *destination) checkTags(w store.Write) error {
	mark := w.Mark
	if mark.First == "" {
		mark.First = "00000000-0000-0000-0000-000000000000" // every copy gets one
	}
	all := markTags(mark)
	maps.Copy(all, w.Tags)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		v := all[k]
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey || !tagText.MatchString(k):
			return d.client.Errorf("check", w.Name, store.ErrInvalid, "the tag %q is not possible: want 1 to %d letters, digits, spaces and _ . : / = + - @", k, maxTagKey)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return d.client.Errorf("check", w.Name, store.ErrInvalid, "the tag %q is not possible: aws: is reserved", k)
		case utf8.RuneCountInString(v) > maxTagValue || !tagText.MatchString(v):
			return d.client.Errorf("check", w.Name, store.ErrInvalid, "the value of tag %q is not possible: want up to %d letters, digits, spaces and _ . : / = + - @", k, maxTagValue)
		}
	}
	if w.Have != nil {
		for k := range w.Have.Tags {
			if !strings.HasPrefix(k, "aws:") {
				all[k] = ""
			}
		}
	}
	if len(all) > maxTags {
		return d.client.Errorf("check", w.Name, store.ErrTooManyTags, "it would have %d tags, the mark's included: at most %d are possible", len(all), maxTags)
	}
	return nil
}

// checkValue judges a value, before any call.
func (d *destination) checkValue(w store.Write) error {
	switch {
	case w.Value.IsZero():
		return nil
	case w.Value.Size() > maxValue:
		return d.client.Errorf("write", w.Name, store.ErrTooLarge, "its value has %d bytes: at most %d are possible", w.Value.Size(), maxValue)
	case w.Value.Size() == 0:
		return d.client.Errorf("write", w.Name, store.ErrInvalid, "its value is empty, which is not possible")
	case !w.Value.IsBinary() && !utf8.Valid(w.Value.Reveal()):
		return d.client.Errorf("write", w.Name, store.ErrInvalid, "its value is text that is not valid UTF-8, which is not possible")
	}
	return nil
}
