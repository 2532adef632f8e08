package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

var errAnswer = errors.New("the answer could not be understood")

// entry is what the metadata of a secret tells.
type entry struct {
	name      secret.Name
	number    int    // of the current version; 0: none was ever written
	created   string // when that version was made, as Vault writes it
	deleted   time.Time
	destroyed bool // the current version is
	custom    map[string]string
	updated   time.Time
	err       error // the metadata may not be read: nothing but the name is known
}

// parseMetadata reads the answer to a read of metadata.
func parseMetadata(name secret.Name, body []byte) (entry, error) {
	var out struct {
		Data *struct {
			Current  *int              `json:"current_version"`
			Custom   map[string]string `json:"custom_metadata"`
			Updated  time.Time         `json:"updated_time"`
			Versions map[string]struct {
				Created   string `json:"created_time"`
				Deleted   string `json:"deletion_time"`
				Destroyed bool   `json:"destroyed"`
			} `json:"versions"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &out); err != nil || out.Data == nil || out.Data.Current == nil {
		return entry{}, errAnswer
	}
	e := entry{name: name, number: *out.Data.Current, custom: out.Data.Custom, updated: out.Data.Updated}
	if e.number == 0 {
		return e, nil
	}
	v, ok := out.Data.Versions[strconv.Itoa(e.number)]
	if !ok || v.Created == "" {
		return entry{}, errAnswer
	}
	e.created, e.destroyed = v.Created, v.Destroyed
	var err error
	e.deleted, err = deletion(v.Deleted)
	return e, err
}

// deletion returns when a version was deleted: a time to come, as delete_version_after sets, is none yet.
func deletion(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errAnswer
	}
	if t.After(time.Now()) {
		return time.Time{}, nil
	}
	return t.UTC(), nil
}

// head returns the current version, whatever its state: the number and the time, so that version 1 of a secret that was made anew is another.
func (e *entry) head() secret.Version { return version(e.number, e.created) }

func version(number int, created string) secret.Version {
	return secret.Version(strconv.Itoa(number) + "@" + created)
}

// noValue says why the current version has no value; empty where it has one, or where there never was a version.
func (e *entry) noValue() string {
	switch {
	case e.number == 0:
		return ""
	case e.destroyed:
		return fmt.Sprintf("version %d is destroyed", e.number)
	case !e.deleted.IsZero():
		return fmt.Sprintf("version %d is deleted (undelete it, or write a new one)", e.number)
	}
	return ""
}

// token returns the id that the mark gives the current version; empty where it is not the one that we wrote.
func token(custom map[string]string, number int) secret.Version {
	if number == 0 || custom[keyOwner] == "" || custom[keyWritten] != strconv.Itoa(number) {
		return ""
	}
	return secret.Version(custom[keyVersion])
}

// meta returns the entry as a source shows it.
func (e *entry) meta(at secret.Place) secret.Meta {
	if e.err != nil {
		return secret.Meta{Name: e.name, Identity: secret.NewIdentity(at, e.name), Err: e.err}
	}
	m := secret.Meta{Name: e.name, Identity: secret.NewIdentity(at, e.name), Tags: tagsOf(e.custom), Mark: markOf(e.custom), NoValue: e.noValue()}
	if e.number > 0 && m.NoValue == "" {
		m.Version = e.head()
		m.Held = []secret.Version{m.Version}
	}
	return m
}

// copy returns the entry as a destination shows it. A copy whose value is gone for good counts as deleted once it carries our mark of deletion.
func (e *entry) copy() secret.Copy {
	if e.err != nil {
		return secret.Copy{Name: e.name, Unwritable: fmt.Sprintf("its metadata may not be read: %v", e.err)}
	}
	c := secret.Copy{Name: e.name, Mark: markOf(e.custom), Tags: tagsOf(e.custom), Changed: e.updated}
	if e.number == 0 || e.destroyed {
		c.Deleted, c.NoValue = c.Mark.Deleting, e.noValue()
	} else {
		c.Deleted, c.Labelled = e.deleted, token(e.custom, e.number)
		if c.Version = c.Labelled; c.Version == "" {
			c.Version = e.head()
		}
		c.Held = []secret.Version{c.Version}
	}
	c.Revision = revision(e.head(), &c)
	return c
}

// revision returns what stands for the state of a copy: Vault's number and time of its current version, and a hash of everything else that can be seen of it.
func revision(head secret.Version, c *secret.Copy) secret.Revision {
	h := sha256.New()
	put := func(fields ...string) {
		for _, f := range fields {
			_, _ = fmt.Fprintf(h, "%d:%s,", len(f), f)
		}
	}
	put(string(c.Version), string(c.Labelled), string(c.Mark.Owner), string(c.Mark.Sync), string(c.Mark.Source))
	for _, t := range []time.Time{c.Deleted, c.Mark.Deleting} {
		if t.IsZero() {
			put("")
		} else {
			put(strconv.FormatInt(t.UnixNano(), 10))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.Tags)) {
		put(k, c.Tags[k])
	}
	return secret.Revision(string(head) + "." + hex.EncodeToString(h.Sum(nil))[:12])
}

// entryOf returns the entry that a copy was made of, as far as writes need it; false where the revision is not one of ours.
func entryOf(c *secret.Copy) (entry, bool) {
	dot := strings.LastIndexByte(string(c.Revision), '.')
	if dot < 0 {
		return entry{}, false
	}
	text, created, ok := strings.Cut(string(c.Revision[:dot]), "@")
	number, err := strconv.Atoi(text)
	if !ok || err != nil {
		return entry{}, false
	}
	e := entry{name: c.Name, number: number, created: created, destroyed: number > 0 && c.Version == "", custom: tagData(c.Tags), updated: c.Changed}
	maps.Copy(e.custom, markData(c.Mark))
	if !c.Mark.Deleting.IsZero() {
		e.custom[keyDeleting] = c.Mark.Deleting.Format(time.RFC3339)
	}
	if c.Labelled != "" {
		e.custom[keyVersion], e.custom[keyWritten] = string(c.Labelled), text
	}
	if !e.destroyed && number > 0 {
		e.deleted = c.Deleted
	}
	return e, true
}
