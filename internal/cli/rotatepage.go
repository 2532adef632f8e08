package cli

import (
	"cmp"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

// rotation writes what a rotation did, step by step.
func (p *page) rotation(r *rotate.Report) {
	p.heading(fmt.Sprintf("%s %s in %s", r.Store, r.Name, r.Place))
	rows := make([]row, 0, len(r.Steps))
	for _, s := range r.Steps {
		symbol, colour := symbolOf(s.Outcome)
		rows = append(rows, row{symbol: symbol, colour: colour, cells: []string{string(s.Step), s.Outcome}, under: s.Error})
	}
	p.table(rows)
	p.gap()
	by := r.Engine
	if r.Strategy != "" {
		by += ", " + string(r.Strategy)
	}
	if r.Outcome == rotate.Resumed && r.From == r.To {
		p.linef("Resumed: version %s is current, and copies hold what was before. They are brought up to date; nothing new was rotated.", r.To)
		return
	}
	switch r.Outcome {
	case rotate.Rotated, rotate.Resumed, rotate.RolledBack:
		past := map[rotate.Outcome]string{rotate.Rotated: "Rotated", rotate.Resumed: "Resumed and finished", rotate.RolledBack: "Rolled back"}[r.Outcome]
		p.linef("%s (%s): version %s is current, %s was.", past, by, r.To, r.From)
	case rotate.Cancelled:
		p.linef("Cancelled: version %s is current, as before.", r.From)
	case rotate.Nothing:
		p.linef("There is no rotation to cancel: version %s is current.", r.From)
	default:
		p.linef("FAILED: version %s is current. The same command goes on where it ended; --cancel gives the rotation up.", cmp.Or(r.To, r.From))
	}
}

// wave writes what became of one wave.
func (p *page) wave(w *waveReport, of int) {
	if of > 1 || len(w.Did) > 0 || w.Error != "" {
		p.gap()
		p.heading(fmt.Sprintf("Wave %d of %d: %s", w.Wave, of, w.Outcome))
	}
	if w.Copies != nil {
		p.changes(w.Copies.Changes)
		p.problems(w.Copies.Problems)
		p.brakes(w.Copies.Brakes)
		p.reportSummary(w.Copies)
	}
	var rows []row
	for _, d := range w.Did {
		symbol, colour := symbolOf(d.Outcome)
		rows = append(rows, row{symbol: symbol, colour: colour, cells: []string{d.What, d.Outcome}, under: d.Error})
	}
	p.table(rows)
	if w.Error != "" {
		p.linef("  %s", w.Error)
	}
}

func symbolOf(outcome string) (symbol, colour string) {
	switch outcome {
	case "done":
		return "+", green
	case "failed":
		return "!", red
	}
	return ".", faint
}
