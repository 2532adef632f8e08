package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/plan"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestASavedPlanIsReadAsItWasAndOnlyByItsOwner(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(name, []byte("an older and longer text"), 0o666); err != nil {
		t.Fatal(err)
	}
	at := plan.Target{Store: "spokes", Place: secret.Place{Account: "111111111111", Region: "us-east-1"}}
	p := &plan.Plan{
		Version: engine.PlanVersion, Owner: "o", MadeAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), ConfigDigest: "d",
		Changes: []plan.Change{{Action: plan.Create, Reason: plan.Missing, Sync: "s", Name: "a<b>&", Target: &at, NewTarget: true}, {Action: plan.Refusal, Name: "b"}},
		Summary: plan.Summary{Create: 1, Refuse: 1}, Brakes: []plan.Brake{{Target: at, Deletes: 2, Of: 3, Limit: 1}},
		Problems: []plan.Problem{{Sync: "x", Error: "e"}}, Warnings: []string{"w"}, StaleList: []plan.StaleList{{Sync: "s", Name: "n"}}, CostPerMonth: plan.Cost{Added: 0.4, Total: 0.8},
	}
	if err := savePlan(t.Context(), name, p); err != nil {
		t.Fatal(err)
	}
	got, err := readPlan(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); len(files) != 1 {
		t.Errorf("files left: %v", files)
	}
}

func TestAPlanThatCannotBeSavedLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := filepath.Join(dir, "plan.json")
	if err := os.MkdirAll(filepath.Join(name, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := savePlan(t.Context(), name, &plan.Plan{}); err == nil {
		t.Error("a directory was replaced")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
