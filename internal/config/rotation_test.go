package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

const wholeRotations = beforeNotify + `rotations:
  - {store: hub, secret: rds/app, strategy: single-user, every: 30d}
  - store: hub
    secret: rds/other
    strategy: alternating-users
    every: 12h
    window: {from: "22:30", to: "04:00", days: [SAT, SUN]}
    engine: postgres
    master: rds/master
    generate: {kind: password, key: pw, length: 40, exclude: "%$", noPunctuation: true, requireEach: true}
    tls: {mode: require, caFile: ca.pem}
    after:
      - targets: {stores: [dr], accounts: ["111111111111"], regions: [eu-west-1], clusters: [prod], namespaces: [apps]}
        ecs: [{cluster: apps, service: web, account: "111111111111", region: eu-west-1, role: Deploy, wait: true}]
        webhook: {url: "https://hooks.example.com/x", secretEnv: KEY, timeout: 30s}
        gate:
          - {command: [check, "", check], within: 5m}
          - {http: "https://app.example.com/healthz"}
          - {login: true}
      - {}
  - {store: hub, secret: key, schedule: cron(0 3 ? * SUN *), engine: generate, generate: {kind: rsa, publicKey: public}, master: {store: dr, secret: m}}
  - {store: dr, secret: a, exec: {command: [rotate, now], timeout: 2m}}
  - {store: dr, secret: b, webhook: {url: "https://rotate.example.com"}}
`

func TestRotationsAreReadAsTheyAreMeant(t *testing.T) {
	day := 24 * time.Hour
	want := []Rotation{
		{Store: "hub", Secret: "rds/app", Strategy: "single-user", Every: 30 * day},
		{
			Store: "hub", Secret: "rds/other", Strategy: "alternating-users", Every: 12 * time.Hour, Engine: "postgres", Master: &SecretRef{"hub", "rds/master"},
			Window:   &Window{22*time.Hour + 30*time.Minute, 4 * time.Hour, []time.Weekday{time.Saturday, time.Sunday}},
			Generate: Generate{Kind: "password", Key: "pw", Length: 40, Exclude: "%$", NoPunctuation: true, RequireEach: true},
			TLS:      RotationTLS{"require", "ca.pem"},
			After: []Wave{{
				Targets: Targets{[]secret.StoreName{"dr"}, []secret.AccountID{"111111111111"}, []secret.Region{"eu-west-1"}, []string{"prod"}, []string{"apps"}},
				ECS:     []ECSService{{"apps", "web", "111111111111", "eu-west-1", "Deploy", true}},
				Webhook: &RotationWebhook{"https://hooks.example.com/x", "KEY", 30 * time.Second},
				Gate:    []Probe{{Command: []string{"check", "", "check"}, Within: 5 * time.Minute}, {HTTP: "https://app.example.com/healthz"}, {Login: true}},
			}, {}},
		},
		{
			Store: "hub", Secret: "key", Schedule: "cron(0 3 ? * SUN *)", Engine: "generate", Generate: Generate{Kind: "rsa", PublicKey: "public"},
			Master: &SecretRef{"dr", "m"},
		},
		{Store: "dr", Secret: "a", Engine: "exec", Exec: &Exec{[]string{"rotate", "now"}, 2 * time.Minute}},
		{Store: "dr", Secret: "b", Engine: "webhook", Webhook: &RotationWebhook{URL: "https://rotate.example.com"}},
	}
	if diff := cmp.Diff(want, mustParse(t, wholeRotations).Rotations, cmpopts.IgnoreUnexported(Rotation{})); diff != "" {
		t.Error(diff)
	}
}

func TestHowSecretsAreRotatedMakesNoPlanStale(t *testing.T) {
	if mustParse(t, wholeRotations).Digest != mustParse(t, beforeNotify).Digest {
		t.Error("rotations change the digest")
	}
}

func TestRotationsThatCanNotBeSaySo(t *testing.T) {
	for _, c := range []struct{ entry, want string }{
		{`{store: hub}`, `has no "secret"`},
		{`{store: nowhere, secret: a}`, `store "nowhere" is not defined`},
		{`{store: hub, secret: "arn:aws:secretsmanager:us-east-1:111122223333:secret:a-123456"}`, "name the secret, not its ARN"},
		{`{store: hub, secret: a}, {store: hub, secret: a}`, "this secret is here twice: the first is in line 4"},
		{`{store: hub, secret: a, strategy: both}`, "must be single-user or alternating-users"},
		{`{store: hub, secret: a, every: 30 days}`, "how often, in hours or days: 12h, 30d"},
		{`{store: hub, secret: a, every: 1m}`, "how often, in hours or days: 12h, 30d"},
		{`{store: hub, secret: a, every: 1d, schedule: rate(1 day)}`, "give either every or schedule"},
		{`{store: hub, secret: a, window: {from: "01:00", to: "02:00"}}`, "a window needs every"},
		{`{store: hub, secret: a, every: 1d, window: {from: "01:00", to: "01:00"}}`, "from and to are the same"},
		{`{store: hub, secret: a, every: 1d, window: {from: "24:00", to: "01:00"}}`, "is not a time of day"},
		{`{store: hub, secret: a, every: 1d, window: {from: "1:00", to: "02:00", days: [Monday]}}`, `"Monday" is not SUN, MON`},
		{`{store: hub, secret: a, exec: {command: [x]}, webhook: {url: "https://x.example"}}`, "give either exec or webhook"},
		{`{store: hub, secret: a, engine: postgres, exec: {command: [x]}}`, `engine "postgres" takes neither exec nor webhook`},
		{`{store: hub, secret: a, engine: exec}`, `engine "exec" needs its settings`},
		{`{store: hub, secret: a, exec: {command: []}}`, "is an empty list"},
		{`{store: hub, secret: a, exec: {command: [""]}}`, "is empty"},
		{`{store: hub, secret: a, generate: {length: 4}}`, "must be from 8 to 8192"},
		{`{store: hub, secret: a, after: [{}, {targets: {stores: [dr]}}]}`, "must be the last one"},
		{`{store: hub, secret: a, after: [{targets: {}}]}`, "is empty: leave it out"},
		{`{store: hub, secret: a, after: [{gate: [{login: false}]}]}`, "leave it out, or write true"},
		{`{store: hub, secret: a, after: [{gate: [{login: true, http: "https://x.example"}]}]}`, "give exactly one of command, http and login"},
		{`{store: hub, secret: a, after: [{ecs: [{cluster: "arn:aws:ecs:x", service: s}]}]}`, "is not a name"},
		{`{store: hub, secret: a, generate: {kind: hex, publicKey: p}}`, "publicKey is for the kinds rsa and ed25519"},
		{`{store: hub, secret: a, generate: {kind: rsa, length: 512}}`, "must be from 2048 to 8192"},
		{`{store: hub, secret: a, generate: {kind: uuid, length: 16}}`, "length does not apply to uuid"},
		{`{store: hub, secret: a, generate: {length: 5000}}`, "length must be 4096 or less"},
		{`{store: hub, secret: a, engine: generate, strategy: alternating-users}`, "knows no users"},
		{`{store: hub, secret: a, tls: {mode: disable, caFile: x}}`, "nothing that caFile would verify"},
		{`{store: hub, secret: a, master: a}`, "can't be its own master"},
		{`{store: hub, secret: a, speed: fast}`, `unknown key "speed"`},
	} {
		_, err := Parse("x.yaml", []byte(beforeNotify+"rotations: ["+c.entry+"]\n"), testEnv, testKinds())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "x.yaml:4:") {
			t.Errorf("%s: got %v, want %q", c.entry, err, c.want)
		}
	}
}
