package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/kubernetes"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func TestSettingsThatCantBeAreTold(t *testing.T) {
	for settings, want := range map[string]string{
		`{context: a, eks: {cluster: b}}`:                                           "context and eks: give one of them",
		`{eks: {region: us-east-1}}`:                                                "eks.cluster is missing",
		`{eks: {cluster: b, region: nowhere}}`:                                      `eks.region "nowhere"`,
		`{eks: {cluster: b, role: hub}}`:                                            `eks.role "hub"`,
		`{eks: {cluster: b, externalId: x1}}`:                                       "eks.externalId without eks.role",
		`{eks: {cluster: "b/c"}}`:                                                   `eks.cluster "b/c"`,
		`{context: a, namespace: Apps}`:                                             `namespace "Apps"`,
		`{context: a, namespace: "team-*"}`:                                         `namespace "team-*"`,
		`{context: a, namespaces: ["a/b"]}`:                                         `namespaces "a/b"`,
		`{context: a, namespace: apps, namespaces: ["team-*"]}`:                     `namespace "apps" is not under namespaces`,
		`{context: a, key: "a b"}`:                                                  `key "a b"`,
		`{context: a, key: ".."}`:                                                   `key ".."`,
		`{context: a, secretType: "kubernetes.io/service-account-token"}`:           "the cluster makes its own credentials",
		`{context: a, secretType: "a b"}`:                                           `secretType "a b"`,
		`{context: a, cluster: "a b"}`:                                              `cluster "a b"`,
		`{context: a, nonsense: 1}`:                                                 "nonsense",
		`{context: a, restart: perhaps}`:                                            "perhaps",
		`{eks: {cluster: b, role: "arn:aws:iam::1:role/x", region: x}, key: "a/b"}`: `key "a/b"`,
	} {
		if _, err := open(settings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", settings, err, want)
		}
	}
}

func TestTheSchemaTakesWhatTheDriverTakes(t *testing.T) {
	driver := kubernetes.Driver(awscfg.New(awscfg.Options{}))
	raw, err := json.Marshal(map[string]any{"type": "object", "additionalProperties": false, "properties": driver.Schema})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, good := range map[string]bool{
		`{"context":"arn:aws:eks:us-east-1:111122223333:cluster/prod","cluster":"prod","namespace":"apps","namespaces":["apps","team-*"],"key":"value","secretType":"Opaque","restart":true}`: true,
		`{"eks":{"cluster":"prod","region":"us-east-1","role":"arn:aws:iam::111122223333:role/hub","externalId":"x1"}}`:                                                                       true,
		`{}`:                            true,
		`{"eks":{}}`:                    false,
		`{"namespaces":[]}`:             false,
		`{"namespaces":["A"]}`:          false,
		`{"namespace":"a*"}`:            false,
		`{"nonsense":1}`:                false,
		`{"restart":"yes"}`:             false,
		`{"eks":{"role":"x"}}`:          false,
		`{"key":"a b"}`:                 false,
		`{"secretType":"a b"}`:          false,
		`{"cluster":"a b"}`:             false,
		`{"context":""}`:                false,
		`{"eks":{"cluster":"a","b":1}}`: false,
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAStoreIsOneNamespaceOfACluster(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	config := `{"apiVersion":"v1","kind":"Config","current-context":"prod","clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],"contexts":[{"name":"prod","context":{"cluster":"c","namespace":"apps"}},{"name":"bare","context":{"cluster":"c"}}]}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", file)
	for settings, want := range map[string]string{
		`{}`:                                    "prod/apps",
		`{context: bare}`:                       "bare/default",
		`{context: bare, namespace: team-a}`:    "bare/team-a",
		`{cluster: eu, context: prod}`:          "eu/apps",
		`{eks: {cluster: prod-eks}}`:            "prod-eks/default",
		`{eks: {cluster: x}, cluster: prod-eu}`: "prod-eu/default",
	} {
		s, err := open(settings)
		if err != nil {
			t.Fatal(err)
		}
		at, one := s.Fixed()
		home, err := s.Home(t.Context())
		if at.String() != want || !one || at.Kind != secret.Kubernetes || !at.Known() || home != at || err != nil {
			t.Errorf("%s: got %s, %t, at home in %s, %v", settings, at, one, home, err)
		}
	}
	s, err := open(`{context: prod, namespaces: [b, "team-*", a]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.(store.Divided).Namespaces(), " "); got != "b team-* a" {
		t.Errorf("got the namespaces %q", got)
	}
	if s, _ := open(`{context: prod}`); s.(store.Divided).Namespaces() != nil || s.Scope() != "" || s.Allow() != nil || s.Key() != "" || s.Access(store.UseWrite) != nil {
		t.Error("a store of one namespace has other traits")
	}
}

func TestTheDocumentedRolesAreWhatTheTestsRunUnder(t *testing.T) {
	page, err := os.ReadFile("../../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := map[string]storetest.KubernetesRule{}
	for _, block := range strings.Split(string(page), "```") {
		var role struct {
			Kind     string
			Metadata struct{ Name string }
			Rules    []struct {
				Groups    []string `yaml:"apiGroups"`
				Resources []string
				Verbs     []string
			}
		}
		if text, ok := strings.CutPrefix(block, "yaml\n"); !ok || !strings.Contains(text, "kind: Role") {
			continue
		} else if err := yaml.Load([]byte(text), &role); err != nil || len(role.Rules) != 1 {
			t.Fatalf("%v in %s", err, text)
		}
		rules[role.Metadata.Name] = storetest.KubernetesRule{Group: role.Rules[0].Groups[0], Verbs: role.Rules[0].Verbs, Resources: role.Rules[0].Resources}
	}
	want := map[string]storetest.KubernetesRule{"secretsync-destination": writer(), "secretsync-source": reader(), "secretsync-restart": restarter()}
	if fmt.Sprint(rules) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", rules, want)
	}
}

func TestTheRulesOfTheDriverAreTheRolesOfItsPage(t *testing.T) {
	s, err := open(`{context: prod, namespaces: ["team-*"], restart: true}`)
	if err != nil {
		t.Fatal(err)
	}
	verbs := map[string][]string{}
	for _, use := range []store.Use{store.UseWrite, store.UseDelete, store.UseVerify} {
		for _, r := range s.(store.Divided).Rules(use) {
			if r.Clusterwide != (r.Resource == "namespaces") {
				t.Errorf("%s: %+v", use, r)
			}
			for _, v := range r.Verbs {
				if !slices.Contains(verbs[r.Resource], v) {
					verbs[r.Resource] = append(verbs[r.Resource], v)
				}
			}
		}
	}
	want := map[string][]string{"secrets": writer().Verbs, "namespaces": {"list"}, "deployments": {"list", "patch"}, "statefulsets": {"list", "patch"}, "daemonsets": {"list", "patch"}}
	if fmt.Sprint(verbs) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", verbs, want)
	}
}

func TestACopyHasDotsWhereItsSourceHasSlashes(t *testing.T) {
	s, err := open(`{context: prod}`)
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[secret.Name]secret.Name{"app/db": "app.db", "/app/db": "app.db", "db": "db", "App/DB": "App.DB"} {
		if got := s.CopyName(source); got != want {
			t.Errorf("%q becomes %q, want %q", source, got, want)
		}
	}
}
