package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Want is a copy that a target shall hold.
type Want struct {
	Rule   *Rule
	Route  *Route // of Rule
	Source *secret.Meta
	Name   secret.Name
	// Shape says how the value is made; nil: as it is. Key is the one key of a split that the copy holds.
	Shape *Shape
	Key   string
	// Inputs are the sources of a copy that is made of several, sorted by name; Source is the first of them. Nil: Source alone.
	Inputs []*secret.Meta
	// Aside says that the run is not about it: it only counts where others want its name.
	Aside bool
	// At is the target that the copy is written through, where several stores are one place; nil: the target that is compared.
	At *Target
	// Refused, where it is set, says that the copy must not be touched whatever the target holds, and Detail why.
	Refused Reason
	Detail  string
	// Passing says that what refuses it may pass, as credentials that have expired do.
	Passing bool
}

// Sources returns what the copy is made of.
func (w *Want) Sources() []*secret.Meta {
	if w.Inputs != nil {
		return w.Inputs
	}
	return []*secret.Meta{w.Source}
}

// Ref names the source, as a plan does: of several, their sync and number.
func (w *Want) Ref() SourceRef {
	ref := SourceRef{Store: w.Rule.From, Name: w.Source.Name, Version: w.Source.Version}
	if w.Inputs != nil {
		ref.Name, ref.Version = MergedName(w.Rule.Name, w.Name), secret.Token("", inputs(w.Inputs), "", 0)
	}
	return ref
}

// MergedName is the name that stands for all the sources of a copy which is made of several.
func MergedName(sync secret.SyncName, copyName secret.Name) secret.Name {
	return secret.Name(mergedPrefix(sync)) + copyName
}

func mergedPrefix(sync secret.SyncName) string { return "merge:" + string(sync) + ":" }

// Merged reports whether a name is one that MergedName made for that sync.
func Merged(sync secret.SyncName, name secret.Name) bool {
	return strings.HasPrefix(string(name), mergedPrefix(sync))
}

// Identity returns where the copy comes from, as its mark says. That of a copy which is made of several sources stays the same when there are more or fewer of them.
func (w *Want) Identity() secret.Identity {
	if w.Inputs == nil {
		return w.Source.Identity
	}
	place := strings.TrimSuffix(string(w.Source.Identity), string(w.Source.Name))
	return secret.Identity(place + string(MergedName(w.Rule.Name, w.Name)))
}

// Tokens returns the versions that the copy may be at, by generation.
func (w *Want) Tokens(owner secret.Owner) []secret.Version {
	return secret.Tokens(owner, inputs(w.Sources()), w.Shape.Fingerprint(w.Key))
}

func inputs(metas []*secret.Meta) []secret.Input {
	all := make([]secret.Input, len(metas))
	for i, m := range metas {
		all[i] = secret.Input{Identity: m.Identity, Version: m.Version, Created: m.Created}
	}
	return all
}

// isAt reports whether v is one of the versions that the copy may be at. The tokens are only worked out where the source's own version does not tell.
func (w *Want) isAt(owner secret.Owner, v secret.Version) bool {
	if v == "" {
		return false
	}
	if v == w.Source.Version && w.Inputs == nil && w.Source.Identity.Kind() == secret.SecretsManager && w.Shape.IsZero() {
		return true
	}
	return slices.Contains(w.Tokens(owner), v)
}

// Mark returns the mark of the copy, with what have's mark tells beyond it.
func (w *Want) Mark(owner secret.Owner, have *secret.Copy) secret.Mark {
	m := secret.Mark{Owner: owner, Sync: w.Rule.Name, Source: secret.Identity(w.Identity().Tag())}
	if have != nil && have.Mark.Owner == owner {
		m.First, m.Generation = have.Mark.First, have.Mark.Generation
	}
	return m
}

// Description returns the description that goes with the copy: none where it is made of several sources.
func (w *Want) Description() string {
	if w.Inputs != nil {
		return ""
	}
	return w.Source.Description
}

// same reports whether both wants lead to the same copy.
func (w *Want) same(v *Want) bool {
	same := func(a, b *secret.Meta) bool { return a.Identity == b.Identity }
	return slices.EqualFunc(w.Sources(), v.Sources(), same) && w.Shape.Fingerprint(w.Key) == v.Shape.Fingerprint(v.Key)
}

// against says what two rivals are.
func (w *Want) against(rival *Want) string {
	if w.Identity() == rival.Identity() {
		return fmt.Sprintf("two ways of making it want this name here, by sync %q and sync %q, of %s", w.Rule.Name, rival.Rule.Name, w.Identity())
	}
	return fmt.Sprintf("more than one source wants this name here: %s and %s", w.Identity(), rival.Identity())
}

func (w *Want) customKey() bool {
	return slices.ContainsFunc(w.Sources(), func(m *secret.Meta) bool { return m.CustomKey })
}

// withoutValue returns a source that has no value; nil if each has one.
func (w *Want) withoutValue() *secret.Meta {
	for _, m := range w.Sources() {
		if m.Version == "" {
			return m
		}
	}
	return nil
}

func (w *Want) noValue(m *secret.Meta) string {
	source := "the source"
	if w.Inputs != nil {
		source = fmt.Sprintf("the source %q", m.Name)
	}
	if m.NoValue != "" {
		return source + " has no value: " + m.NoValue
	}
	return source + " has no value yet"
}
