// Package docs_test keeps the documentation true: what its pages print is run, and compared.
package docs_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/cli"
)

var update = flag.Bool("update", false, "write what the program prints into the README where they differ; look at the result")

// run runs one command of the program, and returns what it prints on both streams, in order, and its exit code.
func run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	env := func(name string) (string, bool) {
		if v, ok := os.LookupEnv(name); ok {
			return v, true
		}
		if strings.HasPrefix(name, "SYNC_") { // the variables of the examples
			return "set", true
		}
		return "", false
	}
	code := cli.Main(t.Context(), args, strings.NewReader(""), &out, &out, env, "")
	return out.String(), code
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// block is a fenced block of a page.
type block struct {
	page, lang, text string
	line             int
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// blocks returns the fenced blocks of a page that are in a language.
func blocks(t *testing.T, page, lang string) []block {
	t.Helper()
	var all []block
	var open *block
	for i, line := range strings.Split(read(t, page), "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{page: page, lang: fence, line: i + 1}
		case isFence:
			if open.lang == lang {
				all = append(all, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Errorf("%s: a block that is never closed", *open)
	}
	return all
}

func pages(t *testing.T) []string {
	t.Helper()
	here, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	above, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(here, above...)
}

func TestEveryWholeConfigurationIsValid(t *testing.T) {
	n := 0
	check := func(what, file string) {
		n++
		if out, code := run(t, "validate", "-c", file); code != 0 {
			t.Errorf("%s:\n%s", what, out)
		}
	}
	for _, page := range pages(t) {
		for _, b := range blocks(t, page, "yaml") {
			if !strings.HasPrefix(b.text, "version: 1\n") {
				continue
			}
			file := filepath.Join(t.TempDir(), "secretsync.yaml")
			if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			check(b.String(), file)
		}
	}
	for _, name := range append(shown(), "everything.yaml") {
		check(name, filepath.Join("example", name))
	}
	if n < 5 {
		t.Errorf("only %d configurations were found", n)
	}
}

// shown returns the configurations among the examples that the README shows.
func shown() []string {
	return []string{"secretsync.yaml", "regions.yaml", "vault.yaml", "kubernetes.yaml", "login.yaml"}
}

func TestTheReadmeShowsTheExamplesAsTheyAre(t *testing.T) {
	all := blocks(t, "../README.md", "yaml")
	for _, name := range shown() {
		text := read(t, filepath.Join("example", name))
		if !slices.ContainsFunc(all, func(b block) bool { return b.text == text }) {
			t.Errorf("%s is not in the README as it is", name)
		}
	}
}

// link matches a link to a file of the repository.
var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestEveryLinkToAFileLeadsToOne(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

func TestTheReadmePrintsWhatTheProgramPrints(t *testing.T) {
	parsed, err := awslocal.ParseSeed(strings.NewReader(read(t, "example/seed.yaml")), "seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	server, err := awslocal.New(awslocal.Options{Seed: parsed})
	if err != nil {
		t.Fatal(err)
	}
	url, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	readme, err := filepath.Abs("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	sandboxed(t, url)
	text, code := read(t, readme), 0
	for _, b := range blocks(t, readme, "console") {
		shown := b.text
		for _, s := range steps(b.text) {
			var out string
			switch words := strings.Fields(s.command); {
			case words[0] == "secretsync":
				out, code = run(t, words[1:]...)
			case words[0] == "aws":
				out = callAWS(t, url, words)
			case s.command == "echo $?":
				out = fmt.Sprintln(code)
			default:
				t.Fatalf("%s: what is %q?", b, s.command)
			}
			switch {
			case matches(s.output, out):
			case *update:
				shown = strings.Replace(shown, s.command+"\n"+s.output, s.command+"\n"+strings.TrimSpace(out)+s.output[len(strings.TrimRight(s.output, "\n")):], 1)
			default:
				t.Errorf("%s: $ %s\nthe page says:\n%s\nthe program says:\n%s\ngo test ./docs -update writes it into the page", b, s.command, s.output, out)
			}
		}
		text = strings.Replace(text, b.text, shown, 1)
	}
	if *update {
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// sandboxed goes to a directory with the example's configurations, and makes the process's AWS settings those of the guide.
func sandboxed(t *testing.T, url string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range shown() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, filepath.Join("example", name))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "SECRETSYNC_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_ENDPOINT_URL", url)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "123456789012")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "any")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
}

// step is a command of a transcript, and what it prints.
type step struct{ command, output string }

// steps cuts a transcript at its prompts. Empty lines before a prompt belong to nothing. The output of the demo holds prompts itself: it is the whole block.
func steps(text string) []step {
	if rest, ok := strings.CutPrefix(text, "$ secretsync demo\n"); ok {
		return []step{{"secretsync demo", rest}}
	}
	var all []step
	for line := range strings.Lines(text) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, step{command: strings.TrimSpace(command)})
		} else if n := len(all) - 1; n >= 0 {
			all[n].output += line
		}
	}
	return all
}

// matches compares what a page shows with what was printed. "…" stands for anything, lines included.
func matches(shown, printed string) bool {
	pattern := regexp.QuoteMeta(strings.TrimSpace(shown))
	pattern = strings.ReplaceAll(pattern, "…", `(?s:.*)`)
	return regexp.MustCompile(`^` + pattern + `$`).MatchString(strings.TrimSpace(printed))
}

// callAWS does what an AWS CLI command of a transcript does, and returns what it prints: the name of the secret.
func callAWS(t *testing.T, url string, words []string) string {
	t.Helper()
	flags := map[string]string{}
	for i := 3; i+1 < len(words); i += 2 {
		flags[words[i]] = words[i+1]
	}
	if words[1] != "secretsmanager" || flags["--query"] != "Name" || flags["--output"] != "text" {
		t.Fatalf("not understood: %s", strings.Join(words, " "))
	}
	client := sm.New(sm.Options{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("123456789012", "any", "")})
	id, value := flags["--secret-id"], strings.Trim(flags["--secret-string"], "'")
	var err error
	switch words[2] {
	case "put-secret-value":
		_, err = client.PutSecretValue(context.Background(), &sm.PutSecretValueInput{SecretId: &id, SecretString: &value})
	case "delete-secret":
		_, err = client.DeleteSecret(context.Background(), &sm.DeleteSecretInput{SecretId: &id})
	default:
		t.Fatalf("not understood: %s", strings.Join(words, " "))
	}
	if err != nil {
		t.Fatal(err)
	}
	return id + "\n"
}

func TestEverySeedFileIsValid(t *testing.T) {
	seeds := []block{{page: "example/seed.yaml", line: 1, text: read(t, "example/seed.yaml")}}
	for _, page := range pages(t) {
		for _, b := range blocks(t, page, "yaml") {
			if strings.HasPrefix(b.text, "accounts:\n") {
				seeds = append(seeds, b)
			}
		}
	}
	if len(seeds) < 2 {
		t.Error("the seed file of sandbox.md was not found")
	}
	for _, b := range seeds {
		if _, err := awslocal.ParseSeed(strings.NewReader(b.text), b.String()); err != nil {
			t.Error(err)
		}
	}
}
