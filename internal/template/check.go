package template

import (
	"encoding/json"
	"slices"
	"strings"
	"text/template/parse"
)

const noTemplates = "templates in templates are not allowed here: write the text out"

// checker walks a tree and allows what is on its list.
type checker struct {
	*Template
	ranges int
}

// defined refuses what a text defines besides itself.
func (c *checker) defined(others []*parse.Tree) *Error {
	first := slices.MinFunc(others, func(a, b *parse.Tree) int { return int(a.Root.Position() - b.Root.Position()) })
	at := strings.LastIndex(c.text[:min(int(first.Root.Position()), len(c.text))], "{{")
	return c.errorAt(parse.Pos(max(at, 0)), "{{define}}", noTemplates)
}

func (c *checker) list(l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := c.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) node(n parse.Node) error {
	switch n := n.(type) {
	case *parse.TextNode, *parse.BreakNode, *parse.ContinueNode, *parse.CommentNode:
		return nil
	case *parse.ActionNode:
		return c.pipe(n.Pipe, true)
	case *parse.IfNode:
		return c.branch(&n.BranchNode)
	case *parse.WithNode:
		return c.branch(&n.BranchNode)
	case *parse.RangeNode:
		if c.ranges == maxRanges {
			return c.errorIn(n, "{{range "+n.Pipe.String()+"}}", "range may be nested two deep, not more")
		}
		if cmd := n.Pipe.Cmds[0]; len(n.Pipe.Cmds) == 1 && len(cmd.Args) == 1 && cmd.Args[0].Type() == parse.NodeNumber {
			return c.errorIn(n, "{{range "+n.Pipe.String()+"}}", "range goes over lists and maps, not over a number")
		}
		c.ranges++
		defer func() { c.ranges-- }()
		return c.branch(&n.BranchNode)
	case *parse.TemplateNode:
		return c.errorOf(n, noTemplates)
	}
	return c.errorOf(n, "this is not allowed here")
}

func (c *checker) branch(n *parse.BranchNode) error {
	if err := c.pipe(n.Pipe, true); err != nil {
		return err
	}
	if err := c.list(n.List); err != nil {
		return err
	}
	return c.list(n.ElseList)
}

func (c *checker) pipe(p *parse.PipeNode, declares bool) error {
	if len(p.Decl) > 0 && !declares {
		return c.errorOf(p, "a variable can't be set between ( and ): set it in an action of its own")
	}
	for i, cmd := range p.Cmds {
		if err := c.command(cmd, i > 0); err != nil {
			return err
		}
	}
	return nil
}

// command checks one part of a pipeline; after says that it is not the first.
func (c *checker) command(cmd *parse.CommandNode, after bool) error {
	first := cmd.Args[0]
	id, calls := first.(*parse.IdentifierNode)
	switch {
	case calls:
		given := len(cmd.Args) - 1
		if after {
			given++
		}
		if err := c.function(id, given); err != nil {
			return err
		}
	case after:
		return c.errorOf(cmd, "only a function can stand after |")
	case len(cmd.Args) > 1:
		return c.errorOf(cmd, "only a function takes arguments, and its name stands first")
	default:
		return c.operand(first)
	}
	for _, arg := range cmd.Args[1:] {
		if err := c.operand(arg); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) function(id *parse.IdentifierNode, given int) error {
	f, ok := c.functions[id.Ident]
	switch {
	case !ok && slices.Contains([]string{"call", "html", "js", "print", "println", "printf"}, id.Ident):
		return c.errorOf(id, "this function is not allowed here; there is "+c.functionNames())
	case !ok:
		return c.errorOf(id, "there is no such function; there is "+c.functionNames())
	case given < f.least || given > f.most:
		return c.errorOf(id, "this function takes "+f.takes())
	}
	return nil
}

func (c *checker) operand(n parse.Node) error {
	switch n := n.(type) {
	case *parse.DotNode, *parse.FieldNode, *parse.VariableNode, *parse.StringNode, *parse.BoolNode, *parse.NilNode:
		return nil
	case *parse.NumberNode:
		if _, ok := number(n); !ok {
			return c.errorOf(n, "a number is written as in JSON: 12, -3, 1.5")
		}
		return nil
	case *parse.IdentifierNode:
		return c.function(n, 0)
	case *parse.ChainNode:
		return c.operand(n.Node)
	case *parse.PipeNode:
		return c.pipe(n, false)
	}
	return c.errorOf(n, "this is not allowed here")
}

// number returns the number that a literal writes: an int or a json.Number.
func number(n *parse.NumberNode) (any, bool) {
	switch {
	case !json.Valid([]byte(n.Text)):
		return nil, false
	case n.IsInt && int64(int(n.Int64)) == n.Int64 && !strings.ContainsAny(n.Text, ".eE"):
		return int(n.Int64), true
	}
	return json.Number(n.Text), true
}

// walk visits every node below n.
func walk(n parse.Node, visit func(parse.Node)) {
	visit(n)
	list := func(l *parse.ListNode) {
		if l != nil {
			walk(l, visit)
		}
	}
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		list(b.List)
		list(b.ElseList)
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			walk(child, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.PipeNode:
		for _, cmd := range n.Cmds {
			for _, arg := range cmd.Args {
				walk(arg, visit)
			}
		}
	case *parse.ChainNode:
		walk(n.Node, visit)
	}
}
