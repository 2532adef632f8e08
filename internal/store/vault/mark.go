package vault

import (
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The keys of custom metadata that a copy's mark is written in.
const (
	keyPrefix   = "secretsync:"
	keyOwner    = keyPrefix + "owner"
	keySync     = keyPrefix + "sync"
	keySource   = keyPrefix + "source"
	keyVersion  = keyPrefix + "version" // the id of the value that we wrote
	keyWritten  = keyPrefix + "written" // the number that Vault gave it
	keyDeleting = keyPrefix + "deleting"
	markKeys    = 6
)

// The keys of custom metadata that carry the stages of a rotation: numbers of versions. They count as long as the current version is the one that they name.
const (
	keyCurrent  = keyPrefix + "current"
	keyPrevious = keyPrefix + "previous"
)

// blank stands for a tag without a value, which custom metadata can't hold.
const blank = " "

// markOf reads the mark off a secret's custom metadata. What can't be read counts as absent.
func markOf(custom map[string]string) secret.Mark {
	m := secret.Mark{Owner: secret.Owner(custom[keyOwner]), Sync: secret.SyncName(custom[keySync]), Source: secret.Identity(custom[keySource])}
	if t, err := time.Parse(time.RFC3339, custom[keyDeleting]); err == nil {
		m.Deleting = t.UTC()
	}
	return m
}

// markData returns the custom metadata that a mark is written in: the fields that are set, but for Deleting, which only a deletion writes.
func markData(m secret.Mark) map[string]string {
	custom := map[string]string{}
	for key, value := range map[string]string{keyOwner: string(m.Owner), keySync: string(m.Sync), keySource: m.Source.Tag()} {
		if value != "" {
			custom[key] = value
		}
	}
	return custom
}

// tagsOf returns custom metadata as tags, without the marks; nil where nothing is left.
func tagsOf(custom map[string]string) map[string]string {
	var tags map[string]string
	for k, v := range custom {
		if strings.HasPrefix(k, keyPrefix) {
			continue
		}
		if tags == nil {
			tags = map[string]string{}
		}
		if v == blank {
			v = ""
		}
		tags[k] = v
	}
	return tags
}

// tagData returns tags as custom metadata.
func tagData(tags map[string]string) map[string]string {
	custom := map[string]string{}
	for k, v := range tags {
		if strings.HasPrefix(k, keyPrefix) {
			continue
		}
		if v == "" {
			v = blank
		}
		custom[k] = v
	}
	return custom
}

// sameMark reports whether two marks are of one owner and one source.
func sameMark(a, b secret.Mark) bool { return a.Owner == b.Owner && a.Source.Tag() == b.Source.Tag() }
