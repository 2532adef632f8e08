package iam_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/iam"
)

var update = flag.Bool("update", false, "write what is generated into testdata")

// text shows documents as `generate iam` does.
func text(t *testing.T, res *iam.Result) string {
	t.Helper()
	var b strings.Builder
	for _, w := range res.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	for _, d := range res.Documents {
		for _, p := range []*iam.Policy{d.Trust, d.Policy} {
			if p == nil {
				continue
			}
			data, err := p.JSON()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "# %s %s %s\n%s", d.For, d.Account, d.Name, data)
		}
	}
	return b.String()
}

func TestPoliciesAreMadeFromTheConfigurationAlone(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := caseOf(t, string(data))
			res := generate(t, in)
			got := text(t, res)
			if again := text(t, generate(t, in)); again != got {
				t.Errorf("made a second time the documents differ:\n%s", again)
			}
			wellFormed(t, res)
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; run the test with -update and look at the difference. got:\n%s", golden, got)
			}
		})
	}
}

// caseOf returns the input of a configuration of testdata, whose first line may say the hub's role.
func caseOf(t *testing.T, data string) iam.Input {
	t.Helper()
	in := open(t, data, nil, "").input(t)
	first, _, _ := strings.Cut(data, "\n")
	if role, ok := strings.CutPrefix(first, "# hub-role: "); ok {
		in.HubRole = role
	}
	return in
}

// wellFormed checks what holds for every document.
func wellFormed(t *testing.T, res *iam.Result) {
	t.Helper()
	for _, d := range res.Documents {
		data, err := d.Policy.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := policy.ParseIdentity(data); err != nil {
			t.Errorf("%s %s: %v", d.For, d.Account, err)
		}
		if d.Trust != nil {
			if data, err = d.Trust.JSON(); err != nil {
				t.Fatal(err)
			}
			if _, err := policy.ParseTrust(data); err != nil {
				t.Errorf("trust of %s: %v", d.Account, err)
			}
		}
		for _, s := range d.Policy.Statement {
			for _, a := range s.Action {
				if s.Effect == "Allow" && strings.Contains(a, "*") {
					t.Errorf("%s %s: %s: a wildcard in action %s", d.For, d.Account, s.Sid, a)
				}
				for _, r := range s.Resource {
					noResource := a == "secretsmanager:ListSecrets" || a == "secretsmanager:BatchGetSecretValue" || a == "ssm:DescribeParameters"
					if s.Effect == "Allow" && (r == "*") != noResource {
						t.Errorf("%s %s: %s on resource %s", d.For, d.Account, a, r)
					}
					if a == "sts:AssumeRole" && strings.ContainsAny(r, "*?") {
						t.Errorf("a wildcard in the roles that the hub may assume: %s", r)
					}
				}
			}
		}
	}
}
