package config

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// replace puts the environment's text in the place of every ${VAR} of a scalar; $$ stands for one dollar sign. What it puts in is text and never read as YAML again.
func (p *parser) replace(n *yaml.Node) {
	if !strings.Contains(n.Value, "$") {
		return
	}
	written := n.Value
	var out strings.Builder
	replaced := false
	for rest := written; rest != ""; {
		i := strings.IndexByte(rest, '$')
		if i < 0 || i == len(rest)-1 {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:i])
		rest = rest[i:]
		switch rest[1] {
		case '$':
			out.WriteByte('$')
			rest = rest[2:]
		case '{':
			name, after, closed := strings.Cut(rest[2:], "}")
			switch {
			case !closed:
				p.errorf(n, `"${" without "}": a variable is written ${NAME}, and $${ stands for "${"`)
				n.Kind = 0
				return
			case !variableName.MatchString(name):
				p.errorf(n, "${%s}: the name of a variable is letters, digits and _; $${ stands for ${", shorten(name))
				n.Kind = 0
				return
			}
			value, ok := "", false
			if p.env != nil {
				value, ok = p.env(name)
			}
			if !ok {
				p.errorf(n, "the environment variable %s is not set", name)
				n.Kind = 0
				return
			}
			out.WriteString(value)
			replaced = true
			rest = after
		default:
			out.WriteByte('$')
			rest = rest[1:]
		}
	}
	n.Value = out.String()
	if replaced {
		p.raw[n] = written
	}
}

// isPlain reports whether a scalar was written without quotes and not as a block.
func isPlain(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

// text returns what messages may show of a scalar: what was written, never what a variable held.
func (r rawText) text(n *yaml.Node) string {
	if written, ok := r[n]; ok {
		return shorten(written)
	}
	return shorten(n.Value)
}

// mark returns the place of n with its showable text.
func (r rawText) mark(n *yaml.Node) mark {
	return mark{line: n.Line, column: n.Column, text: r.text(n)}
}

func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
