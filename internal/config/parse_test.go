package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAcceptedFilesAreReadAsTheyAreMeant(t *testing.T) {
	readCases(t, "testdata/accepted.txt").run(t, func(t *testing.T, c *textCase) string {
		f, err := readAll(c.input)
		if err != nil {
			t.Fatal(err)
		}
		return dump(t, f)
	})
}

func TestWhatIsWrongIsSaidWithItsPlaceAndWhatToDo(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d files of cases, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		if name == "accepted" || name == "groups" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			readCases(t, path).run(t, func(t *testing.T, c *textCase) string {
				_, err := readAll(c.input)
				if err == nil {
					return "none"
				}
				return err.Error()
			})
		})
	}
}

// dump writes a file down, its settings decoded.
func dump(t *testing.T, f *File) string {
	t.Helper()
	type entry struct {
		Name, Type string
		Settings   any
	}
	var stores []entry
	for _, s := range f.Stores {
		var into any = &testSettings{}
		if s.Type == "box" {
			into = &boxSettings{}
		}
		if err := s.Decode(into); err != nil {
			t.Fatal(err)
		}
		stores = append(stores, entry{string(s.Name), s.Type, into})
	}
	data, err := json.MarshalIndent(map[string]any{
		"owner": f.Owner, "stores": stores, "groups": f.Groups, "groupsFrom": f.GroupsFrom, "rules": f.Rules, "limits": f.Limits,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestASecretThatIsNoConfigurationIsNotQuoted(t *testing.T) {
	for _, text := range []string{canary, "*" + canary, canary + ": x", `{"password": "` + canary + `"}`, "- " + canary, "'" + canary, "!" + canary + " x"} {
		_, err := ParseSecret("secretsmanager:app/db", []byte(text), testEnv, testKinds())
		if err == nil || strings.Contains(err.Error(), canary) || !strings.HasPrefix(err.Error(), "secretsmanager:app/db:") ||
			!strings.Contains(err.Error(), "holds no configuration") && !strings.Contains(err.Error(), "not valid YAML") {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := ParseSecret("secretsmanager:config", []byte(BuiltInText), testEnv, testKinds()); err != nil {
		t.Error(err)
	}
	_, err := ParseSecret("secretsmanager:config", []byte(BuiltInText+"limit: {}\n"), testEnv, testKinds())
	if err == nil || err.Error() != "secretsmanager:config:16:1: unknown key … in …" {
		t.Errorf("a configuration with a mistake: got %v", err)
	}
}

func TestAFileLargerThanOneMebibyteIsRefused(t *testing.T) {
	_, err := Parse("big.yaml", make([]byte, maxSize+1), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "big.yaml: the file is larger") {
		t.Fatalf("got %v", err)
	}
}

func TestADriverSettingOfTheWrongTypeIsAnErrorWithItsPlaceAndWithoutTheValue(t *testing.T) {
	f := mustParse(t, `version: 1
stores:
  hub:
    type: box
    address: ${SECRET}
    method: token
    labels: {a: "${SECRET}"}
syncs: [{name: s, from: hub, select: {prefix: [a]}, to: [{store: hub}]}]
`)
	var into struct {
		Address int      `yaml:"address"`
		Labels  []string `yaml:"labels"`
	}
	err := f.Stores[0].Decode(&into)
	want := `secretsync.yaml:5:14: store "hub": "${SECRET}" must be a whole number
secretsync.yaml:6:5: store "hub": unknown key "method"
secretsync.yaml:7:13: store "hub": what is here must be a list`
	if err == nil || err.Error() != want {
		t.Fatalf("got\n%v\nwant\n%s", err, want)
	}
	if got := f.StoreError("hub", err); !errors.Is(got, err) || got.Error() != err.Error() {
		t.Errorf("an error with a place got another: %v", got)
	}
	got := f.StoreError("hub", os.ErrInvalid)
	if got == nil || got.Error() != `secretsync.yaml:3:3: store "hub": invalid argument` {
		t.Errorf("got %v", got)
	}
	if f.StoreError("hub", nil) != nil {
		t.Error("no error became one")
	}
}

func TestTheDigestIsOfWhatTheFileDecides(t *testing.T) {
	const text = `version: 1
stores:
  hub: {type: aws-secrets-manager, kmsKey: "${SECRET}"}
  dr: {type: aws-secrets-manager, region: eu-west-1}
syncs: [{name: s, from: hub, select: {prefix: [a]}, to: [{store: dr}]}]
`
	digest := func(old, replacement string) string {
		t.Helper()
		if !strings.Contains(text, old) {
			t.Fatalf("no %q", old)
		}
		return mustParse(t, strings.Replace(text, old, replacement, 1)).Digest
	}
	same := digest("", "")
	if len(same) != 64 {
		t.Fatalf("digest %q", same)
	}
	for _, c := range [][2]string{
		{"version", "# a comment\nversion"},
		{"[a]", "['a']"},
		{"{name: s, from: hub,", "{from: hub, name: s,"},
		{"name: s,", "name: s, deletion: retain, recoveryDays: 30,"},
		{"version: 1\n", "version: 1\nlimits: {deletes: 25}\n"},
		{"${SECRET}", canary},
	} {
		if got := digest(c[0], c[1]); got != same {
			t.Errorf("%q for %q changes the digest", c[1], c[0])
		}
	}
	for _, c := range [][2]string{
		{"[a]", "[b]"},
		{"eu-west-1", "eu-west-2"},
		{"name: s,", "name: s, deletion: delete,"},
		{"version: 1\n", "version: 1\nowner: x\n"},
		{"version: 1\n", "version: 1\nlimits: {deletes: 24}\n"},
		{"version: 1\n", "version: 1\ngroupsFrom: {store: hub}\n"},
		{"${SECRET}", "${OWNER}"},
	} {
		if got := digest(c[0], c[1]); got == same {
			t.Errorf("%q for %q leaves the digest as it is", c[1], c[0])
		}
	}
}

func TestTheBuiltInDefaultIsTheHubAndItsSpokes(t *testing.T) {
	f, err := Default(testKinds())
	if err != nil {
		t.Fatal(err)
	}
	if !f.BuiltIn || f.Path != BuiltInPath || f.Digest == "" || f.Owner != "" {
		t.Errorf("got %+v", f)
	}
	if f.GroupsFrom == nil || *f.GroupsFrom != (SecretRef{"hub", "secret-sync/config"}) {
		t.Errorf("groups from %+v", f.GroupsFrom)
	}
	if len(f.Rules) != 1 || f.Rules[0].Name != "hub-to-spokes" || f.Rules[0].From != "hub" || !f.Rules[0].To[0].ByTags || f.Rules[0].To[0].Store != "spokes" {
		t.Errorf("rules %+v", f.Rules)
	}
	var set testSettings
	if err := f.Stores[1].Decode(&set); err != nil || set.Role != "SecretSyncRole" {
		t.Errorf("spokes: %+v, %v", set, err)
	}
	if err := f.StoreError("hub", os.ErrInvalid); err.Error() != `built-in default: store "hub": invalid argument` {
		t.Errorf("got %v", err)
	}
	if _, err := Default(nil); err == nil {
		t.Error("a default without a driver")
	}
}

func TestManySyncsToManyAccountsAreCheckedQuickly(t *testing.T) {
	var text strings.Builder
	text.WriteString("version: 1\nstores:\n  hub: {type: aws-secrets-manager, region: us-east-1, account: \"123456789012\"}\n  spokes: {type: aws-secrets-manager, role: R}\ngroups:\n  All:\n    accounts:\n")
	for i := range 300 {
		fmt.Fprintf(&text, "      - \"%012d\"\n", i)
	}
	text.WriteString("syncs:\n")
	for i := range 200 {
		fmt.Fprintf(&text, "  - {name: s%d, from: hub, select: {prefix: [p%d/, q%d/]}, to: [{store: spokes, groups: [All]}]}\n", i, i, i)
	}
	start := time.Now()
	if _, err := readAll(text.String()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}
