package config

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata expect")

// canary stands in the environment of every case. No message may show it.
const canary = "CANARY-7d1f"

func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"OWNER": "team-" + canary, "ACCOUNT": "012345670123", "REGION": "eu-west-1", "MAX": "7", "EMPTY": "",
		"SECRET": canary, "BAD": canary + "/[]*\n", "YES": "true", "LIST": "[a, " + canary + "]", "PREFIX": canary + "/",
	}[name]
	return v, ok
}

// testKinds are a kind like the real one, and one with settings of every type.
func testKinds() []Kind {
	text := func(pattern, description string) map[string]any {
		return map[string]any{"type": "string", "pattern": pattern, "description": description}
	}
	return []Kind{
		{Type: "aws-secrets-manager", Settings: map[string]any{
			"region":     text(regionForm, "The Region."),
			"account":    text(accountForm, "The account, in quotes."),
			"role":       text(`^[A-Za-z0-9_+=,.@:/-]{1,200}$`, "The name or the ARN of a role."),
			"externalId": text(`^[\w+=,.@:/-]{2,1000}$`, "The ExternalId."),
			"kmsKey":     map[string]any{"type": "string"},
			"allow": map[string]any{"type": "object", "required": []string{"accounts"}, "properties": map[string]any{
				"accounts": map[string]any{"type": "array", "minItems": 1, "items": text(accountForm, "An account.")},
			}},
		}},
		{Type: "box", Settings: map[string]any{
			"address": map[string]any{"type": "string", "minLength": 2, "maxLength": 60},
			"retries": map[string]any{"type": "integer"},
			"tls":     map[string]any{"type": "boolean"},
			"method":  map[string]any{"type": "string", "enum": []string{"token", "aws"}},
			"labels":  map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"}},
			"free":    map[string]any{},
			"spaces":  map[string]any{"type": "array", "items": map[string]any{"type": "string"}},
		}},
	}
}

type testSettings struct {
	Region     secret.Region    `yaml:"region"`
	Account    secret.AccountID `yaml:"account"`
	Role       string           `yaml:"role"`
	ExternalID string           `yaml:"externalId"`
	KMSKey     string           `yaml:"kmsKey"`
	Allow      struct {
		Accounts []secret.AccountID `yaml:"accounts"`
	} `yaml:"allow"`
}

type boxSettings struct {
	Address string            `yaml:"address"`
	Retries int               `yaml:"retries"`
	TLS     bool              `yaml:"tls"`
	Method  string            `yaml:"method"`
	Labels  map[string]string `yaml:"labels"`
	Free    any               `yaml:"free"`
	Spaces  []string          `yaml:"spaces"`
}

// open does what the opener of stores does: a store with a role and no account is opened once per account.
func open(f *File) (map[secret.StoreName]StoreInfo, error) {
	opened := map[secret.StoreName]StoreInfo{}
	for _, s := range f.Stores {
		if s.Type == "box" {
			var set boxSettings
			if err := s.Decode(&set); err != nil {
				return nil, err
			}
			opened[s.Name] = StoreInfo{One: true, Identity: set.Address, Elsewhere: len(set.Spaces) > 0, Divided: len(set.Spaces) > 0, Namespace: "apps", Namespaces: set.Spaces}
			if len(set.Spaces) > 0 {
				info := opened[s.Name]
				info.Cluster, info.Reached = set.Method, set.Address
				if set.Free != nil {
					info.Cluster = "arn:aws:eks/prod"
				}
				opened[s.Name] = info
			}
			continue
		}
		var set testSettings
		if err := s.Decode(&set); err != nil {
			return nil, err
		}
		opened[s.Name] = StoreInfo{Account: set.Account, Region: set.Region, One: set.Role == "" || set.Account != "", Allow: set.Allow.Accounts}
	}
	return opened, nil
}

// readAll parses a file, opens its stores and checks it.
func readAll(text string) (*File, error) {
	f, err := Parse("secretsync.yaml", []byte(text), testEnv, testKinds())
	if err != nil {
		return nil, err
	}
	opened, err := open(f)
	if err != nil {
		return f, fmt.Errorf("open: %w", err)
	}
	return f, Check(f, opened)
}

func mustParse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("secretsync.yaml", []byte(text), testEnv, testKinds())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// caseFile is a file of cases: "=== name", the input, "--- what", what is expected.
type caseFile struct {
	path  string
	cases []*textCase
}

type textCase struct {
	name, kind, input, want string
}

func readCases(t *testing.T, path string) *caseFile {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &caseFile{path: path}
	for _, part := range strings.Split("\n"+string(data), "\n=== ")[1:] {
		name, rest, _ := strings.Cut(part, "\n")
		input, after, ok := strings.Cut("\n"+rest, "\n--- ")
		kind, want, _ := strings.Cut(after, "\n")
		if !ok {
			kind = "errors"
		}
		if slices.ContainsFunc(f.cases, func(c *textCase) bool { return c.name == name }) {
			t.Fatalf("%s: two cases are named %q", path, name)
		}
		f.cases = append(f.cases, &textCase{name: name, kind: kind, input: strings.TrimPrefix(input, "\n") + "\n", want: strings.TrimSpace(want)})
	}
	if len(f.cases) == 0 {
		t.Fatalf("%s has no cases", path)
	}
	return f
}

// run compares what got makes of every case, or writes it down with -update.
func (f *caseFile) run(t *testing.T, got func(t *testing.T, c *textCase) string) {
	t.Helper()
	var out strings.Builder
	for _, c := range f.cases {
		result := ""
		t.Run(c.name, func(t *testing.T) {
			result = strings.TrimSpace(got(t, c))
			if strings.Contains(result, canary) && c.kind != "file" {
				t.Errorf("a message shows the value of a variable:\n%s", result)
			}
			if !*update {
				if diff := cmp.Diff(c.want, result); diff != "" {
					t.Errorf("not as expected (-want +got):\n%s", diff)
				}
			}
		})
		fmt.Fprintf(&out, "=== %s\n%s\n--- %s\n%s\n\n", c.name, strings.TrimRight(c.input, "\n"), c.kind, result)
	}
	if *update {
		if err := os.WriteFile(f.path, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
