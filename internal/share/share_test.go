package share_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/share"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func sameJSON(t *testing.T, a, b string) {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil || !reflect.DeepEqual(x, y) {
		t.Errorf("%s is not %s", a, b)
	}
}

func denied(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "AccessDeniedException") || !strings.Contains(err.Error(), text) {
		t.Fatalf("error %v, want a denial with %q", err, text)
	}
}

func TestAnotherAccountReadsWhatIsSharedAndNothingElse(t *testing.T) {
	w := newWorld(t, everything)
	db, otherDB := w.arn("app/db"), w.arn("app/other")
	keyBefore := w.keyPolicy()
	denied(t, w.reads("READER", db), "no resource-based policy allows")

	p := w.must("app/db", reader, false)
	if len(p.Changes) != 2 || p.Changes[0].Kind != share.OfKey || p.Changes[1].Kind != share.OfSecret {
		t.Fatalf("changes: %+v", p.Changes)
	}
	for _, c := range p.Changes {
		if c.Outcome != share.Applied {
			t.Errorf("%s: %s", c.Kind, c.Outcome)
		}
	}
	if err := w.reads("READER", db); err != nil {
		t.Fatal(err)
	}
	denied(t, w.reads("READER", otherDB), "no resource-based policy allows")
	denied(t, w.reads("BYSTANDER", db), "no resource-based policy allows")
	denied(t, w.reads("222222222222", db), "no resource-based policy allows") // the account as a whole was not named

	w.must("app/db", reader, true)
	denied(t, w.reads("READER", db), "no resource-based policy allows")
	if got := w.policy("app/db"); got != "" {
		t.Errorf("the resource policy is not deleted: %s", got)
	}
	sameJSON(t, w.keyPolicy(), keyBefore)
}

func TestTheKeyOpensForTheSharedSecretOnly(t *testing.T) {
	w := newWorld(t, everything)
	w.must("app/db", reader, false)
	// somebody opens the other secret by hand, and leaves the key alone
	open := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + reader + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`
	if _, err := w.secrets(hub).PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{SecretId: aws.String("app/other"), ResourcePolicy: &open}); err != nil {
		t.Fatal(err)
	}
	denied(t, w.reads("READER", w.arn("app/other")), "Access to KMS is not allowed")
	blob, err := w.keys(hub).Encrypt(t.Context(), &kms.EncryptInput{KeyId: aws.String(key), Plaintext: []byte("x"), EncryptionContext: map[string]string{"SecretARN": w.arn("app/db")}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.keys("READER").Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: blob.CiphertextBlob, EncryptionContext: map[string]string{"SecretARN": w.arn("app/db")}})
	denied(t, err, "no resource-based policy allows the kms:Decrypt action")
}

func TestAnAccountAsAWholeIsNamedByItsDigits(t *testing.T) {
	w := newWorld(t, everything)
	p := w.must("app/db", other, false)
	if p.Principal != "arn:aws:iam::222222222222:root" {
		t.Errorf("principal %s", p.Principal)
	}
	for _, who := range []string{"READER", "BYSTANDER", other} {
		if err := w.reads(who, w.arn("app/db")); err != nil {
			t.Errorf("%s: %v", who, err)
		}
	}
}

func TestTheIdentityPolicyIsEnoughAndNoStatementOfItIsTooMuch(t *testing.T) {
	w := newWorld(t, everything)
	whole := w.must("app/db", reader, false).Identity()
	for drop := -1; drop < len(whole.Statement); drop++ {
		own := *whole
		if drop >= 0 {
			own.Statement = slices.Delete(slices.Clone(whole.Statement), drop, drop+1)
		}
		text, err := json.Marshal(own)
		if err != nil {
			t.Fatal(err)
		}
		// the policy of a session bounds what the role may do to what stands in it
		out, err := sts.NewFromConfig(w.config("BYSTANDER")).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String(reader), RoleSessionName: aws.String("session"), Policy: aws.String(string(text))})
		if err != nil {
			t.Fatal(err)
		}
		cfg := w.config("")
		cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, "any", *out.Credentials.SessionToken)
		_, err = secretsmanager.NewFromConfig(cfg).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(w.arn("app/db"))})
		if (err == nil) != (drop < 0) {
			t.Errorf("without statement %d: %v", drop, err)
		}
	}
}

func TestSharingAgainWritesNothing(t *testing.T) {
	w := newWorld(t, everything)
	w.must("app/db", reader, false)
	w.aws.Ledger().Reset()
	p := w.must("app/db", reader, false)
	if p.Needed() || w.aws.Ledger().Count(awslocal.Match{Operation: "Put*"}) != 0 {
		t.Errorf("it writes again: %+v", p)
	}
	for _, c := range p.Changes {
		if c.Outcome != share.Unchanged || c.Diff() != "" {
			t.Errorf("%s: %s", c.Kind, c.Outcome)
		}
	}
	if w.aws.Ledger().Count(awslocal.Match{Operation: "GetSecretValue"}) != 0 {
		t.Error("it reads a value")
	}
	w.must("app/db", reader, true)
	w.aws.Ledger().Reset()
	if p := w.must("app/db", reader, true); p.Needed() || w.aws.Ledger().Count(awslocal.Match{Operation: "Put*"})+w.aws.Ledger().Count(awslocal.Match{Operation: "Delete*"}) != 0 {
		t.Errorf("it revokes again: %+v", p)
	}
}

func TestOneRevocationLeavesTheOthers(t *testing.T) {
	w := newWorld(t, everything)
	w.must("app/db", reader, false)
	w.must("app/db", "arn:aws:iam::222222222222:role/bystander", false)
	w.must("app/other", reader, false)
	w.must("app/db", reader, true)
	denied(t, w.reads("READER", w.arn("app/db")), "")
	if err := w.reads("BYSTANDER", w.arn("app/db")); err != nil {
		t.Error(err)
	}
	if err := w.reads("READER", w.arn("app/other")); err != nil {
		t.Error(err)
	}
}

func TestWhatCanNotBeSharedIsRefusedWithTheWayOut(t *testing.T) {
	w := newWorld(t, everything)
	for _, c := range []struct {
		name, whom string
		kind       error
		text       string
	}{
		{"app/plain", reader, store.ErrKey, "update-secret --secret-id app/plain --kms-key-id"},
		{"app/db", hub, store.ErrInvalid, "attach a policy with secretsmanager:GetSecretValue"},
		{"app/db", "arn:aws-cn:iam::222222222222:role/reader", store.ErrInvalid, "partition"},
		{"app/none", reader, store.ErrNotFound, "DescribeSecret"},
	} {
		_, err := w.run(c.name, c.whom, false)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s with %s: %v", c.name, c.whom, err)
		}
	}
	if n := w.aws.Ledger().Count(awslocal.Match{Operation: "Put*"}); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestASecretThatIsPublicAlreadyIsNotSharedAndCanBeRevoked(t *testing.T) {
	w := newWorld(t, everything)
	w.must("app/db", reader, false)
	public := `{"Version":"2012-10-17","Statement":[{"Sid":"Oops","Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"},` +
		strings.TrimSuffix(strings.SplitN(w.policy("app/db"), `"Statement":[`, 2)[1], "]}") + `]}`
	if _, err := w.secrets(hub).PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{SecretId: aws.String("app/db"), ResourcePolicy: &public}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.run("app/db", "333333333333", false); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), `"Oops"`) {
		t.Errorf("sharing: %v", err)
	}
	l, err := share.List(t.Context(), w.sharing("{}"), "app/db")
	if err != nil || len(l.Grants) != 2 || !l.Grants[0].Public || l.Grants[0].Ours || !l.Grants[1].Ours || !*l.Grants[1].Key || !l.Grants[1].Elsewhere {
		t.Errorf("listing: %+v, %v", l, err)
	}
	w.must("app/db", reader, true)
	if got := w.policy("app/db"); !strings.Contains(got, "Oops") || strings.Contains(got, "SecretSyncShare") {
		t.Errorf("policy: %s", got)
	}
}

func TestAPolicyThatMovesMeanwhileStopsTheWrite(t *testing.T) {
	w := newWorld(t, everything)
	s := w.sharing("{}")
	p, err := share.Make(t.Context(), s, share.Request{Secret: "app/db", With: principal(t, reader)})
	if err != nil {
		t.Fatal(err)
	}
	w.must("app/other", reader, false) // under the same key
	keyPolicy := w.keyPolicy()
	if err := share.Apply(t.Context(), s, p); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("error %v", err)
	}
	if p.Changes[0].Outcome != share.Failed || p.Changes[1].Outcome != share.Skipped || w.keyPolicy() != keyPolicy || w.policy("app/db") != "" {
		t.Errorf("something was written: %+v", p.Changes)
	}
}

func TestWhatStandsAfterAFailureIsSaidAndRepeatingMendsIt(t *testing.T) {
	for _, c := range []struct {
		revoke    bool
		operation string
		text      string
		reads     bool
	}{
		{false, "PutResourcePolicy", "can't read the secret yet", false},
		{true, "PutKeyPolicy", "can no longer read the secret", false},
	} {
		w := newWorld(t, everything)
		if c.revoke {
			w.must("app/db", reader, false)
		}
		w.aws.Faults().Add(awslocal.Fault{Operation: c.operation, Code: "AccessDeniedException", Message: "no"})
		p, err := w.run("app/db", reader, c.revoke)
		if !errors.Is(err, store.ErrNotPermitted) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "Run the same command again") || !strings.Contains(err.Error(), c.operation) {
			t.Errorf("%s: %v", c.operation, err)
		}
		if p.Changes[0].Outcome != share.Applied || p.Changes[1].Outcome != share.Failed {
			t.Errorf("%s: %+v", c.operation, p.Changes)
		}
		if err := w.reads("READER", w.arn("app/db")); (err == nil) != c.reads {
			t.Errorf("%s: reading: %v", c.operation, err)
		}
		w.aws.Faults().Clear()
		if p = w.must("app/db", reader, c.revoke); p.Changes[0].Outcome != share.Unchanged || p.Changes[1].Outcome != share.Applied {
			t.Errorf("%s: again: %+v", c.operation, p.Changes)
		}
	}
}

func TestADenialNamesTheAction(t *testing.T) {
	for operation, action := range map[string]string{
		"GetResourcePolicy": "secretsmanager:GetResourcePolicy", "GetKeyPolicy": "kms:GetKeyPolicy", "PutKeyPolicy": "kms:PutKeyPolicy",
		"PutResourcePolicy": "secretsmanager:PutResourcePolicy", "DescribeSecret": "secretsmanager:DescribeSecret", "DescribeKey": "kms:DescribeKey",
	} {
		w := newWorld(t, everything)
		w.aws.Faults().Add(awslocal.Fault{Operation: operation, Code: "AccessDeniedException", Message: "no"})
		if _, err := w.run("app/db", reader, false); !errors.Is(err, store.ErrNotPermitted) || !strings.Contains(err.Error(), "grant "+action) {
			t.Errorf("%s: %v", operation, err)
		}
	}
	w := newWorld(t, everything)
	w.aws.Faults().Add(awslocal.Fault{Operation: "ValidateResourcePolicy", Code: "AccessDeniedException", Message: "no"})
	w.must("app/db", reader, false) // it is not needed
	w.aws.Faults().Add(awslocal.Fault{Operation: "GetKeyPolicy", Code: "AccessDeniedException", Message: "no"})
	if _, err := w.run("app/db", reader, true); !errors.Is(err, store.ErrNotPermitted) || !strings.Contains(err.Error(), "can no longer read") {
		t.Errorf("a revocation without the key's policy: %v", err)
	}
	denied(t, w.reads("READER", w.arn("app/db")), "")
}

func TestASecretIsNamedByItsARNToo(t *testing.T) {
	w := newWorld(t, everything)
	w.must(w.arn("app/db"), reader, false)
	if err := w.reads("READER", w.arn("app/db")); err != nil {
		t.Error(err)
	}
	s := w.sharing(`{account: "111111111111", region: eu-west-1}`)
	if _, err := s.Shared(t.Context(), secret.Name(strings.Replace(w.arn("app/db"), region, "us-east-1", 1))); err == nil {
		t.Error("a secret of another Region")
	}
}

func TestASecretOfAnotherAccountIsNotShared(t *testing.T) {
	w := newWorld(t, everything)
	out, err := w.secrets(other).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("theirs"), SecretString: aws.String(canary)})
	if err != nil {
		t.Fatal(err)
	}
	open := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"}]}`
	if _, err := w.secrets(other).PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{SecretId: out.ARN, ResourcePolicy: &open}); err != nil {
		t.Fatal(err)
	}
	r := share.Request{Secret: secret.Name(*out.ARN), With: principal(t, "333333333333")}
	if _, err := share.Make(t.Context(), w.sharingAs(hub, "{}"), r); !errors.Is(err, store.ErrInvalid) { // AWS lets us describe it
		t.Errorf("error %v", err)
	}
	if _, err := share.Make(t.Context(), w.sharingAs(hub, `{account: "222222222222"}`), r); !errors.Is(err, store.ErrWrongAccount) {
		t.Errorf("error %v", err)
	}
}

func TestChinaHasNamesOfItsOwn(t *testing.T) {
	w := newWorld(t, everything)
	s := w.sharingAs(hub, "{region: cn-north-1}")
	p, err := share.Make(t.Context(), s, share.Request{Secret: "app/db", With: principal(t, other)})
	if err != nil {
		t.Fatal(err)
	}
	if err := share.Apply(t.Context(), s, p); err != nil {
		t.Fatal(err)
	}
	if p.Principal != "arn:aws-cn:iam::222222222222:root" || !strings.Contains(string(p.Changes[0].New), "secretsmanager.cn-north-1.amazonaws.com.cn") {
		t.Errorf("%s: %s", p.Principal, p.Changes[0].New)
	}
	cfg := w.config("READER")
	cfg.Region = "cn-north-1"
	if _, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &p.Secret.ARN}); err != nil {
		t.Error(err)
	}
}
