package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
)

const generateConfig = `version: 1
owner: lab
stores:
  hub: {type: aws-secrets-manager, region: us-east-1%s}
  spokes: {type: aws-secrets-manager, role: SecretSyncRole, externalId: the-id}
syncs:
  - {name: app, from: hub, select: {prefix: [app/]}, to: [{store: spokes, accounts: ["111111111111", "222222222222"]}]}
`

// generated runs generate on a configuration in a directory of its own.
func generated(t *testing.T, hub string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("secretsync.yaml", []byte(strings.Replace(generateConfig, "%s", hub, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return generatedHere(t, args...)
}

func generatedHere(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(t.Context(), append([]string{"generate", "iam"}, args...), strings.NewReader(""), &out, &errs, func(string) (string, bool) { return "", false }, "test")
	return code, out.String(), errs.String()
}

const withAccount = `, account: "100000000000"`

func TestGenerateIAMPrintsEveryDocumentUnderAHeading(t *testing.T) {
	code, out, errs := generated(t, withAccount)
	if code != exitOK || errs != "" {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var headings []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "# ") {
			headings = append(headings, strings.TrimSpace(line))
		}
	}
	want := `# hub: role SecretSyncLambdaRole in 100000000000: what it may do
# spoke: role SecretSyncRole in 111111111111: who may assume it
# spoke: role SecretSyncRole in 111111111111: what it may do
# spoke: role SecretSyncRole in 222222222222: who may assume it
# spoke: role SecretSyncRole in 222222222222: what it may do`
	if got := strings.Join(headings, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestGenerateIAMAsJSONHoldsWholeDocuments(t *testing.T) {
	code, out, errs := generated(t, withAccount, "--for", "spoke", "-o", "json")
	var got struct {
		Version   int
		Documents []struct {
			For, Name, Account string
			Trust, Policy      json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK || got.Version != 1 || len(got.Documents) != 2 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, errs, out)
	}
	for _, d := range got.Documents {
		if d.For != "spoke" || d.Name != "SecretSyncRole" {
			t.Errorf("%+v", d)
		}
		if _, err := policy.ParseTrust(d.Trust); err != nil {
			t.Errorf("trust of %s: %v", d.Account, err)
		}
		if _, err := policy.ParseIdentity(d.Policy); err != nil {
			t.Errorf("policy of %s: %v", d.Account, err)
		}
	}
}

func TestGenerateIAMWritesFilesAndReplacesThem(t *testing.T) {
	code, out, errs := generated(t, withAccount, "--out", "policies")
	if code != exitOK || errs != "" {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	const hub = "policies/hub-policy.json"
	want := hub + `
policies/spoke-111111111111-trust.json
policies/spoke-111111111111-policy.json
policies/spoke-222222222222-trust.json
policies/spoke-222222222222-policy.json
`
	if filepath.ToSlash(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	first, err := os.ReadFile(hub)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hub, []byte("older"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := generatedHere(t, "--out", "policies"); code != exitOK {
		t.Fatal(errs)
	}
	if again, err := os.ReadFile(hub); err != nil || !bytes.Equal(first, again) {
		t.Errorf("not replaced: %v", err)
	}
	if all, err := os.ReadDir("policies"); err != nil || len(all) != 5 {
		t.Errorf("%d files: %v", len(all), err)
	}
}

func TestGenerateIAMAsksForWhatItCannotKnow(t *testing.T) {
	for _, c := range []struct {
		hub  string
		args []string
		want string
	}{
		{"", nil, "--hub-role"},
		{withAccount, []string{"--for", "everybody"}, "want hub or spoke"},
		{withAccount, []string{"--account", "1"}, "want 12 digits"},
		{withAccount, []string{"more"}, "say what to generate"},
	} {
		code, out, errs := generated(t, c.hub, c.args...)
		if code != exitNothing || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %s%s", c.args, code, out, errs)
		}
	}
}

func TestGenerateKnowsWhatItCanMake(t *testing.T) {
	for what, want := range map[string]string{"terraform": "generate terraform is not in this version: want iam", "poems": `can't generate "poems": want iam`} {
		if code, _, errs := mainHere(t, noEnv, "generate", what); code != exitNothing || !strings.Contains(errs, want) {
			t.Errorf("exit code %d: %s", code, errs)
		}
	}
}

func TestGenerateIAMHasNothingToSayOfVaultAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	const text = `version: 1
stores:
  a: {type: vault, address: "https://a.test:8200", auth: {method: aws}}
  b: {type: vault, address: "https://b.test:8200"}
syncs:
  - {name: one, from: a, select: {prefix: [app/]}, to: [{store: b}]}
`
	if err := os.WriteFile("secretsync.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := generatedHere(t, "-o", "json")
	if code != exitOK || !strings.Contains(out, `"documents": []`) || !strings.Contains(errs, "no store is in AWS") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}
