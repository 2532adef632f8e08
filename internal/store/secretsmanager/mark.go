package secretsmanager

import (
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The tags that a copy's mark is written in.
const (
	tagPrefix     = "secretsync:"
	tagOwner      = tagPrefix + "owner"
	tagSync       = tagPrefix + "sync"
	tagSource     = tagPrefix + "source"
	tagFirst      = tagPrefix + "first"
	tagGeneration = tagPrefix + "generation"
	tagDeleting   = tagPrefix + "deleting"
)

// markOf reads the mark off a secret's tags. What can't be read counts as absent.
func markOf(tags map[string]string) secret.Mark {
	m := secret.Mark{
		Owner:  secret.Owner(tags[tagOwner]),
		Sync:   secret.SyncName(tags[tagSync]),
		Source: secret.Identity(tags[tagSource]),
		First:  secret.Version(tags[tagFirst]),
	}
	if n, err := strconv.Atoi(tags[tagGeneration]); err == nil && n > 0 {
		m.Generation = n
	}
	if t, err := time.Parse(time.RFC3339, tags[tagDeleting]); err == nil {
		m.Deleting = t.UTC()
	}
	return m
}

// markTags returns the tags that a mark is written in: the fields that are set, but for Deleting, which only a deletion writes.
func markTags(m secret.Mark) map[string]string {
	tags := map[string]string{}
	for key, value := range map[string]string{tagOwner: string(m.Owner), tagSync: string(m.Sync), tagSource: m.Source.Tag(), tagFirst: string(m.First)} {
		if value != "" {
			tags[key] = value
		}
	}
	if m.Generation > 0 {
		tags[tagGeneration] = strconv.Itoa(m.Generation)
	}
	return tags
}

// isMark reports whether a tag is part of a mark, ours or one of another version of this tool.
func isMark(key string) bool { return strings.HasPrefix(key, tagPrefix) }

func withoutMarks(tags map[string]string) map[string]string {
	marks := 0
	for k := range tags {
		if isMark(k) {
			marks++
		}
	}
	if marks == len(tags) {
		return nil
	}
	rest := make(map[string]string, len(tags)-marks)
	for k, v := range tags {
		if !isMark(k) {
			rest[k] = v
		}
	}
	return rest
}
