// Package internal_test holds the rules of the house, as tests: which package may import which, and what may stand where.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/secretsync-dev/secretsync/"

// arrows says what of this module each package may import; "…/" stands for everything below. A package that is not here fails the test: decide where it belongs.
var arrows = map[string][]string{
	"cmd/secretsync":                {"internal/cli"},
	"bench":                         {},
	"schema":                        {},
	"test/acceptance":               {},
	"internal/secret":               {},
	"internal/plan":                 {"internal/secret"},
	"internal/template":             {},
	"internal/shape":                {"internal/plan", "internal/secret", "internal/template"},
	"internal/config":               {"internal/plan", "internal/secret", "internal/shape", "internal/template"},
	"internal/store":                {"internal/secret"},
	"internal/event":                {"internal/secret"},
	"internal/awscfg":               {"internal/secret", "internal/store"}, // store for the kinds of errors
	"internal/awsstore":             {"internal/awscfg", "internal/secret", "internal/store"},
	"internal/store/all":            {"internal/awscfg", "internal/store", "internal/store/…/"},
	"internal/store/storetest":      {"internal/secret", "internal/store"},
	"internal/store/mem":            {"internal/secret", "internal/store"},
	"internal/store/secretsmanager": {"internal/awscfg", "internal/awsstore", "internal/secret", "internal/store"},
	"internal/store/parameterstore": {"internal/awscfg", "internal/awsstore", "internal/secret", "internal/store"},
	"internal/store/vault":          {"internal/awscfg", "internal/secret", "internal/store"},
	"internal/kube":                 {"internal/awscfg", "internal/secret", "internal/store"}, // store for the kinds of errors
	"internal/store/kubernetes":     {"internal/awscfg", "internal/kube", "internal/secret", "internal/store"},
	"internal/daemon":               {"internal/awscfg", "internal/engine", "internal/event", "internal/plan", "internal/secret"},
	"internal/lambda":               {"internal/daemon", "internal/engine", "internal/event", "internal/plan", "internal/secret"},
	"internal/lambda/lambdatest":    {},
	"internal/engine":               {"internal/event", "internal/plan", "internal/secret", "internal/shape", "internal/store"},
	"internal/notify":               {"internal/awscfg", "internal/hook", "internal/secret", "internal/template"},
	"internal/iam":                  {"internal/plan", "internal/secret", "internal/shape", "internal/store"},
	"internal/rotate":               {"internal/secret", "internal/store"},
	"internal/rotate/all":           {"internal/rotate", "internal/rotate/…/"},
	"internal/rotate/login":         {"internal/rotate"},
	"internal/rotate/postgres":      {"internal/rotate", "internal/rotate/login"},
	"internal/rotate/mysql":         {"internal/rotate", "internal/rotate/login"},
	"internal/rotate/redis":         {"internal/rotate", "internal/rotate/login"},
	"internal/rotate/generate":      {"internal/rotate", "internal/secret"},
	"internal/rotate/protocol":      {"internal/rotate", "internal/secret"},
	"internal/rotate/command":       {"internal/program", "internal/rotate", "internal/rotate/protocol"},
	"internal/rotate/webhook":       {"internal/hook", "internal/rotate", "internal/rotate/protocol"},
	"internal/rotate/rotatetest":    {"internal/rotate", "internal/secret", "internal/store/storetest"},
	"internal/program":              {},
	"internal/hook":                 {},
	"internal/rollout":              {"internal/awscfg", "internal/hook", "internal/plan", "internal/program", "internal/secret", "internal/store"},
	"internal/share":                {"internal/awscfg", "internal/secret", "internal/store"},
	"internal/wire":                 {"internal/config", "internal/engine", "internal/hook", "internal/notify", "internal/plan", "internal/rollout", "internal/rotate", "internal/rotate/all", "internal/secret", "internal/store"},
	"internal/awslocal":             {"internal/awslocal/…/"}, // an AWS of its own: it knows nothing of the tool
	"internal/demo":                 {"internal/awscfg", "internal/awslocal", "internal/config", "internal/engine", "internal/event", "internal/plan", "internal/store/all", "internal/wire"},
	"internal/cli": {"internal/awscfg", "internal/awslocal", "internal/config", "internal/daemon", "internal/demo", "internal/engine", "internal/event", "internal/iam", "internal/kube", "internal/lambda", "internal/notify", "internal/plan", "internal/rollout", "internal/rotate", "internal/rotate/all",
		"internal/secret", "internal/share", "internal/store", "internal/store/all", "internal/wire"},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
}

func TestImportsGoOneWay(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath == "internal" || p.ImportPath == "docs" {
			continue // tests only
		}
		allowed, ok := arrows[p.ImportPath]
		if strings.HasPrefix(p.ImportPath, "internal/awslocal/") {
			allowed, ok = arrows["internal/awslocal"], true
		}
		if !ok {
			t.Errorf("%s is in no rule", p.ImportPath)
		}
		for _, imported := range p.Imports {
			name, ours := strings.CutPrefix(imported, module)
			if ours && !slices.ContainsFunc(allowed, func(a string) bool {
				below, tree := strings.CutSuffix(a, "…/")
				return name == a || tree && strings.HasPrefix(name, below)
			}) {
				t.Errorf("%s must not import %s", p.ImportPath, name)
			}
		}
	}
}

func TestTheVocabularyAndThePlannerImportNothingFromOutside(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != "internal/secret" && p.ImportPath != "internal/plan" {
			continue
		}
		for _, imported := range p.Imports {
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") && !strings.HasPrefix(imported, module) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
			if slices.Contains([]string{"net", "net/http", "os", "io/fs"}, imported) {
				t.Errorf("%s does I/O through %s", p.ImportPath, imported)
			}
		}
	}
}

// files calls do with every Go file below this folder and cmd, tests left out.
func files(t *testing.T, do func(path string, f *ast.File, set *token.FileSet)) {
	t.Helper()
	set := token.NewFileSet()
	for _, root := range []string{".", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err == nil {
				do(filepath.ToSlash(path), f, set)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAValueIsRevealedInDriversAndShapingOnly(t *testing.T) {
	revealers := []string{
		"store/secretsmanager/", "store/parameterstore/", "store/vault/", "store/kubernetes/", "store/mem/", // drivers
		"shape/",
		"rotate/", "cli/exec.go", // rotation, and secrets in the environment of a command
		"engine/groups.go", "cli/findings.go", // the secret with the groups, which is configuration
	}
	files(t, func(path string, f *ast.File, set *token.FileSet) {
		if strings.HasPrefix(path, "secret/") || slices.ContainsFunc(revealers, func(r string) bool { return strings.HasPrefix(path, r) }) {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Reveal" {
				t.Errorf("%s: a value is revealed", set.Position(s.Pos()))
			}
			return true
		})
	})
}

func TestNothingForcesADeletion(t *testing.T) {
	files(t, func(path string, f *ast.File, set *token.FileSet) {
		if strings.HasPrefix(path, "awslocal/") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.Ident); ok && s.Name == "ForceDeleteWithoutRecovery" {
				t.Errorf("%s: a deletion without a window", set.Position(s.Pos()))
			}
			return true
		})
	})
}

func TestThereIsNoInitAndNothingEndsTheProcessBelowMain(t *testing.T) {
	files(t, func(path string, f *ast.File, set *token.FileSet) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: an init function", set.Position(fn.Pos()))
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := s.X.(*ast.Ident)
			ends := ok && (x.Name == "os" && s.Sel.Name == "Exit" || x.Name == "log" && strings.HasPrefix(s.Sel.Name, "Fatal"))
			if ends && !strings.HasPrefix(path, "../cmd/") {
				t.Errorf("%s: %s.%s", set.Position(s.Pos()), x.Name, s.Sel.Name)
			}
			return true
		})
	})
}

func TestEveryDriverPassesTheConformanceSuite(t *testing.T) {
	entries, err := os.ReadDir("store")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == "all" || e.Name() == "storetest" {
			continue
		}
		tests, err := filepath.Glob(filepath.Join("store", e.Name(), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(tests, func(path string) bool {
			data, err := os.ReadFile(path)
			return err == nil && bytes.Contains(data, []byte("storetest.Destination("))
		}) {
			t.Errorf("store/%s has no conformance test", e.Name())
		}
	}
}

func TestFoldersAreNamedAfterWhatTheyHold(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains([]string{"pkg", "utils", "util", "common", "types", "models", "helpers"}, d.Name()) {
			t.Errorf("%s says nothing", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
