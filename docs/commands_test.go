package docs_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	commandHeading = regexp.MustCompile("^## `([a-z]+)")
	flagRow        = regexp.MustCompile("^\\| `(?:-[a-z], )?(--[a-z-]+)")
	helpFlag       = regexp.MustCompile(`^ +(?:-[a-z], )?(--[a-z-]+)`)
)

// everyCommand is the heading under which the flags of every command are.
const everyCommand = ""

// documented returns the commands of the page and the flags of each.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{everyCommand: nil}
	current := everyCommand
	for line := range strings.Lines(read(t, "commands.md")) {
		if m := commandHeading.FindStringSubmatch(line); m != nil {
			current = m[1]
			all[current] = nil
		} else if strings.HasPrefix(line, "## ") {
			current = everyCommand
		}
		if m := flagRow.FindStringSubmatch(line); m != nil {
			all[current] = append(all[current], m[1])
		}
	}
	return all
}

// section returns the lines of a help text from one heading to the next.
func section(help, heading string) []string {
	var all []string
	in := false
	for line := range strings.Lines(help) {
		switch {
		case strings.HasPrefix(line, heading+":"):
			in = true
		case strings.TrimSpace(line) == "":
			in = false
		case in:
			all = append(all, line)
		}
	}
	return all
}

// flagsOf returns the flags that a help text lists under a heading; --help is not worth a line.
func flagsOf(help, heading string) []string {
	var all []string
	for _, line := range section(help, heading) {
		if m := helpFlag.FindStringSubmatch(line); m != nil && m[1] != "--help" {
			all = append(all, m[1])
		}
	}
	return all
}

func TestTheCommandPageHasEveryCommandAndFlagAndNoOther(t *testing.T) {
	page := documented(t)
	root, _ := run(t, "--help")
	exists := map[string][]string{everyCommand: flagsOf(root, "Flags")}
	for _, line := range section(root, "Available Commands") {
		name := strings.Fields(line)[0]
		if name == "help" {
			continue
		}
		help, code := run(t, name, "--help")
		if code != 0 {
			t.Fatalf("%s --help: %s", name, help)
		}
		exists[name] = flagsOf(help, "Flags")
	}
	if len(exists) < 10 {
		t.Fatalf("only these commands were found: %v", slices.Sorted(maps.Keys(exists)))
	}
	for name, flags := range exists {
		if _, ok := page[name]; !ok {
			t.Errorf("commands.md does not have the command %q", name)
			continue
		}
		for _, f := range flags {
			if !slices.Contains(page[name], f) {
				t.Errorf("commands.md does not have %s of the command %q", f, name)
			}
		}
	}
	for name, flags := range page {
		if _, ok := exists[name]; !ok {
			t.Errorf("commands.md has %q, which is no command", name)
		}
		for _, f := range flags {
			if !slices.Contains(exists[name], f) {
				t.Errorf("commands.md has %s of the command %q, which is no flag", f, name)
			}
		}
	}
}

func TestTheCommandPageHasEveryReason(t *testing.T) {
	page := read(t, "commands.md")
	reasons := regexp.MustCompile(`Reason += "([a-z-]+)"`).FindAllStringSubmatch(read(t, "../internal/plan/change.go"), -1)
	if len(reasons) < 20 {
		t.Errorf("only %d reasons were found", len(reasons))
	}
	for _, r := range reasons {
		if !strings.Contains(page, "`"+r[1]+"`") {
			t.Errorf("commands.md does not have the reason %q", r[1])
		}
	}
}
