package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Prefixes of the tags that are never copied.
const (
	markPrefix    = "secretsync:"
	routingPrefix = "SecretSync-"
	awsPrefix     = "aws:"
)

// maxTags is how many tags a secret can carry in all, our marks included.
const maxTags = 50

// marks is how many tags the mark of a copy takes: owner, sync, source and first.
const marks = 4

// OwnTags returns the tags of a source that go with its copies: all but marks, routing tags and AWS's own, or none where the rule says so, and none of several sources.
func (w *Want) OwnTags() map[string]string {
	if w.Rule.Tags == NoTags || w.Inputs != nil {
		return nil
	}
	own := maps.Clone(w.Source.Tags)
	maps.DeleteFunc(own, func(k, _ string) bool {
		return strings.HasPrefix(k, markPrefix) || strings.HasPrefix(k, routingPrefix) || strings.HasPrefix(k, awsPrefix)
	})
	return own
}

// metadata says what beside the value differs; an empty reason: nothing.
func (d *differ) metadata(w *Want, have *secret.Copy) (Reason, string) {
	var reason Reason
	var details []string
	note := func(r Reason, format string, args ...any) {
		if reason == "" {
			reason = r
		}
		details = append(details, fmt.Sprintf(format, args...))
	}
	keeps := d.keeps(w)
	if keeps.Key && !d.policy.SameKey(d.key(w), have.Key) {
		note(KeyChanged, "key")
	}
	mark := w.Mark(d.policy.Owner, have)
	if mark.Sync != have.Mark.Sync {
		note(TagsChanged, "mark of sync %q", have.Mark.Sync)
	}
	if !have.Mark.Deleting.IsZero() {
		note(TagsChanged, "mark of a deletion that did not happen")
	}
	var changed []string
	for k, v := range d.tags(w) {
		if there, ok := have.Tags[k]; !ok || there != v {
			changed = append(changed, k)
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		note(TagsChanged, "tags %s", strings.Join(changed, ", "))
	}
	if keeps.Description && w.Description() != have.Description {
		note(DescriptionChanged, "description")
	}
	return reason, strings.Join(details, "; ")
}

// tags returns the tags that go with a copy, as far as it can have any.
func (d *differ) tags(w *Want) map[string]string {
	if !d.keeps(w).Tags {
		return nil
	}
	return w.OwnTags()
}

// check says why the target can't hold the copy.
func (d *differ) check(w *Want, have *secret.Copy) (Reason, string) {
	tags := d.tags(w)
	all := maps.Clone(tags)
	if have != nil {
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, have.Tags)
	}
	if len(all)+marks > maxTags {
		return TooManyTags, fmt.Sprintf("%d tags and %d of ours are more than %d", len(all), marks, maxTags)
	}
	if d.policy.Check == nil {
		return "", ""
	}
	return d.policy.Check(*d.targetOf(w), w, tags)
}

// notOurs says why a copy is not ours to write; an empty reason if it is.
func (d *differ) notOurs(w *Want, have *secret.Copy) (Reason, string) {
	switch source := secret.Identity(w.Identity().Tag()); {
	case have.Mark.Owner == "":
		return Foreign, "it carries no mark of ours: rename one of the two, or take it over with --adopt"
	case have.Mark.Owner != d.policy.Owner:
		return Foreign, fmt.Sprintf("it belongs to owner %q", have.Mark.Owner)
	case have.Mark.Source != source:
		return OtherSource, fmt.Sprintf("it is a copy of %s", have.Mark.Source)
	}
	return "", ""
}

// adopts reports whether a copy that is not ours is taken over: a person named it, or it carries the marks of a tool that this one replaces and the rule says so.
func (d *differ) adopts(w *Want, have *secret.Copy) bool {
	if MatchAny(d.policy.Adopt, string(w.Name)) {
		return true
	}
	return w.Rule.Existing == AdoptLegacy && have.Mark.Owner == "" && w.Inputs == nil && legacy(w.Source, have)
}

// legacy reports whether a copy carries the mark of a predecessor: a tag that names the source's account, a tag with the version of a Vault secret,
// or, where there were no marks, a version id that is the source's own.
func legacy(source *secret.Meta, have *secret.Copy) bool {
	kind, rest, _ := strings.Cut(string(source.Identity), "/")
	account, _, _ := strings.Cut(rest, "/")
	if from, ok := have.Tags["SyncedFrom"]; ok && kind == "sm" && from == account {
		return true
	}
	if _, ok := have.Tags["version"]; ok && kind == "vault" {
		return true
	}
	return slices.ContainsFunc(have.Held, func(v secret.Version) bool { return slices.Contains(source.Held, v) })
}
