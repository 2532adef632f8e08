package awslocal_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

func TestASeedIsThereFromTheStart(t *testing.T) {
	s := newServer(t, awslocal.Options{Seed: parseSeed(t, `
accounts:
  "012345678901":
    regions:
      us-east-1:
        keys:
          alias/app: {id: 11111111-2222-3333-4444-555555555555}
          alias/off: {enabled: false}
        secrets:
          app/db: {value: 007, description: d, kmsKey: alias/app, tags: {team: blue, since: 2026-01-02}}
          app/cert: {binary: AAEC/w==}
          app/empty: {}
  123456789012: {}
`)})
	c := secrets(s, "us-east-1", "012345678901")
	get := func(id string) *secretsmanager.GetSecretValueOutput {
		t.Helper()
		out, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := get("app/db"); *got.SecretString != "007" {
		t.Error("the value is not as it was written")
	}
	if got := get("app/cert"); string(got.SecretBinary) != "\x00\x01\x02\xff" {
		t.Error("the binary is not as it was written")
	}
	d, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("app/db")})
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for _, tag := range d.Tags {
		tags[*tag.Key] = *tag.Value
	}
	if *d.Description != "d" || tags["team"] != "blue" || tags["since"] != "2026-01-02" || d.KmsKeyId == nil {
		t.Errorf("description %v, tags %v, key %v", d.Description, tags, d.KmsKeyId)
	}
	if err := describe(c, "app/empty"); err != nil {
		t.Error(err)
	}
	put := func(key string) error {
		_, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("n-" + key[6:]), SecretString: aws.String("v"), KmsKeyId: &key})
		return err
	}
	if err := put("alias/off"); err == nil {
		t.Error("a key that the seed disables is used")
	}
	if err := put("alias/app"); err != nil {
		t.Error(err)
	}
}

const canary = "canary-51c0"

func TestASeedThatIsWrongSaysWhereAndQuotesNoValue(t *testing.T) {
	const account = "accounts:\n  \"123456789012\":\n"
	for _, c := range []struct{ name, yaml, want string }{
		{"unknown key", "account: {}", "seed.yaml:1:1: unknown key; a seed has accounts"},
		{"account", "accounts:\n  \"1234\": {}", "seed.yaml:2:3: an account is 12 digits"},
		{"key of an account", account + "    user: {}", "seed.yaml:3:5: unknown key; an account has users, roles, regions"},
		{"account twice", account + "    users: {}\n  \"123456789012\": {}", "seed.yaml:4:3: a key that stands twice"},
		{"list for a mapping", account + "    users: [" + canary + "]", "seed.yaml:3:12: must be a mapping"},
		{"Region", account + "    regions: {" + "useast1: {}}", "not the name of a Region"},
		{"user without key", account + "    users:\n      ann: {}", "seed.yaml:4:12: a user needs an accessKeyId"},
		{"access key twice", account + "    users: {a: {accessKeyId: K}, b: {accessKeyId: K}}", "somebody else has"},
		{"another account's root", account + "    users: {a: {accessKeyId: \"111111111111\"}}", "this is not the account"},
		{"role without trust", account + "    roles: {r: {}}", "needs a trust policy"},
		{"name of a role", account + "    roles: {\"a b\": {trust: {Statement: {Effect: Allow, Principal: '*', Action: 'sts:AssumeRole'}}}}", "named by up to 64"},
		{"policy", account + "    users: {a: {accessKeyId: K, policies: [{Statement: [{Effect: Maybe}]}]}}", "not a policy: Statement[0]: Effect: must be Allow or Deny"},
		{"policies that are no list", account + "    users: {a: {accessKeyId: K, policies: {}}}", "must be a list of policies"},
		{"Sid twice", account + "    users: {a: {accessKeyId: K, policies: ['{\"Statement\": [{\"Sid\": \"S\", \"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}, {\"Sid\": \"S\", \"Effect\": \"Deny\", \"Action\": \"*\", \"Resource\": \"*\"}]}']}}", `Sid "S" stands twice`},
		{"alias", account + "    regions: {us-east-1: {keys: {app: {}}}}", "a key is named by an alias"},
		{"AWS's alias", account + "    regions: {us-east-1: {keys: {alias/aws/x: {}}}}", "a key is named by an alias"},
		{"enabled", account + "    regions: {us-east-1: {keys: {alias/a: {enabled: 1}}}}", "must be true or false"},
		{"key that is not there", account + "    regions: {us-east-1: {secrets: {a: {value: " + canary + ", kmsKey: alias/none}}}}", "not among the keys"},
		{"value and binary", account + "    regions: {us-east-1: {secrets: {a: {value: " + canary + ", binary: AAAA}}}}", "not both"},
		{"value that is a mapping", account + "    regions: {us-east-1: {secrets: {a: {value: {" + canary + ": 1}}}}}", "must be a text"},
		{"value for the whole secret", account + "    regions: {us-east-1: {secrets: {a: " + canary + "}}}", "must be a mapping"},
		{"value as a key", account + "    regions: {us-east-1: {secrets: {a: {" + canary + "}}}}", "unknown key; a secret has value"},
		{"empty value", account + "    regions: {us-east-1: {secrets: {a: {value: ''}}}}", "must not be empty"},
		{"binary", account + "    regions: {us-east-1: {secrets: {a: {binary: " + canary + "!}}}}", "not base64"},
		{"not YAML", account + "    regions: {us-east-1: {secrets: {a: {value: *" + canary + "}}}}", "not valid YAML"},
		{"not YAML, a quote", account + "    regions: \"" + canary, "seed.yaml:"},
		{"not YAML, a tab", account + "\tx: " + canary, "not valid YAML"},
		{"two documents", "accounts: {}\n---\naccounts: {}", "seed.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := awslocal.ParseSeed(strings.NewReader(c.yaml), "seed.yaml")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error quotes a value: %v", err)
			}
		})
	}
}

func TestAllMistakesOfASeedAreReportedAtOnce(t *testing.T) {
	_, err := awslocal.ParseSeed(strings.NewReader("accounts:\n  \"1\": {}\n  \"2\": {x: 1}\ny: 1\n"), "s")
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("error %v, want 4 lines", err)
	}
}

func TestASeedPrintsWithoutItsValues(t *testing.T) {
	seed := parseSeed(t, "accounts: {\"123456789012\": {regions: {us-east-1: {secrets: {a: {value: "+canary+"}, b: {binary: Y2FuYXJ5}}}}}}")
	if text := fmt.Sprintf("%v %+v %#v", seed.Accounts, seed.Accounts, seed.Accounts); strings.Contains(text, canary) || strings.Contains(text, "99 97 110") {
		t.Error("a value is printed")
	}
}

func TestASeedThatASecretsNameBreaksIsAnErrorOfNew(t *testing.T) {
	_, err := awslocal.New(awslocal.Options{Seed: parseSeed(t, "accounts: {\"123456789012\": {regions: {us-east-1: {secrets: {'a b': {value: "+canary+"}}}}}}")})
	if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), `"a b"`) {
		t.Errorf("error %v", err)
	}
	_, err = awslocal.New(awslocal.Options{Seed: parseSeed(t, "accounts: {\"123456789012\": {regions: {us-east-1: {keys: {alias/a: {id: x}}}}}}")})
	if err == nil || !strings.Contains(err.Error(), `key "alias/a"`) {
		t.Errorf("error %v", err)
	}
}

func TestASeedWithAValueThatNoSecretHoldsIsAnErrorWithItsPlace(t *testing.T) {
	const canary = "CANARY"
	for bytes, wrong := range map[int]bool{65536: false, 65537: true} {
		value := canary + strings.Repeat("x", bytes-len(canary))
		for key, text := range map[string]string{"value": value, "binary": base64.StdEncoding.EncodeToString([]byte(value))} {
			_, err := awslocal.ParseSeed(strings.NewReader("accounts:\n  \"123456789012\": {regions: {us-east-1: {secrets: {a: {"+key+": "+text+"}}}}}\n"), "s.yaml")
			want := fmt.Sprintf("s.yaml:2:%d: larger than 65,536 bytes, the most that a secret holds", len(`  "123456789012": {regions: {us-east-1: {secrets: {a: {`)+len(key)+3)
			if wrong && (err == nil || err.Error() != want) || !wrong && err != nil {
				t.Errorf("%d bytes as %s: the error is not the one wanted, which is %q", bytes, key, want)
			}
		}
	}
}
