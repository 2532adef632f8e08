package config

import (
	"fmt"
	"io"
	"strings"
)

// own is text of the program, which a message may show although the configuration is a secret's value.
type own string

// elided stands in messages for what they may not show.
type elided struct{}

// Format prints the same whatever the verb.
func (elided) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "…") }

// unquoted returns the arguments of a message without those that the configuration's text may be in, its length included. What is left is own text and the
// numbers of lines, which have a type of their own too.
func unquoted(args []any) []any {
	safe := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case own, line:
			safe[i] = arg
		case string:
			safe[i] = elided{}
			if arg == "" || strings.HasPrefix(arg, ": ") { // a hint, made from what was written
				safe[i] = own("")
			}
		default:
			safe[i] = elided{}
		}
	}
	return safe
}

// line is the number of one.
type line int
