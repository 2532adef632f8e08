package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestTextFromElsewhereCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":                 "plain",
		"two\nlines\n":          "two; lines",
		"\x1b[2Jgone":           "?[2Jgone",
		"carriage\rreturn":      "carriage?return",
		"\u202eright to left":   "?right to left",
		"a\ttab":                "a tab",
		"ümläute – and so on …": "ümläute – and so on …",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := cleanLines("one\ntwo\x07\n"), "one\n  two?"; got != want {
		t.Errorf("cleanLines = %q, want %q", got, want)
	}
	p := &page{}
	p.changes([]engine.Result{{Change: plan.Change{Action: plan.Create, Name: "\x1b[31m", Detail: "\x1b]0;x\x07", Target: &plan.Target{Store: "\x1b"}}, Error: "\x1b"}})
	if strings.ContainsAny(p.String(), "\x1b\x07") {
		t.Errorf("%q", p)
	}
}

func TestColumnsAreAlignedAndLongNamesDoNotPushTheRestAway(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*widest)
	p := &page{}
	p.table([]row{
		{symbol: "+", cells: []string{"ä", "missing", "one"}},
		{symbol: "~", cells: []string{"name", "new-version", "two"}, under: "beneath"},
		{symbol: "!", cells: []string{long, "foreign"}},
	})
	pad := strings.Repeat(" ", widest)
	want := "  + ä" + pad[1:] + "  missing      one\n" +
		"  ~ name" + pad[4:] + "  new-version  two\n" +
		"      beneath\n" +
		"  ! " + long + "  foreign\n"
	if p.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", p, want)
	}
}

func TestColourIsForTerminalsOnly(t *testing.T) {
	t.Parallel()
	change := []engine.Result{{Change: plan.Change{Action: plan.Create, Name: "a", Reason: plan.Missing}}}
	p := &page{colour: true}
	p.changes(change)
	if !strings.Contains(p.String(), "\x1b[32m+\x1b[0m a") {
		t.Errorf("%q", p)
	}
	a := newApp(nil, &bytes.Buffer{}, &bytes.Buffer{}, noEnv, "")
	if a.colour() {
		t.Error("a buffer is no terminal")
	}
}

func TestOnlyLinesThatSayTheSameAreFolded(t *testing.T) {
	t.Parallel()
	target := &plan.Target{Store: "spokes"}
	var all []engine.Result
	add := func(n int, c plan.Change) {
		for range n {
			c.Name, c.Target = secret.Name(string(rune('a'+len(all)))), target
			all = append(all, engine.Result{Change: c})
		}
	}
	add(foldAbove+1, plan.Change{Action: plan.Refusal, Reason: plan.Foreign, Detail: "x"})
	add(foldAbove, plan.Change{Action: plan.Refusal, Reason: plan.Foreign, Detail: "y"})
	add(foldAbove+1, plan.Change{Action: plan.Create, Reason: plan.Missing})
	if got, want := len(changeRows(all, false)), 1+foldAbove+foldAbove+1; got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
}

func TestProgressIsRewrittenAndTakenAwayBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := newScreen(&b)
	s.progress(engine.Progress{Phase: "writing", Done: 1, Of: 2})
	if b.Len() != 0 {
		t.Errorf("%q on what is no terminal", b.String())
	}
	s.terminal = true
	s.progress(engine.Progress{Phase: "writing", Done: 1, Of: 2})
	s.progress(engine.Progress{Phase: "writing", Done: 2, Of: 2}) // too soon
	if _, err := s.Write([]byte("warning\n")); err != nil {
		t.Fatal(err)
	}
	s.clear()
	if got, want := b.String(), eraseLine+"writing: 1 of 2"+eraseLine+"warning\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheCostIsThatOfAllCopies(t *testing.T) {
	t.Parallel()
	p := &page{}
	p.cost(plan.Cost{})
	p.cost(plan.Cost{Added: 1.2000000000000002, Total: 17.6, Copies: 44})
	p.cost(plan.Cost{Total: 0.4, Copies: 1})
	want := "The copies it creates cost $1.20 a month more; 44 copies in all: $17.60 a month (list price of a stored secret; API calls are extra).\n" +
		"Parameter Store keeps values of up to 4 KiB for nothing (type: aws-parameter-store), where those who read them can read them there.\n" +
		"1 copy in all: $0.40 a month (list price of a stored secret; API calls are extra).\n"
	if p.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", p, want)
	}
}
