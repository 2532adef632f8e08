package secretsmanager_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

// wantKind fails unless err is of a kind, nil for none, and holds no value.
func wantKind(t *testing.T, err, kind error) {
	t.Helper()
	if kind == nil && err != nil || kind != nil && !errors.Is(err, kind) {
		t.Fatalf("got the error %v, want one of kind %v", err, kind)
	}
	if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		t.Error("the error holds the value")
	}
}

func TestEachCodeOfAWSHasItsKind(t *testing.T) {
	for _, test := range []struct {
		code, message string
		want          error
		says          string
	}{
		{"AccessDeniedException", "User: arn:aws:sts::222222222222:assumed-role/SecretSyncRole/x is not authorized to perform: secretsmanager:TagResource on resource: x", store.ErrNotPermitted, "grant secretsmanager:TagResource to arn:aws:iam::222222222222:role/SecretSyncRole"},
		{"AccessDeniedException", "no", store.ErrNotPermitted, "grant secretsmanager:CreateSecret"},
		{"AccessDeniedException", "User: x is not authorized to perform: kms:GenerateDataKey on this resource", store.ErrNotPermitted, "grant kms:GenerateDataKey"},
		{"EncryptionFailure", "the key is disabled", store.ErrKey, "the key is disabled"},
		{"DecryptionFailure", "x", store.ErrKey, ""},
		{"LimitExceededException", "You can't have more", store.ErrInvalid, "You can't have more"},
		{"InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.", store.ErrScheduled, ""},
		{"InvalidParameterException", "bad", store.ErrInvalid, "bad"},
		{"ValidationException", "Value '" + canary + "1' at 'secretString' failed to satisfy constraint", store.ErrInvalid, "withheld"},
		{"SomethingNew", "echo: " + canary + "1", nil, "withheld"},
		{"ExpiredTokenException", "", store.ErrCredentials, "expired"},
		{"UnrecognizedClientException", "", store.ErrCredentials, "unknown to AWS"},
		{"ThrottlingException", "", store.ErrThrottled, "Rate exceeded"},
		{"InternalServiceError", "", store.ErrUnavailable, ""},
	} {
		t.Run(test.code+" "+test.says, func(t *testing.T) {
			b := newBench(t, "")
			b.server.Faults().Add(awslocal.Fault{Operation: "CreateSecret", Code: test.code, Message: test.message})
			_, err := b.dest.Write(t.Context(), writing(1, nil))
			if err == nil {
				t.Fatal("no error")
			}
			if test.want != nil {
				wantKind(t, err, test.want)
			}
			wantKind(t, err, err)
			var e *store.Error
			if !errors.As(err, &e) || e.Op != "CreateSecret" || e.Name != "app/db" || e.Place.String() != spoke+"/"+home || e.Code != test.code {
				t.Errorf("got %+v", e)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
		})
	}
}

func TestAListingThatFailsOnALaterPageIsAnErrorAndNoShortList(t *testing.T) {
	b := newBench(t, "")
	for i := range 120 {
		b.back.Put(t, secret.Name(fmt.Sprint("app/", i)), secret.Text([]byte("x")))
	}
	for _, code := range []string{"ThrottlingException", "InternalServiceError", "AccessDeniedException", "InvalidNextTokenException"} {
		remove := b.server.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Code: code, After: 1})
		if all, err := b.dest.List(t.Context()); err == nil || all != nil {
			t.Errorf("%s: got %d copies and the error %v", code, len(all), err)
		}
		remove()
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Code: "InvalidNextTokenException", After: 1, Times: 1})
	if all, err := b.dest.List(t.Context()); err != nil || len(all) != 120 {
		t.Errorf("an expired page token: got %d copies and the error %v, want the listing begun again", len(all), err)
	}
}

func TestAReadThatIsDeniedInBatchesGoesOneByOneForTheRestOfTheRun(t *testing.T) {
	b := newBench(t, "")
	var names []secret.Name
	for i := range 45 {
		names = append(names, secret.Name(fmt.Sprint("app/", i)))
		b.back.Put(t, names[i], secret.Text([]byte(names[i])))
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "BatchGetSecretValue", Code: "AccessDeniedException"})
	b.server.Faults().Add(awslocal.Fault{Operation: "GetSecretValue", Resource: "app/7", Code: "AccessDeniedException"})
	verifier := b.dest.(store.Verifier)
	for range 2 {
		for i, r := range verifier.Read(t.Context(), names) {
			if i == 7 {
				wantKind(t, r.Err, store.ErrNotPermitted)
				continue
			}
			if r.Err != nil || !r.Value.Equal(secret.Text([]byte(names[i]))) {
				t.Fatalf("%q: %v", names[i], r.Err)
			}
		}
	}
	if n := b.server.Ledger().Count(awslocal.Match{Operation: "BatchGetSecretValue"}); n != 1 {
		t.Errorf("%d batches were tried, want 1", n)
	}
}

func TestOneSecretOfABatchThatFailsForAMomentIsReadByItself(t *testing.T) {
	b := newBench(t, "")
	b.back.Put(t, "a", secret.Text([]byte("1")))
	b.back.Put(t, "b", secret.Text([]byte("2")))
	b.server.Faults().Add(awslocal.Fault{Operation: "GetSecretValue", Resource: "b", Code: "InternalServiceError", Times: 1})
	for _, r := range b.dest.(store.Verifier).Read(t.Context(), []secret.Name{"a", "b"}) {
		if r.Err != nil {
			t.Errorf("%q: %v", r.Name, r.Err)
		}
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "GetSecretValue", Resource: "b", Code: "DecryptionFailure"})
	got := b.dest.(store.Verifier).Read(t.Context(), []secret.Name{"a", "b"})
	wantKind(t, got[0].Err, nil)
	wantKind(t, got[1].Err, store.ErrKey)
}

func TestASecretWithoutAValueSpoilsNoBatch(t *testing.T) {
	run := func(t *testing.T, f storetest.Fixture, back *api.Client) {
		f.Back.Put(t, "a", secret.Text([]byte("1")))
		if _, err := back.CreateSecret(t.Context(), &api.CreateSecretInput{Name: id("empty")}); err != nil {
			t.Fatal(err)
		}
		got := f.Source.Read(t.Context(), []secret.Name{"a", "empty"})
		wantKind(t, got[0].Err, nil)
		wantKind(t, got[1].Err, store.ErrNotFound)
		m, err := f.Source.Stat(t.Context(), "empty")
		if err != nil || m.Version != "" || len(m.Held) != 0 {
			t.Errorf("got %+v and the error %v", m, err)
		}
	}
	t.Run("embedded", func(t *testing.T) {
		f := onEmbedded().New(t)
		run(t, f, f.Back.(backdoor).Client)
	})
	t.Run("moto", func(t *testing.T) {
		f := onMoto(t, nil).New(t)
		run(t, f, f.Back.(backdoor).Client)
	})
}

func TestStatFallsBackToAListingLimitedToTheName(t *testing.T) {
	b := newBench(t, "")
	mustWrite(t, b.dest, writing(1, nil))
	b.back.Put(t, "app/db-2", secret.Text([]byte("x")))
	b.server.Faults().Add(awslocal.Fault{Operation: "DescribeSecret", Code: "AccessDeniedException"})
	if c := stat(t, b.dest); c.Version != ids(1)[0] || c.Mark.Owner != "platform" {
		t.Errorf("got %+v", c)
	}
	b.back.Schedule(t, "app/db")
	if c := stat(t, b.dest); c.Deleted.IsZero() {
		t.Errorf("got %+v", c)
	}
	_, err := b.dest.Stat(t.Context(), "app/d")
	wantKind(t, err, store.ErrNotFound)
	b.server.Faults().Add(awslocal.Fault{Operation: "ListSecrets", Code: "AccessDeniedException"})
	_, err = b.dest.Stat(t.Context(), "app/db")
	wantKind(t, err, store.ErrNotPermitted)
	for _, action := range []string{"secretsmanager:DescribeSecret", "secretsmanager:ListSecrets"} {
		if !strings.Contains(err.Error(), action) {
			t.Errorf("%q does not name %s", err, action)
		}
	}
}

func TestARoleThatMayOnlyWriteIsEnough(t *testing.T) {
	document := func(parse func([]byte) (policy.Document, error), text string) policy.Document {
		t.Helper()
		d, err := parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	server, url := embedded(t, awslocal.Options{EnforceIAM: true, Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
		hub: {Users: map[string]awslocal.SeedUser{"hub": {AccessKeyID: "AKIAHUB", Policies: []policy.Document{
			document(policy.ParseIdentity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"arn:aws:iam::222222222222:role/SecretSyncRole","Action":"sts:AssumeRole"}]}`)}}}},
		spoke: {Roles: map[string]awslocal.SeedRole{"SecretSyncRole": {
			Trust: document(policy.ParseTrust, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"7c1f"}}}]}`),
			Policies: []policy.Document{document(policy.ParseIdentity, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
				"secretsmanager:CreateSecret","secretsmanager:UpdateSecret","secretsmanager:PutSecretValue","secretsmanager:DescribeSecret","secretsmanager:TagResource"]}]}`)},
		}}},
	}}})
	f := factory(t, url, "AKIAHUB")
	d := target(t, f, "externalId: 7c1f")
	if err := d.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := d.List(t.Context())
	wantKind(t, err, store.ErrNotPermitted)
	if !strings.Contains(err.Error(), "grant secretsmanager:ListSecrets to arn:aws:iam::222222222222:role/SecretSyncRole") {
		t.Errorf("got %q", err)
	}
	mustWrite(t, d, writing(1, nil))
	mustWrite(t, d, writing(2, stat(t, d)))
	w := writing(1, stat(t, d)) // back to the first: the label may not be moved
	w.Description = "another"
	mustWrite(t, d, w)
	if c := stat(t, d); c.Version != ids(1)[1] || c.Description != "another" || !c.WrittenByUs() {
		t.Errorf("got %+v", c)
	}

	m := server.Ledger().Mark()
	for range 3 {
		_, err = target(t, f, "externalId: other").List(t.Context())
		wantKind(t, err, store.ErrCredentials)
	}
	if !strings.Contains(err.Error(), "does not exist, does not trust") {
		t.Errorf("got %q", err)
	}
	if n := server.Ledger().Since(m).Count(awslocal.Match{Operation: "AssumeRole"}); n != 1 {
		t.Errorf("a role that refuses was asked %d times, want once", n)
	}
}

func TestCredentialsOfAnotherAccountAreFoundOut(t *testing.T) {
	_, url := embedded(t, awslocal.Options{})
	s := open(t, factory(t, url, hub), `{account: "333333333333", region: us-east-1}`)
	src, err := s.Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.List(t.Context())
	wantKind(t, err, store.ErrWrongAccount) // the listing is empty, and does not say whose it is
	backdoor{rawClient(url, keys(hub))}.Put(t, "app/db", secret.Text([]byte("x")))
	_, err = src.List(t.Context())
	wantKind(t, err, store.ErrWrongAccount)
	_, err = src.Stat(t.Context(), "app/db")
	wantKind(t, err, store.ErrWrongAccount)
	for _, account := range []string{hub, "333333333333"} {
		if !strings.Contains(err.Error(), account) {
			t.Errorf("%q does not name %s", err, account)
		}
	}
	d, err := s.Destination(t.Context(), secret.Place{Kind: secret.SecretsManager, Account: "333333333333", Region: home})
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, d.Verify(t.Context()), store.ErrWrongAccount)
}

func TestAListingTellsTheAccountForFree(t *testing.T) {
	server, url := embedded(t, awslocal.Options{})
	backdoor{rawClient(url, keys(hub))}.Put(t, "app/db", secret.Text([]byte("x")))
	s := open(t, factory(t, url, hub), "{}")
	src, err := s.Source(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := src.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Identity != "sm/111111111111/us-east-1/app/db" {
		t.Fatalf("got %+v and the error %v", all, err)
	}
	at, err := src.Place(t.Context())
	if err != nil || at != (secret.Place{Kind: secret.SecretsManager, Account: hub, Region: home}) {
		t.Errorf("got %v, %v", at, err)
	}
	if n := server.Ledger().Count(awslocal.Match{Service: "sts"}); n != 0 {
		t.Errorf("%d calls to STS, want none", n)
	}
}

func TestACopyThatAnotherKeyIsWantedForGetsItBeforeItsValue(t *testing.T) {
	server, url := embedded(t, awslocal.Options{Seed: &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
		spoke: {Regions: map[string]awslocal.SeedRegion{home: {Keys: map[string]awslocal.SeedKey{
			"alias/one": {ID: "11111111-1111-4111-8111-111111111111"}, "alias/two": {}, "alias/off": {Disabled: true},
		}}}},
	}}})
	f := factory(t, url, hub)
	b := bench{server, target(t, f, "kmsKey: alias/one"), backdoor{rawClient(url, keys(spoke))}}
	w := writing(1, nil)
	w.Key = "alias/one"
	mustWrite(t, b.dest, w)

	calls := func(key secret.Key, n int) string {
		t.Helper()
		w := writing(n, stat(t, b.dest))
		w.Key = key
		m := b.server.Ledger().Mark()
		mustWrite(t, b.dest, w)
		return strings.Join(b.calls(m), " ")
	}
	for _, step := range []struct {
		key  secret.Key
		want string
	}{
		{"alias/one", "PutSecretValue"},
		{"arn:aws:kms:us-east-1:222222222222:alias/one", "PutSecretValue"},
		{"11111111-1111-4111-8111-111111111111", "DescribeKey PutSecretValue"},
		{"alias/two", "DescribeKey UpdateSecret PutSecretValue"},
		{"", "UpdateSecret PutSecretValue"},
		{"", "PutSecretValue"},
	} {
		n := int(stat(t, b.dest).Version[7]-'0') + 1
		if got := calls(step.key, n); got != step.want {
			t.Errorf("key %q: got the calls %q, want %q", step.key, got, step.want)
		}
	}
	if key := stat(t, b.dest).Key; key != "" {
		t.Errorf("the key is %q", key)
	}
	w = writing(9, stat(t, b.dest))
	w.Key = "alias/off"
	_, err := b.dest.Write(t.Context(), w)
	wantKind(t, err, store.ErrKey)

	keysOf := b.dest.(store.KeyResolver)
	if same, ok := keysOf.SameKey(t.Context(), "alias/one", "arn:aws:kms:us-east-1:222222222222:key/11111111-1111-4111-8111-111111111111"); !same || !ok {
		t.Errorf("an alias and its key's ARN: same %t, known %t", same, ok)
	}
	if same, ok := keysOf.SameKey(t.Context(), "alias/none", "alias/one"); same || !ok {
		t.Errorf("an alias that stands for nothing: same %t, known %t", same, ok)
	}
	b.server.Faults().Add(awslocal.Fault{Operation: "DescribeKey", Code: "AccessDeniedException"})
	if _, ok := keysOf.SameKey(t.Context(), "alias/other", "alias/one"); ok {
		t.Error("a denied DescribeKey tells nothing")
	}
	declared(t, server, open(t, f, "{role: SecretSyncRole, kmsKey: alias/one}"))
	for _, c := range server.Ledger().Calls().Where(awslocal.Match{Internal: true, Principal: "*SecretSyncRole*"}) {
		if c.Operation != "GenerateDataKey" && c.Operation != "Decrypt" && c.Operation != "Encrypt" {
			t.Errorf("kms:%s was used, and Access does not declare it", c.Operation)
		}
	}
}

func TestATargetThatIsDownIsGivenUpAndTheOthersGoOn(t *testing.T) {
	server, url := embedded(t, awslocal.Options{})
	counter := &awscfg.Counter{}
	f := factory(t, url, hub, func(o *awscfg.Options) { o.Observe = counter.Observe })
	server.Faults().Add(awslocal.Fault{Account: spoke, Region: home, Service: "secretsmanager", Drop: true})
	d := target(t, f, "")
	const normal = 100
	var last error
	for i := range normal {
		w := writing(1, nil)
		w.Name = secret.Name(fmt.Sprint("app/", i))
		_, last = d.Write(t.Context(), w)
		wantKind(t, last, store.ErrUnavailable)
	}
	if !strings.Contains(last.Error(), "not tried: the target failed 8 times in a row") {
		t.Errorf("got %q", last)
	}
	attempts := 0
	for _, c := range counter.Counts() {
		if c.Service == "Secrets Manager" {
			attempts += c.Attempts
		}
	}
	if attempts > 2*normal || attempts > 40 {
		t.Errorf("%d attempts", attempts)
	}
	other, err := open(t, f, "role: SecretSyncRole").Destination(t.Context(), secret.Place{Kind: secret.SecretsManager, Account: spoke, Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Write(t.Context(), writing(1, nil)); err != nil {
		t.Errorf("the other Region: %v", err)
	}
	server.Faults().Clear()
	f.Begin("next")
	if _, err := d.Write(t.Context(), writing(1, nil)); err != nil {
		t.Errorf("the next run: %v", err)
	}
}
