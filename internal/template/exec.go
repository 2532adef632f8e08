package template

import (
	"encoding/json"
	"strconv"
	"text/template/parse"
)

// run is one execution.
type run struct {
	*Template
	out   []byte
	vars  []variable
	steps int
}

type variable struct {
	name  string
	value any
}

// flow is how a list of nodes ended.
type flow int

const (
	onward flow = iota
	broken
	continued
)

// spend counts work, so that no template keeps a run busy.
func (r *run) spend(n parse.Node, steps int) error {
	if r.steps += steps; r.steps > maxSteps {
		return r.errorOf(n, "the template takes too many steps: make it simpler")
	}
	return nil
}

func (r *run) write(n parse.Node, text []byte) error {
	if len(r.out)+len(text) > r.output {
		return r.errorOf(n, tooLong(r.output))
	}
	r.out = append(r.out, text...)
	return nil
}

func tooLong(limit int) string { return "the result is longer than " + strconv.Itoa(limit) + " bytes" }

func (r *run) list(l *parse.ListNode, dot any) (flow, error) {
	if l == nil {
		return onward, nil
	}
	for _, n := range l.Nodes {
		if how, err := r.node(n, dot); err != nil || how != onward {
			return how, err
		}
	}
	return onward, nil
}

func (r *run) node(n parse.Node, dot any) (flow, error) {
	if err := r.spend(n, 1); err != nil {
		return onward, err
	}
	switch n := n.(type) {
	case *parse.TextNode:
		return onward, r.write(n, n.Text)
	case *parse.ActionNode:
		v, err := r.pipe(n.Pipe, dot)
		if err != nil || len(n.Pipe.Decl) > 0 {
			return onward, err
		}
		text, err := printed(v)
		if err != nil {
			return onward, r.errorOf(n, err.Error())
		}
		return onward, r.write(n, []byte(text))
	case *parse.IfNode:
		return r.branch(&n.BranchNode, dot, false)
	case *parse.WithNode:
		return r.branch(&n.BranchNode, dot, true)
	case *parse.RangeNode:
		return onward, r.rangeOver(n, dot)
	case *parse.BreakNode:
		return broken, nil
	case *parse.ContinueNode:
		return continued, nil
	}
	return onward, nil // a comment: Parse lets nothing else through
}

// printed returns the text of what has one.
func printed(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case json.Number:
		return string(v), nil
	case nil:
		return "", cause("there is nothing (null): test it with if, or write it with json")
	}
	return "", cause("a list or a map has no text of its own: use json, join or range")
}

func (r *run) branch(n *parse.BranchNode, dot any, with bool) (flow, error) {
	defer r.scope()()
	v, err := r.pipe(n.Pipe, dot)
	if err != nil {
		return onward, err
	}
	switch {
	case !truth(v):
		return r.list(n.ElseList, dot)
	case with:
		dot = v
	}
	return r.list(n.List, dot)
}

// scope returns what ends the life of the variables that are set from here on.
func (r *run) scope() func() {
	mark := len(r.vars)
	return func() { r.vars = r.vars[:mark] }
}

func (r *run) rangeOver(n *parse.RangeNode, dot any) error {
	defer r.scope()()
	v, err := r.commands(n.Pipe, dot)
	if err != nil {
		return err
	}
	size, at := 0, func(int) (key, element any) { return nil, nil }
	switch v := v.(type) {
	case []any:
		size, at = len(v), func(i int) (any, any) { return i, v[i] }
	case *object:
		size, at = len(v.keys), func(i int) (any, any) { return v.keys[i], v.values[v.keys[i]] }
	case nil:
	default:
		return r.errorIn(n, "{{range "+n.Pipe.String()+"}}", "this is neither a list nor a map")
	}
	if size == 0 {
		if err := r.declare(n.Pipe, v, v); err != nil {
			return err
		}
		_, err := r.list(n.ElseList, dot)
		return err
	}
	for i := range size {
		key, element := at(i)
		if a, absent := element.(Absent); absent {
			return r.errorIn(n, "{{range "+n.Pipe.String()+"}}", string(a))
		}
		how, err := r.round(n, key, element)
		if err != nil || how == broken {
			return err
		}
	}
	return nil
}

// round is one round of a range.
func (r *run) round(n *parse.RangeNode, key, element any) (flow, error) {
	if err := r.spend(n.Pipe, 1); err != nil {
		return onward, err
	}
	defer r.scope()()
	if err := r.declare(n.Pipe, key, element); err != nil {
		return onward, err
	}
	return r.list(n.List, element)
}

// declare sets the variables of a range: with one it is the element's, with two the first is the key's.
func (r *run) declare(p *parse.PipeNode, key, element any) error {
	values := []any{element}
	if len(p.Decl) > 1 {
		values = []any{key, element}
	}
	for i, decl := range p.Decl {
		if err := r.set(p, decl, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) set(p *parse.PipeNode, decl *parse.VariableNode, v any) error {
	if !p.IsAssign {
		r.vars = append(r.vars, variable{decl.Ident[0], v})
		return nil
	}
	held, err := r.variable(decl)
	if err != nil {
		return err
	}
	held.value = v
	return nil
}

func (r *run) variable(n *parse.VariableNode) (*variable, error) {
	for i := len(r.vars) - 1; i >= 0; i-- {
		if r.vars[i].name == n.Ident[0] {
			return &r.vars[i], nil
		}
	}
	return nil, r.errorOf(n, "there is no such variable here")
}

// pipe returns the value of a pipeline and sets its variables.
func (r *run) pipe(p *parse.PipeNode, dot any) (any, error) {
	v, err := r.commands(p, dot)
	if err != nil {
		return nil, err
	}
	for _, decl := range p.Decl {
		if err := r.set(p, decl, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (r *run) commands(p *parse.PipeNode, dot any) (v any, err error) {
	for i, cmd := range p.Cmds {
		id, calls := cmd.Args[0].(*parse.IdentifierNode)
		switch {
		case !calls:
			v, err = r.operand(cmd.Args[0], dot)
		case i == 0:
			v, err = r.call(cmd, id, dot, cmd.Args[1:])
		default:
			v, err = r.call(cmd, id, dot, cmd.Args[1:], v)
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (r *run) operand(n parse.Node, dot any) (any, error) {
	if err := r.spend(n, 1); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.FieldNode:
		return r.fields(n, dot, n.Ident)
	case *parse.VariableNode:
		held, err := r.variable(n)
		if err != nil {
			return nil, err
		}
		return r.fields(n, held.value, n.Ident[1:])
	case *parse.ChainNode:
		v, err := r.operand(n.Node, dot)
		if err != nil {
			return nil, err
		}
		return r.fields(n, v, n.Field)
	case *parse.PipeNode:
		return r.pipe(n, dot)
	case *parse.IdentifierNode:
		return r.call(n, n, dot, nil)
	case *parse.StringNode:
		return n.Text, nil
	case *parse.NumberNode:
		v, _ := number(n)
		return v, nil
	case *parse.BoolNode:
		return n.True, nil
	}
	return nil, nil // nil itself: Parse lets nothing else through
}

func (r *run) fields(n parse.Node, v any, path []string) (any, error) {
	for _, key := range path {
		var err error
		if v, err = entry(v, key); err != nil {
			return nil, r.errorOf(n, err.Error())
		}
	}
	return v, nil
}

// entry returns what a map has under a key.
func entry(v any, key string) (any, error) {
	o, ok := v.(*object)
	if !ok {
		return nil, cause("not a map, so it has no keys")
	}
	v, ok = o.values[key]
	if !ok {
		return nil, cause("there is no such key")
	}
	if a, absent := v.(Absent); absent {
		return nil, cause(a)
	}
	return v, nil
}
