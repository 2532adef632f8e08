package awsstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const canary = "canary-5d1c"

func TestTheDefaultKeyIsNoKeyHoweverItIsWritten(t *testing.T) {
	for id, want := range map[string]secret.Key{
		"":              "",
		"alias/aws/ssm": "",
		"arn:aws:kms:us-east-1:111111111111:alias/aws/ssm":   "",
		"arn:aws:kms:us-east-1:111111111111:alias/x/aws/ssm": "arn:aws:kms:us-east-1:111111111111:alias/x/aws/ssm",
		"x:alias/aws/ssm": "x:alias/aws/ssm",
		"alias/x":         "alias/x",
	} {
		if got := awsstore.KeyOf(id, "alias/aws/ssm"); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}

func TestACauseIsWithheldWhereItMayQuoteTheValue(t *testing.T) {
	quotes := func(text string) bool { return strings.Contains(text, canary) }
	for name, test := range map[string]struct {
		err  error
		stay bool
	}{
		"no error":               {nil, true},
		"of another kind":        {&store.Error{Kind: store.ErrThrottled, Code: "X", Err: errors.New("no value")}, true},
		"not from the service":   {&store.Error{Kind: store.ErrInvalid, Err: errors.New("no value")}, true},
		"that quotes nothing":    {&store.Error{Kind: store.ErrInvalid, Code: "X", Err: errors.New("no value")}, true},
		"that quotes":            {&store.Error{Kind: store.ErrInvalid, Code: "X", Err: errors.New("not " + canary)}, false},
		"that quotes, unknown":   {&store.Error{Code: "X", Err: errors.New("not " + canary)}, false},
		"that quotes, and joins": {errors.Join(&store.Error{Code: "X", Err: errors.New("not " + canary)}), false},
	} {
		got := awsstore.Withhold(test.err, quotes)
		switch {
		case test.stay && !errors.Is(got, test.err):
			t.Errorf("%s: became %v", name, got)
		case !test.stay && (strings.Contains(got.Error(), canary) || !strings.Contains(got.Error(), "X, with a message that is withheld")):
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOnlyARoleNeedsToBeAssumed(t *testing.T) {
	for role, want := range map[string]int{"": 0, "R": 1} {
		s, err := awsstore.New(awscfg.New(awscfg.Options{}), awsstore.Service{}, "test", awsstore.Settings{Role: role})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Connect(); len(got) != want {
			t.Errorf("role %q: got %v", role, got)
		}
	}
}
