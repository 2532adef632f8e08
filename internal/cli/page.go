package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The colours of a terminal.
const (
	plain  = ""
	red    = "31"
	green  = "32"
	yellow = "33"
	faint  = "2"
	bold   = "1"
)

// page is a result for people: paragraphs and tables. Whatever goes in is made harmless to a terminal.
type page struct {
	b      strings.Builder
	colour bool
}

func (a *app) newPage() *page { return &page{colour: a.colour()} }

func (p *page) String() string { return p.b.String() }

func (p *page) linef(format string, args ...any) {
	p.b.WriteString(clean(fmt.Sprintf(format, args...)) + "\n")
}

func (p *page) heading(text string) {
	p.b.WriteString(p.paint(bold, clean(text)) + "\n")
}

// gap leaves one line empty, unless nothing stands above it.
func (p *page) gap() {
	if p.b.Len() > 0 {
		p.b.WriteString("\n")
	}
}

func (p *page) paint(colour, text string) string {
	if !p.colour || colour == plain {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// row is a line of a table: cells that are aligned, and text beneath it.
type row struct {
	symbol string
	colour string
	cells  []string
	under  string
}

// widest is how far a column may push those after it.
const widest = 56

// table writes rows with their columns aligned.
func (p *page) table(rows []row) {
	var width []int
	for i := range rows {
		for j := range rows[i].cells {
			rows[i].cells[j] = clean(rows[i].cells[j])
			if j == len(width) {
				width = append(width, 0)
			}
			width[j] = max(width[j], min(utf8.RuneCountInString(rows[i].cells[j]), widest))
		}
	}
	for _, r := range rows {
		var line strings.Builder
		for j, cell := range r.cells {
			if j > 0 && width[j] > 0 {
				line.WriteString("  ")
			}
			line.WriteString(cell + strings.Repeat(" ", max(0, width[j]-utf8.RuneCountInString(cell))))
		}
		text := strings.TrimRight(line.String(), " ")
		if r.symbol != "" {
			text = p.paint(r.colour, r.symbol) + " " + text
		}
		p.b.WriteString("  " + text + "\n")
		if r.under != "" {
			p.b.WriteString("      " + p.paint(r.colour, clean(r.under)) + "\n")
		}
	}
}

// count is "1 copy", "2 copies".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// list joins what is not empty by commas.
func list(parts ...string) string {
	var all []string
	for _, s := range parts {
		if s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, ", ")
}
