package ssm_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
	"github.com/secretsync-dev/secretsync/internal/awslocal/ssm"
)

func appKey(o *awslocal.Options) {
	o.Seed = &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{account: {Regions: map[string]awslocal.SeedRegion{region: {
		Keys: map[string]awslocal.SeedKey{"alias/app": {}},
	}}}}}
}

// keyCalls returns the calls to KMS since a mark, as "use=outcome".
func (w *world) keyCalls(since awslocal.Mark) string {
	var all []string
	for _, c := range w.s.Ledger().Since(since).Where(awslocal.Match{Service: "kms", Internal: true}) {
		all = append(all, strings.TrimSuffix(c.Operation+"="+c.Outcome, "="))
	}
	return strings.Join(all, " ")
}

func TestASecureStringIsEncryptedByKMS(t *testing.T) {
	w := newWorld(t, appKey)
	app := func(in *sdk.PutParameterInput) { in.KeyId = aws.String("alias/app") }
	step := func(what, want string, do func()) {
		t.Helper()
		mark := w.s.Ledger().Mark()
		do()
		if got := w.keyCalls(mark); got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	step("a standard one", "Encrypt", func() { w.mustPut("std", canary, secure) })
	step("an advanced one", "GenerateDataKey", func() { w.mustPut("adv", canary, secure, advanced, app) })
	step("a String", "", func() { w.mustPut("plain", "v"); w.mustGet("plain") })
	step("reading", "Decrypt", func() {
		if *w.mustGet("std").Value != canary {
			t.Error("not the value")
		}
	})
	step("reading without decryption", "", func() {
		out, err := w.c.GetParameter(t.Context(), &sdk.GetParameterInput{Name: aws.String("adv")})
		if err != nil || *out.Parameter.Value == "" || strings.Contains(*out.Parameter.Value, canary) {
			t.Errorf("%v, %v", out, err)
		}
	})
	step("a list", "Decrypt Decrypt", func() {
		if _, err := w.c.GetParameters(t.Context(), &sdk.GetParametersInput{Names: []string{"std", "plain", "adv"}, WithDecryption: aws.Bool(true)}); err != nil {
			t.Error(err)
		}
	})
	step("the history", "Decrypt", func() {
		if _, err := w.c.GetParameterHistory(t.Context(), &sdk.GetParameterHistoryInput{Name: aws.String("adv"), WithDecryption: aws.Bool(true)}); err != nil {
			t.Error(err)
		}
	})
	if std, adv := *w.describe("std").KeyId, *w.describe("adv").KeyId; std != "alias/aws/ssm" || adv != "alias/app" {
		t.Errorf("keys %s and %s", std, adv)
	}

	_, err := w.put("new", canary, secure, func(in *sdk.PutParameterInput) { in.KeyId = aws.String("alias/none") })
	wantCode(t, err, "InvalidKeyId", "alias/none is not found")
	if err := w.s.DisableKey(account, region, "alias/app"); err != nil {
		t.Fatal(err)
	}
	_, err = w.get("adv")
	wantCode(t, err, "InvalidKeyId", "is disabled")
	_, err = w.put("adv", canary, overwrite)
	wantCode(t, err, "InvalidKeyId", "is disabled")
	if v := w.describe("adv").Version; v != 1 {
		t.Errorf("a refused write made version %d", v)
	}
	_, err = w.c.GetParametersByPath(t.Context(), &sdk.GetParametersByPathInput{Path: aws.String("/"), WithDecryption: aws.Bool(true)})
	wantCode(t, err, "InvalidKeyId", "is disabled")
}

// slowKeys is a KMS in the middle of whose next call something happens.
type slowKeys struct{ during func() }

func (k *slowKeys) Use(*service.Request, string, string, service.KeyUse, map[string]string) *service.Error {
	if do := k.during; do != nil {
		k.during = nil
		do()
	}
	return nil
}

func TestAWriteThatWasOvertakenWhileAtKMSLooksAgain(t *testing.T) {
	keys := &slowKeys{}
	svc := ssm.New(keys, nil, nil)
	call := func(op, body string) (string, *service.Error) {
		res, refused := svc.Serve(t.Context(), &service.Request{Account: account, Region: region, Operation: op, Body: []byte(body)})
		if refused != nil {
			return "", refused
		}
		text, err := json.Marshal(res.JSON)
		if err != nil {
			t.Fatal(err)
		}
		return string(text), nil
	}
	other := func(op, body string) func() {
		return func() {
			if _, refused := call(op, body); refused != nil {
				t.Error(refused)
			}
		}
	}
	keys.during = other("PutParameter", `{"Name":"p","Value":"other","Type":"SecureString"}`)
	if _, refused := call("PutParameter", `{"Name":"p","Value":"late","Type":"SecureString"}`); refused == nil || refused.Code != "ParameterAlreadyExists" {
		t.Errorf("a creation that came too late: %v", refused)
	}
	keys.during = other("PutParameter", `{"Name":"p","Value":"other","Overwrite":true}`)
	if got, refused := call("PutParameter", `{"Name":"p","Value":"late","Overwrite":true}`); refused != nil || got != `{"Tier":"Standard","Version":3}` {
		t.Errorf("an overwrite that came too late: %s, %v", got, refused)
	}
	keys.during = other("DeleteParameter", `{"Name":"p"}`)
	if got, refused := call("GetParametersByPath", `{"Path":"/","WithDecryption":true}`); refused != nil || !strings.Contains(got, `"Value":"late"`) {
		t.Errorf("a value that was deleted while it was read: %s, %v", got, refused)
	}
}

func TestConcurrentOverwritesMakeAVersionEach(t *testing.T) {
	w := newWorld(t)
	w.mustPut("p", "0", secure)
	const writers = 20
	done := make(chan int64, writers)
	for range writers {
		go func() {
			out, err := w.put("p", "v", overwrite)
			if err != nil {
				t.Error(err)
				done <- 0
				return
			}
			done <- out.Version
		}()
	}
	seen := map[int64]bool{}
	for range writers {
		seen[<-done] = true
	}
	if len(seen) != writers || w.mustGet("p").Version != writers+1 {
		t.Errorf("%d versions of %d writes, the latest %d", len(seen), writers, w.mustGet("p").Version)
	}
}
