package share

import (
	"bytes"

	"github.com/rogpeppe/go-internal/diff"
)

// Diff returns a change as people read it: both policies indented, with lines that begin with - and + where they differ; empty where they don't.
func (c *Change) Diff() string {
	if !c.Needed() {
		return ""
	}
	text := diff.Diff("before", []byte(pretty(c.Before)), "after", []byte(pretty(c.After)))
	_, body, _ := bytes.Cut(text, []byte("+++ after\n")) // what stands before names the two
	return string(body)
}
