package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// The forms of names. Schema publishes the same ones.
const (
	ownerForm    = `^[A-Za-z0-9._-]{1,64}$`
	nameForm     = `^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`
	accountForm  = `^[0-9]{12}$`
	regionForm   = `^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`
	literalForm  = `^[^*?]+$`
	globForm     = `^[^][{}\\]+$`
	maxNameBytes = 512
)

var (
	isOwner  = regexp.MustCompile(ownerForm).MatchString
	isName   = regexp.MustCompile(nameForm).MatchString
	isRegion = regexp.MustCompile(regionForm).MatchString
)

// account reads an account id. It must be quoted: YAML takes 012345670123 for an octal number and 123456789012 for a decimal one.
func (p *parser) account(n *yaml.Node, what string) (secret.AccountID, bool) {
	if !p.quotedAccount(n, what) {
		return "", false
	}
	s, ok := p.text(n, what)
	if !ok {
		return "", false
	}
	if !secret.AccountID(s).Valid() {
		p.errorf(n, "%s: %q is no account id: it must be 12 digits", what, p.raw.text(n))
		return "", false
	}
	return secret.AccountID(s), true
}

// quotedAccount reports whether an account id is in quotes, or comes from a variable. Digits without quotes are refused even where YAML keeps them as they are.
func (p *parser) quotedAccount(n *yaml.Node, what string) bool {
	_, replaced := p.raw[n]
	number := n.Tag == "!!int" || n.Tag == "!!float" || secret.AccountID(n.Value).Valid()
	if replaced || n.Kind != yaml.ScalarNode || !isPlain(n) || !number {
		return true
	}
	p.errorf(n, "%s: put the account id in quotes (\"%s\"): without them YAML reads %s", what, p.raw.text(n), asYAML(n))
	return false
}

// asYAML says what YAML makes of an account id without quotes.
func asYAML(n *yaml.Node) string {
	if strings.HasPrefix(n.Value, "0") {
		if n.Tag == "!!int" {
			return "an octal number and changes it"
		}
		return "a number and loses its zeros"
	}
	return "a number"
}

func (p *parser) accounts(n *yaml.Node, what string) (ids []secret.AccountID, marks []mark) {
	p.list(n, what, func(item *yaml.Node) {
		if id, ok := p.account(item, what); ok {
			p.once(item, what, slices.Contains(ids, id))
			ids, marks = append(ids, id), append(marks, p.raw.mark(item))
		}
	})
	return ids, marks
}

// region reads an AWS Region, by its form only: new ones appear.
func (p *parser) region(n *yaml.Node, what string) (secret.Region, bool) {
	s, ok := p.text(n, what)
	if !ok {
		return "", false
	}
	if isRegion(s) {
		return secret.Region(s), true
	}
	hint := `: a Region looks like "us-east-1"`
	if _, replaced := p.raw[n]; !replaced {
		near := strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(strings.TrimSpace(s)))
		if zone := strings.TrimRight(near, "abcdef"); isRegion(zone) {
			near = zone
		}
		if isRegion(near) {
			hint = `: did you mean "` + near + `"?`
		}
	}
	p.errorf(n, "%s: %q is no AWS Region%s", what, p.raw.text(n), hint)
	return "", false
}

func (p *parser) regions(n *yaml.Node, what string) (all []secret.Region) {
	p.list(n, what, func(item *yaml.Node) {
		if r, ok := p.region(item, what); ok {
			p.once(item, what, slices.Contains(all, r))
			all = append(all, r)
		}
	})
	return all
}

// groupNames reads names of groups. Where no secret holds further ones, they must be known.
func (p *parser) groupNames(n *yaml.Node, what string, f *File) (all []plan.GroupName, marks []mark) {
	p.list(n, what, func(item *yaml.Node) {
		s, ok := p.text(item, what)
		if !ok {
			return
		}
		name := plan.GroupName(s)
		p.once(item, what, slices.Contains(all, name))
		if _, defined := f.Groups[name]; !defined && f.GroupsFrom == nil {
			p.errorf(item, "%s: group %q is not defined under groups%s", what, p.raw.text(item), p.suggest(item, groupNamesOf(f)))
		}
		all, marks = append(all, name), append(marks, p.raw.mark(item))
	})
	return all, marks
}

func groupNamesOf(f *File) (all []string) {
	for name := range f.Groups {
		all = append(all, string(name))
	}
	return all
}

// storeName reads the name of a store that the file defines.
func (p *parser) storeName(n *yaml.Node, what string, f *File) secret.StoreName {
	s, ok := p.text(n, what)
	if !ok {
		return ""
	}
	known := make([]string, len(f.Stores))
	for i, st := range f.Stores {
		known[i] = string(st.Name)
	}
	if !slices.Contains(known, s) {
		p.errorf(n, "%s: store %q is not defined under stores%s", what, p.raw.text(n), p.suggest(n, known))
	}
	return secret.StoreName(s)
}

// suggest is didYouMean by what was written: the value of a variable could be guessed from a suggestion.
func (p *parser) suggest(n *yaml.Node, known []string) string {
	return didYouMean(p.raw.text(n), known)
}

// literals reads texts in which "*" and "?" would not mean what they look like.
func (p *parser) literals(n *yaml.Node, what string) (all []string) {
	p.list(n, what, func(item *yaml.Node) {
		s, ok := p.text(item, what)
		switch {
		case !ok:
		case strings.ContainsAny(s, "*?"):
			p.errorf(item, "%s: %q has a wildcard, which is literal here: put it under glob", what, p.raw.text(item))
		case len(s) > maxNameBytes:
			p.errorf(item, "%s: longer than %v characters", what, limit(maxNameBytes))
		default:
			p.once(item, what, slices.Contains(all, s))
			all = append(all, s)
		}
	})
	return all
}

// maxWildcards bounds the work of one match.
const maxWildcards = 8

func (p *parser) globs(n *yaml.Node, what string) (all []string) {
	p.list(n, what, func(item *yaml.Node) {
		s, ok := p.text(item, what)
		switch {
		case !ok:
		case strings.ContainsAny(s, `[]{}\`):
			p.errorf(item, `%s: %q: a glob knows *, ** and ? only; write alternatives as entries of their own`, what, p.raw.text(item))
		case len(s) > maxNameBytes:
			p.errorf(item, "%s: longer than %v characters", what, limit(maxNameBytes))
		case strings.Count(strings.ReplaceAll(s, "**", "*"), "*") > maxWildcards:
			p.errorf(item, "%s: %q has more than %v wildcards", what, p.raw.text(item), limit(maxWildcards))
		default:
			p.once(item, what, slices.Contains(all, s))
			all = append(all, s)
		}
	})
	return all
}

// once reports an entry that its list has already.
func (p *parser) once(n *yaml.Node, what string, seen bool) {
	if seen {
		p.errorf(n, "%s: %q is listed twice", what, p.raw.text(n))
	}
}
