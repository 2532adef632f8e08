package secretsmanager

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

func TestWhatIsNotASecretsOwnIsNeitherSourceNorTarget(t *testing.T) {
	for _, test := range []struct {
		name       string
		entry      types.SecretListEntry
		bound      string
		unwritable string
	}{
		{"an ordinary one", types.SecretListEntry{}, "", ""},
		{"a primary", types.SecretListEntry{PrimaryRegion: aws.String("us-east-1")}, "", ""},
		{"a replica", types.SecretListEntry{PrimaryRegion: aws.String("eu-west-1")}, "replica of eu-west-1", "it is a replica of eu-west-1"},
		{"a service's", types.SecretListEntry{OwningService: aws.String("rds")}, "managed by rds", "it is managed by rds"},
		{"one with a rotation", types.SecretListEntry{RotationEnabled: aws.Bool(true)}, "", "it has a rotation of its own"},
		{"one in rotation", types.SecretListEntry{SecretVersionsToStages: map[string][]string{"a": {"AWSCURRENT"}, "b": {"AWSPENDING"}}}, "", "a rotation is under way"},
		{"one after its rotation", types.SecretListEntry{SecretVersionsToStages: map[string][]string{"a": {"AWSCURRENT", "AWSPENDING"}}}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := fromList(&test.entry)
			if got := e.meta("us-east-1").Bound; got != test.bound {
				t.Errorf("bound: got %q, want %q", got, test.bound)
			}
			if got := e.copy("us-east-1").Unwritable; got != test.unwritable {
				t.Errorf("unwritable: got %q, want %q", got, test.unwritable)
			}
		})
	}
}

func TestAbsentNullAndEmptyAreTheSameRevision(t *testing.T) {
	listed := fromList(&types.SecretListEntry{Name: aws.String("a"), SecretVersionsToStages: map[string][]string{"v": {"AWSCURRENT"}}})
	described := fromDescribe(&api.DescribeSecretOutput{
		Name: aws.String("a"), VersionIdsToStages: map[string][]string{"v": {"AWSCURRENT"}, "old": {}},
		Description: aws.String(""), KmsKeyId: aws.String("alias/aws/secretsmanager"), Tags: []types.Tag{}, PrimaryRegion: aws.String(""), RotationEnabled: aws.Bool(false),
		DeletedDate: nil,
	})
	a, b := listed.copy("us-east-1"), described.copy("us-east-1")
	if a.Revision != b.Revision {
		t.Errorf("listed %s, described %s", a.Revision, b.Revision)
	}
}

func TestEveryVisibleChangeIsAnotherRevision(t *testing.T) {
	base := func() entry {
		return entry{name: "a", labels: map[secret.Version][]string{"v": {"AWSCURRENT"}}, tags: map[string]string{"k": "v", tagOwner: "o"}}
	}
	seen := map[secret.Revision]string{}
	for name, change := range map[string]func(*entry){
		"nothing":     func(*entry) {},
		"version":     func(e *entry) { e.labels = map[secret.Version][]string{"w": {"AWSCURRENT"}} },
		"our label":   func(e *entry) { e.labels = map[secret.Version][]string{"v": {"AWSCURRENT", "secretsync"}} },
		"held":        func(e *entry) { e.labels["u"] = []string{"AWSPREVIOUS"} },
		"pending":     func(e *entry) { e.labels["u"] = []string{"AWSPENDING"} },
		"description": func(e *entry) { e.description = "d" },
		"key":         func(e *entry) { e.key = "alias/x" },
		"tag":         func(e *entry) { e.tags["k"] = "w" },
		"moved text":  func(e *entry) { delete(e.tags, "k"); e.tags["kv"] = "" },
		"owner":       func(e *entry) { e.tags[tagOwner] = "p" },
		"deleting":    func(e *entry) { e.tags[tagDeleting] = "2026-01-02T03:04:05Z" },
		"deleted":     func(e *entry) { e.deleted = time.Unix(1, 0) },
	} {
		e := base()
		change(&e)
		r := e.copy("us-east-1").Revision
		if other, dup := seen[r]; dup {
			t.Errorf("%q and %q have one revision", name, other)
		}
		seen[r] = name
	}
}

func TestAMarkIsReadAsItIsWritten(t *testing.T) {
	m := secret.Mark{Owner: "o", Sync: "s", Source: "sm/1/r/n", First: "v", Generation: 2}
	if got := markOf(markTags(m)); got != m {
		t.Errorf("got %+v, want %+v", got, m)
	}
	if got := markOf(map[string]string{tagGeneration: "x", tagDeleting: "soon", "team": "a"}); !got.IsZero() {
		t.Errorf("got %+v of what can't be read", got)
	}
}
