package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// addCases adds the inputs of a file of cases.
func addCases(f *testing.F, path string) {
	f.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(data), "=== ") {
		_, input, _ := strings.Cut(part, "\n")
		input, _, _ = strings.Cut(input, "\n--- ")
		f.Add(input)
	}
}

func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		addCases(f, path)
	}
	f.Add(BuiltInText)
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, canary) {
			return // it is in the text itself, not taken from the environment
		}
		file, err := Parse("f.yaml", []byte(text), testEnv, testKinds())
		if err != nil {
			if file != nil {
				t.Fatal("an error came with a file")
			}
			if strings.Contains(err.Error(), canary) {
				t.Fatalf("a message shows the value of a variable: %v", err)
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "f.yaml:") {
					t.Fatalf("a message without a place: %q", err)
				}
			}
			return
		}
		again, err := Parse("f.yaml", []byte(text), testEnv, testKinds())
		if err != nil || again.Digest != file.Digest || len(file.Digest) != 64 {
			t.Fatalf("read again: %v", err)
		}
		if len(file.Rules) == 0 || len(file.Stores) == 0 {
			t.Fatal("a file of nothing was accepted")
		}
		for _, r := range file.Rules {
			if r.Name == "" || r.From == "" || len(r.To) == 0 || r.RecoveryDays < 7 || r.RecoveryDays > 30 || r.Deletion == "" || r.Drift == "" || r.Existing == "" || r.Tags == "" {
				t.Fatalf("a rule that is not whole: %+v", r)
			}
			for _, to := range r.To {
				for _, a := range to.Accounts {
					if !a.Valid() {
						t.Fatalf("account %q", a)
					}
				}
			}
		}
		opened, err := open(file)
		if err == nil {
			err = Check(file, opened)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Fatalf("a message shows the value of a variable: %v", err)
		}
	})
}

func FuzzParseGroups(f *testing.F) {
	addCases(f, "testdata/groups.txt")
	f.Fuzz(func(t *testing.T, text string) {
		groups, warnings, err := ParseGroups([]byte(text))
		if err != nil && (groups != nil || warnings != nil) {
			t.Fatal("an error came with groups")
		}
		// What is read twice is the same, and no message is longer than its own words and the name of a group.
		_, again, err2 := ParseGroups([]byte(text))
		if errorText(err) != errorText(err2) || len(again) != len(warnings) {
			t.Fatalf("two readings differ: %v and %v", err, err2)
		}
		for name := range groups {
			if name == "" {
				t.Fatal("a group without a name")
			}
		}
	})
}
