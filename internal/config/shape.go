package config

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/shape"
	"github.com/secretsync-dev/secretsync/internal/template"
)

// shape reads how a value is made; nil if it is wrong.
func (p *parser) shape(n *yaml.Node, what string) *plan.Shape {
	var s plan.Shape
	before := len(p.errs)
	p.mapping(n, what,
		field{"keys", false, func(n *yaml.Node) { p.keys(n, what+": keys", &s) }},
		field{"split", false, func(n *yaml.Node) { s.Split = p.jsonKeys(n, what+": split") }},
		field{"merge", false, func(n *yaml.Node) { s.Merge = p.template(n, what+": merge", false) }},
		field{"template", false, func(n *yaml.Node) { s.Template = p.template(n, what+": template", true) }},
	)
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.errorf(n, "%s is empty: give it keys, split, merge or template, or leave it out", what)
	}
	if len(p.errs) > before || s.IsZero() {
		return nil
	}
	if _, err := shape.Compile(s); err != nil {
		p.unsound(n, what, err)
		return nil
	}
	return &s
}

func (p *parser) keys(n *yaml.Node, what string, s *plan.Shape) {
	p.mapping(n, what,
		field{"include", false, func(n *yaml.Node) { s.Include = p.jsonKeys(n, what+": include") }},
		field{"exclude", false, func(n *yaml.Node) { s.Exclude = p.jsonKeys(n, what+": exclude") }},
		field{"rename", false, func(n *yaml.Node) {
			s.Rename = map[string]string{}
			p.entries(n, what+": rename", func(key, value *yaml.Node) {
				if key.Value == "" {
					p.errorf(key, "%s: a key is empty", what+": rename")
				}
				if renamed, ok := p.text(value, what+": rename"); ok {
					s.Rename[key.Value] = renamed
				}
			})
		}},
	)
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.errorf(n, "%s is empty: give it include, exclude or rename, or leave it out", what)
	}
}

// jsonKeys reads keys of a JSON object.
func (p *parser) jsonKeys(n *yaml.Node, what string) (all []string) {
	p.list(n, what, func(item *yaml.Node) {
		if s, ok := p.text(item, what); ok {
			p.once(item, what, slices.Contains(all, s))
			all = append(all, s)
		}
	})
	return all
}

// template reads the text of a template and checks it; empty if it is wrong. Only a value may span lines.
func (p *parser) template(n *yaml.Node, what string, lines bool) string {
	flat := *n
	if lines {
		flat.Value = strings.NewReplacer("\n", " ", "\t", " ").Replace(n.Value)
	}
	if written, ok := p.raw[n]; ok {
		p.raw[&flat] = written
		defer delete(p.raw, &flat)
	}
	if _, ok := p.text(&flat, what); !ok {
		return ""
	}
	if p.variableInAction(n) {
		p.errorf(n, "%s: a variable may stand beside {{ }}, and must neither stand in it nor hold it: it would be part of the template", what)
		return ""
	}
	if _, err := template.Parse(what, n.Value, template.Options{}); err != nil {
		p.unsound(n, what, err)
		return ""
	}
	return n.Value
}

// variableInAction reports whether the text of a variable is, or may be, part of an action: then it would be code, and messages would quote it.
// A closing bracket in quotes ends an action here, so an action that is cut off in quotes counts too.
func (p *parser) variableInAction(n *yaml.Node) bool {
	written, replaced := p.raw[n]
	if !replaced {
		return false
	}
	if strings.Count(written, "{{") != strings.Count(n.Value, "{{") {
		return true
	}
	_, rest, found := strings.Cut(written, "{{")
	for found {
		action, after, _ := strings.Cut(rest, "}}")
		if strings.Contains(action, "${") || strings.Contains(action, `\`) || strings.Count(action, `"`)%2 != 0 || strings.Count(action, "`")%2 != 0 {
			return true
		}
		_, rest, found = strings.Cut(after, "{{")
	}
	return false
}

var quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// unsound reports what is wrong with a template or a shape. The column is one of the template: where a scalar's lines begin in the file is not known.
func (p *parser) unsound(n *yaml.Node, what string, err error) {
	var e *template.Error
	_, replaced := p.raw[n]
	switch {
	case !errors.As(err, &e) && p.quiet:
		p.errorf(n, "%s: %s", what, own(quotation.ReplaceAllString(err.Error(), "…")))
	case !errors.As(err, &e):
		p.errorf(n, "%s: %s", what, err.Error())
	case e.Line == 0:
		p.errorf(n, "%s: %s", what, own(e.Cause))
	case replaced: // the column would tell how long the variable's text is
		p.errorf(n, "%s: %s: %s", what, e.Source, own(e.Cause))
	default:
		p.errorf(n, "%s: line %d, column %d of the template: %s: %s", what, line(e.Line), line(e.Column), e.Source, own(e.Cause))
	}
}

// shaped gives the destination at n the value of its sync, where it has none of its own, and checks that its name and its value go together.
func (p *parser) shaped(r *plan.Route, value *plan.Shape, n *yaml.Node, what string) {
	name, its := lookup(n, "name"), lookup(n, "value")
	if its == nil {
		r.Shape = value
	}
	if r.Name == "" && name != nil || r.Shape == nil && its != nil { // reported already
		return
	}
	at := n
	if its != nil {
		at = its
	}
	splits, merges := r.Shape != nil && len(r.Shape.Split) > 0, r.Shape != nil && r.Shape.Merge != ""
	if splits && r.Name == "" {
		r.Name = shape.SplitName
	}
	usesKey := false
	if namer, err := shape.CompileName(r.Name); err == nil {
		usesKey = namer.UsesKey()
	}
	switch {
	case merges && r.ByTags:
		p.errorf(at, "%s: merge makes one copy of many secrets, and with byTags each has targets of its own: name groups or accounts", what)
	case merges && r.Name == "":
		p.errorf(at, "%s: merge makes one copy of many secrets, so it needs a name: as in name: app/all", what)
	case splits && !usesKey:
		p.errorf(name, "%s: name: split makes a copy for each key, so its name needs {{ .Key }}: as in %q", what, own(shape.SplitName))
	case !splits && usesKey:
		p.errorf(name, "%s: name: there is .Key only where value has split", what)
	}
}
