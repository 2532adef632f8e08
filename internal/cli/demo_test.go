package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// runDemo runs the demo as the program does.
func runDemo(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(t.Context(), append([]string{"demo"}, args...), strings.NewReader(""), &out, &errs, func(string) (string, bool) { return "", false }, "test")
	return code, out.String(), errs.String()
}

func TestTheDemoTellsItsStory(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Chdir(t.TempDir())
	code, out, errs := runDemo(t)
	if code != exitOK || errs != "" {
		t.Fatalf("exit code %d\n%s\n%s", code, errs, out)
	}
	for _, want := range []string{
		"== 1. A plan says what would be copied where, and why", "Plan: 5 to create, 0 unchanged.", "New target: it never had this secret before (5 copies).", "== 2. A sync copies it", "Done: 5 created", "== 3. A second run changes nothing",
		"== 4. A rotation at the hub spreads", "new-version", "== 5. Somebody's edit in a spoke is found and mended", "drifted",
		"== 6. A foreign secret of the same name is refused", "foreign", "Exit code 3", "== 7. A source that cannot be listed deletes nothing", "Exit code 1",
		"== 8. A part of a secret goes to Parameter Store, under another name", "/app/db/login", "Shown and checked",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told", want)
		}
	}
	if strings.Contains(out, "demo-value") {
		t.Error("a value is told")
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestTheDemoAsJSONListsItsSteps(t *testing.T) {
	code, out, errs := runDemo(t, "-o", "json")
	var got struct {
		Version int
		Steps   []struct {
			Title string
			Calls map[string]int
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK || got.Version != 1 || len(got.Steps) != 9 {
		t.Fatalf("exit code %d, %v\n%s\n%s", code, err, errs, out)
	}
	if n := got.Steps[1].Calls["CreateSecret"]; n != 5 {
		t.Errorf("the sync made %d CreateSecret calls", n)
	}
}
