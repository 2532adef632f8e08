package cli

import (
	"strings"
	"unicode"
)

// clean makes one line of a text that came from elsewhere, with nothing in it that could steer a terminal.
func clean(s string) string {
	s = strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "; ")
	return strings.Map(harmless, s)
}

// cleanLines is clean for texts that may have several lines: those after the first are indented.
func cleanLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.Map(harmless, lines[i])
	}
	return strings.Join(lines, "\n  ")
}

func harmless(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
		return '?'
	}
	return r
}
