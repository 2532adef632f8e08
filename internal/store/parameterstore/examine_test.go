package parameterstore_test

import (
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
	"github.com/secretsync-dev/secretsync/internal/store"
)

func TestAKeyIsUsableWhereItExistsAndIsEnabled(t *testing.T) {
	b := newBench(t, "kmsKey: alias/copies", func(o *awslocal.Options) {
		o.Seed = &awslocal.Seed{Accounts: map[string]awslocal.SeedAccount{
			spoke: {Regions: map[string]awslocal.SeedRegion{home: {Keys: map[string]awslocal.SeedKey{"alias/copies": {}, "alias/off": {Disabled: true}}}}},
		}}
	})
	examiner := b.dest.(store.KeyExaminer)
	wantKind(t, examiner.ExamineKey(t.Context(), "alias/copies"), nil)
	wantKind(t, examiner.ExamineKey(t.Context(), "alias/none"), store.ErrKey)
	wantKind(t, examiner.ExamineKey(t.Context(), "alias/off"), store.ErrKey)
	b.server.Faults().Add(awslocal.Fault{Operation: "DescribeKey", Code: "AccessDeniedException"})
	err := examiner.ExamineKey(t.Context(), "alias/copies")
	wantKind(t, err, store.ErrNotPermitted)
	if want := "grant kms:DescribeKey to arn:aws:iam::222222222222:role/SecretSyncRole"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want %q in it", err, want)
	}
}
