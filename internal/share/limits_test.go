package share

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// held is a secret and its key, with the policies that they have.
type held struct {
	it          store.Shared
	policy, key string
	invalid     error
	writes      int
	blocked     bool
}

func (h *held) Shared(context.Context, secret.Name) (store.Shared, error) { return h.it, nil }

func (h *held) Policy(context.Context, string) (string, error) { return h.policy, nil }

func (h *held) CheckPolicy(context.Context, string, string) error { return h.invalid }

func (h *held) PutPolicy(_ context.Context, _, policy string, block bool) error {
	h.policy, h.blocked = policy, block
	h.writes++
	return nil
}

func (h *held) KeyPolicy(context.Context, string) (string, error) { return h.key, nil }

func (h *held) PutKeyPolicy(_ context.Context, _, policy string) error {
	h.key = policy
	h.writes++
	return nil
}

const rootOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"}]}`

// full returns a policy of others of about that many bytes.
func full(bytes int) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"%s","Effect":"Deny","Principal":{"AWS":"444444444444"},"Action":"*","Resource":"*"}]}`, strings.Repeat("x", bytes-120))
}

func TestLimitsAreSeenBeforeAnythingIsWritten(t *testing.T) {
	whom, err := ParsePrincipal("222222222222")
	if err != nil {
		t.Fatal(err)
	}
	errInvalid := &store.Error{Op: "ValidateResourcePolicy", Kind: store.ErrInvalid}
	for name, c := range map[string]struct {
		do   func(*held)
		kind error
		text string
	}{
		"a replica":                         {func(h *held) { h.it.Replica = "eu-west-1" }, store.ErrUnwritable, "replica of the secret in eu-west-1"},
		"a deletion":                        {func(h *held) { h.it.Deleted = true }, store.ErrScheduled, "restore it"},
		"a key of another account":          {func(h *held) { h.it.Key = "arn:aws:kms:us-east-1:333333333333:key/k" }, store.ErrKey, "its key is of account 333333333333"},
		"a resource policy that is full":    {func(h *held) { h.policy = full(maxPolicy - 50) }, store.ErrInvalid, "at most 20480"},
		"a key policy that is full":         {func(h *held) { h.key = full(maxKeyPolicy - 50) }, store.ErrInvalid, "at most 32768"},
		"a resource policy that is refused": {func(h *held) { h.invalid = errInvalid }, store.ErrInvalid, "ValidateResourcePolicy"},
		"a resource policy that is broken":  {func(h *held) { h.policy = `{"Statement": 1}` }, store.ErrInvalid, "not a policy"},
		"a key policy that is broken":       {func(h *held) { h.key = `[]` }, store.ErrInvalid, "not a policy"},
	} {
		h := &held{it: sample("us-east-1", "aws"), key: rootOnly}
		c.do(h)
		if _, err := Make(t.Context(), h, Request{Secret: "app/db", With: whom}); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := &held{it: sample("us-east-1", "aws"), key: rootOnly, policy: full(maxPolicy - 2000)}
	h.it.Copy = true
	p, err := Make(t.Context(), h, Request{Secret: "app/db", With: whom})
	if err != nil || len(p.Notes) != 2 || !strings.Contains(p.Notes[0], "copy") || !strings.Contains(p.Notes[1], "Deny") {
		t.Errorf("notes: %+v, %v", p, err)
	}
	if err := Apply(t.Context(), h, p); err != nil || h.writes != 2 || !h.blocked {
		t.Errorf("applied: %+v, %v", h, err)
	}
}

func TestAnInterruptionBeforeTheFirstWriteWritesNothing(t *testing.T) {
	whom, err := ParsePrincipal("222222222222")
	if err != nil {
		t.Fatal(err)
	}
	h := &held{it: sample("us-east-1", "aws"), key: rootOnly}
	p, err := Make(t.Context(), h, Request{Secret: "app/db", With: whom})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Apply(ctx, h, p); !errors.Is(err, context.Canceled) || h.writes != 0 {
		t.Errorf("%v, %d writes", err, h.writes)
	}
}

func TestRevokingAfterTheKeyWasChangedClosesTheSecret(t *testing.T) {
	whom, err := ParsePrincipal("222222222222")
	if err != nil {
		t.Fatal(err)
	}
	h := &held{it: sample("us-east-1", "aws"), key: rootOnly}
	h.policy = Document{}.With(grantRead("arn:aws:iam::222222222222:root")).String()
	h.it.Key = ""
	p, err := Make(t.Context(), h, Request{Secret: "app/db", With: whom, Revoke: true})
	if err != nil || len(p.Changes) != 1 || len(p.Notes) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := Apply(t.Context(), h, p); err != nil || h.policy != "" {
		t.Errorf("%q, %v", h.policy, err)
	}
}

func TestTheListSaysWhereTheKeysPolicyLacksOurStatement(t *testing.T) {
	const principal = "arn:aws:iam::222222222222:root"
	h := &held{it: sample("us-east-1", "aws"), key: rootOnly, policy: Document{}.With(grantRead(principal)).String()}
	l, err := List(t.Context(), h, "app/db")
	if err != nil || len(l.Grants) != 1 || l.Grants[0].Key == nil || *l.Grants[0].Key {
		t.Errorf("without it: %+v, %v", l, err)
	}
	own, err := ParseDocument(rootOnly)
	if err != nil {
		t.Fatal(err)
	}
	h.key = own.With(grantDecrypt(h.it, principal)).String()
	if l, err = List(t.Context(), h, "app/db"); err != nil || l.Grants[0].Key == nil || !*l.Grants[0].Key {
		t.Errorf("with it: %+v, %v", l, err)
	}
}
