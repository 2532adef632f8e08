package config

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// wholeSecret has every key, and values of every form.
const wholeSecret = `version: 1
owner: team
limits: {deletes: 5, deletePercent: 10}
stores:
  hub: {type: aws-secrets-manager, region: us-east-1, account: "012345670123", kmsKey: alias/app}
  spokes: {type: aws-secrets-manager, role: SecretSyncRole, externalId: the-id, allow: {accounts: ["111111111111"]}}
  other: {type: box, address: there, retries: 3, tls: true, method: token, labels: {a: b}, free: {account: "111111111111"}}
groups:
  Prod: {accounts: ["111111111111"], region: eu-west-1}
groupsFrom: {store: hub, secret: secret-sync/config}
syncs:
  - name: one
    from: hub
    select: {prefix: [app/], glob: ["x/*"], names: [n], tags: {team: blue}, exclude: ["y/**"]}
    to: [{store: spokes, accounts: ["111111111111"], groups: [Prod], regions: [us-west-2], except: {accounts: ["222222222222"], groups: [Dev], regions: [eu-west-1]}, name: "x/{{ .Name }}/{{ .Key }}", value: {split: [user, pass]}}]
    value: {keys: {include: [user, pass], exclude: [other], rename: {pass: word}}, merge: "{{ .Base | lower }}", template: "{{ json .Secrets }}"}
    schedule: rate(1 hour)
    deletion: delete
    recoveryDays: 7
    drift: mend
    existing: refuse
    tags: copy
notify:
  - sns: {topicArn: "arn:aws:sns:us-east-1:111111111111:failures", region: us-east-1, subject: Subject, text: Text}
  - smtp: {host: mail.example.com, port: 587, from: a@example.com, to: [b@example.com], tls: starttls, username: user, passwordEnv: NAME, caFile: ca.pem}
  - webhook: {url: "https://hooks.example.com/x", secretFile: key, allowLocal: true}
  - slack: {urlEnv: NAME, text: Text}
`

// TestNoMistakeInASecretIsQuoted puts a canary in the place of every word, one after the other, in forms that break different rules.
func TestNoMistakeInASecretIsQuoted(t *testing.T) {
	if _, err := ParseSecret("ssm:x", []byte(wholeSecret), testEnv, testKinds()); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, at := range regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9/.*-]*`).FindAllStringIndex(wholeSecret, -1) {
		for _, form := range []string{canary, canary + "/*?", "${" + canary + "}", "${SECRET}", "$" + "{" + canary, "!!" + canary + " x", "{" + canary + ": 1}", "[" + canary + "]", canary + ": " + canary,
			canary + ": vault", canary + strings.Repeat("z", 700), canary + "é/[]", `"` + canary + `\n"`, "&" + canary + " x", "*" + canary} {
			text := wholeSecret[:at[0]] + form + wholeSecret[at[1]:]
			f, err := ParseSecret("ssm:x", []byte(text), testEnv, testKinds())
			if err == nil {
				var opened map[string]any
				for _, s := range f.Stores {
					if bad := s.Decode(&opened); bad != nil {
						err = bad
					}
				}
				if infos, bad := open(f); bad != nil {
					err = bad
				} else if err == nil {
					err = Check(f, infos)
				}
			}
			if err != nil {
				failed++
				if strings.Contains(err.Error(), canary) {
					t.Fatalf("%q in line %d is quoted: %v", form, strings.Count(wholeSecret[:at[0]], "\n")+1, err)
				}
			}
		}
	}
	if failed < 1000 {
		t.Errorf("%d mistakes were tried", failed)
	}
}

func TestAMistakeInASecretIsFoundByItsPlaceAndItsRule(t *testing.T) {
	const all = "and, base64, eq, ge, gt, has, index, join, json, le, len, lower, lt, ne, not, or, replace, slice, split, trim, trimPrefix, trimSuffix, unbase64, upper, urlquery"
	for text, want := range map[string]string{
		"version: 1\nstores: {}\nsyncs: []\n":                                  "ssm:x:2:9: … is empty: give it an entry or leave it out\nssm:x:3:8: … is an empty list: give it an entry or leave it out",
		strings.Replace(wholeSecret, "owner: team", "owner: te am", 1):         "ssm:x:2:8: owner …: it must be 1 to 64 letters, digits, dots, underscores and hyphens: it is written into tags",
		strings.Replace(wholeSecret, "deletes: 5", "deletes: -5", 1):           "ssm:x:3:19: … must be 0 or more, not …",
		strings.Replace(wholeSecret, "drift: mend", "drift: off", 1):           "ssm:x:20:12: … must be mend or report, not …",
		strings.Replace(wholeSecret, "version: 1\n", "", 1):                    "ssm:x:1:1: … has no \"version\"",
		strings.Replace(wholeSecret, "type: box", "type: vault", 1):            "ssm:x:7:17: …: type … is not known",
		strings.Replace(wholeSecret, "exclude: [other]", "exclude: [pass]", 1): "ssm:x:16:12: …: the key … is under include and under exclude",
		strings.Replace(wholeSecret, ".Base | lower", ".Base | print", 1):      "ssm:x:16:91: …: line 1, column 1 of the template: …: this function is not allowed here; there is " + all,
		"{username: u, password: p}":                                           "ssm:x: the secret holds no configuration",
		strings.Replace(wholeSecret, "owner: team", "owner: a\nowner: b", 1):   "ssm:x:3:1: the key … is here twice: the first is in line 2",
	} {
		if _, err := ParseSecret("ssm:x", []byte(text), testEnv, testKinds()); err == nil || err.Error() != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

func TestWhatIsNotInThisVersionSaysSo(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"allow: {accounts", "allow: {organization: o-1, accounts", `x.yaml:6:89: "organization" in store "spokes": allow is not in this version`},
	} {
		_, err := Parse("x.yaml", []byte(strings.Replace(wholeSecret, c.old, c.new, 1)), testEnv, testKinds())
		if err == nil || err.Error() != c.want {
			t.Errorf("got\n%v\nwant\n%s", err, c.want)
		}
	}
}

func TestWhatIsFoundOnceStoresAreOpenQuotesNothingOfASecret(t *testing.T) {
	text := strings.NewReplacer("hub", canary, "name: one", "name: "+canary+"1", `to: [{store: spokes, accounts: ["111111111111"]`, `to: [{store: spokes, accounts: ["333333333333"]`).Replace(wholeSecret)
	f, err := ParseSecret("ssm:x", []byte(text), testEnv, testKinds())
	if err != nil {
		t.Fatal(err)
	}
	var settings struct {
		Region int `yaml:"region"`
	}
	infos := map[secret.StoreName]StoreInfo{canary: {One: true}, "spokes": {Allow: []secret.AccountID{"111111111111"}}}
	for what, err := range map[string]error{
		"a setting": f.Stores[0].Decode(&settings), "a whole store": f.Stores[0].Decode(new(string)), "a check": Check(f, infos), "a store": f.StoreError(canary, errors.New("x")),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "ssm:x:") {
			t.Errorf("%s: got %v", what, err)
		} else if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "333333333333") || strings.Contains(err.Error(), "us-east") {
			t.Errorf("%s is quoted: %v", what, err)
		}
	}
}
