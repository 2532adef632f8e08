package vault

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// What Vault's custom metadata holds at most, and how long a name may be.
const (
	maxName     = 2048 // bytes
	maxKeys     = 64
	maxKey      = 128 // bytes
	maxKeyValue = 512 // bytes
)

// Check judges the name (store.ErrBadName), the number of tags (store.ErrTooManyTags) and the tags themselves (store.ErrInvalid).
func (d *destination) Check(w store.Write) error {
	if why := d.badName(w.Name); why != "" {
		return d.client.invalid("check", w.Name, store.ErrBadName, "%s", why)
	}
	custom := markData(w.Mark)
	for _, v := range w.Versions {
		custom[keyVersion] = string(v)
	}
	maps.Copy(custom, w.Tags)
	for _, k := range slices.Sorted(maps.Keys(custom)) {
		v := custom[k]
		switch {
		case k == "" || len(k) > maxKey || !printable(k):
			return d.client.invalid("check", w.Name, store.ErrInvalid, "the tag %q is not possible: want 1 to %d bytes of printable text", k, maxKey)
		case len(v) > maxKeyValue || !printable(v) || v == blank:
			return d.client.invalid("check", w.Name, store.ErrInvalid, "the value of tag %q is not possible: want up to %d bytes of printable text, not one space alone", k, maxKeyValue)
		}
	}
	keys := tagData(w.Tags)
	if w.Have != nil {
		maps.Copy(keys, tagData(w.Have.Tags))
	}
	if n := len(keys) + markKeys; n > maxKeys {
		return d.client.invalid("check", w.Name, store.ErrTooManyTags, "it would have %d keys of custom metadata, the mark's %d included: at most %d are possible", n, markKeys, maxKeys)
	}
	return nil
}

func (d *destination) badName(name secret.Name) string {
	switch {
	case len(name) > maxName:
		return "it is too long: at most 2048 bytes are possible"
	case !strings.HasPrefix(string(name), d.prefix):
		return "it does not begin with the store's prefix " + d.prefix
	case hidden(name):
		return hiddenWhy
	}
	return badPath(string(name))
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
