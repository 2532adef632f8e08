package secretsmanager

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const (
	labelCurrent  = "AWSCURRENT"
	labelPrevious = "AWSPREVIOUS"
	labelPending  = "AWSPENDING"
	labelOurs     = "secretsync"
	defaultKey    = "alias/aws/secretsmanager"
)

// entry is what ListSecrets and DescribeSecret both tell of a secret, in one form: absent, null and empty are the same.
type entry struct {
	arn         string
	name        secret.Name
	description string
	key         secret.Key // empty: the AWS managed key
	labels      map[secret.Version][]string
	tags        map[string]string
	created     time.Time
	changed     time.Time
	deleted     time.Time
	primary     string // the Region of the primary secret
	owner       string // the service that manages it
	rotates     bool
	function    string // the ARN of its rotation function
}

func fromList(l *types.SecretListEntry) entry {
	return entry{
		arn: aws.ToString(l.ARN), name: secret.Name(aws.ToString(l.Name)), description: aws.ToString(l.Description), key: keyOf(l.KmsKeyId),
		labels: labelsOf(l.SecretVersionsToStages), tags: tagsOf(l.Tags), created: aws.ToTime(l.CreatedDate), changed: aws.ToTime(l.LastChangedDate),
		deleted: aws.ToTime(l.DeletedDate), primary: aws.ToString(l.PrimaryRegion), owner: aws.ToString(l.OwningService), rotates: aws.ToBool(l.RotationEnabled),
		function: aws.ToString(l.RotationLambdaARN),
	}
}

func fromDescribe(d *api.DescribeSecretOutput) entry {
	return entry{
		arn: aws.ToString(d.ARN), name: secret.Name(aws.ToString(d.Name)), description: aws.ToString(d.Description), key: keyOf(d.KmsKeyId),
		labels: labelsOf(d.VersionIdsToStages), tags: tagsOf(d.Tags), created: aws.ToTime(d.CreatedDate), changed: aws.ToTime(d.LastChangedDate),
		deleted: aws.ToTime(d.DeletedDate), primary: aws.ToString(d.PrimaryRegion), owner: aws.ToString(d.OwningService), rotates: aws.ToBool(d.RotationEnabled),
		function: aws.ToString(d.RotationLambdaARN),
	}
}

func labelsOf(stages map[string][]string) map[secret.Version][]string {
	labels := make(map[secret.Version][]string, len(stages))
	for id, on := range stages {
		if len(on) > 0 {
			labels[secret.Version(id)] = on
		}
	}
	return labels
}

func tagsOf(tags []types.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	all := make(map[string]string, len(tags))
	for _, t := range tags {
		all[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return all
}

// keyOf returns the key; empty for the AWS managed one.
func keyOf(id *string) secret.Key { return awsstore.KeyOf(aws.ToString(id), defaultKey) }

// labelled returns the version that carries a label: the first by id where there are several, which AWS rules out.
func (e *entry) labelled(label string) secret.Version {
	var found secret.Version
	for id, on := range e.labels {
		if slices.Contains(on, label) && (found == "" || id < found) {
			found = id
		}
	}
	return found
}

func (e *entry) held() []secret.Version { return slices.Sorted(maps.Keys(e.labels)) }

// meta returns the entry as a source shows it.
func (e *entry) meta(region secret.Region) secret.Meta {
	account, in := awscfg.ARNAccount(e.arn)
	m := secret.Meta{
		Name:     e.name,
		Identity: secret.NewIdentity(secret.Place{Kind: secret.SecretsManager, Account: account, Region: in}, e.name),
		Version:  e.labelled(labelCurrent), Held: e.held(),
		Created: e.created.UTC().Truncate(time.Second), Description: e.description, Tags: e.tags, Key: e.key, CustomKey: e.key != "", Deleted: e.deleted,
		Mark: markOf(e.tags),
	}
	switch {
	case e.primary != "" && e.primary != string(region):
		m.Bound = "replica of " + e.primary
	case e.owner != "":
		m.Bound = "managed by " + e.owner
	}
	return m
}

// copy returns the entry as a destination shows it.
func (e *entry) copy(region secret.Region) secret.Copy {
	c := secret.Copy{
		Name: e.name, Mark: markOf(e.tags), Version: e.labelled(labelCurrent), Previous: e.labelled(labelPrevious), Labelled: e.labelled(labelOurs), Held: e.held(),
		Description: e.description, Tags: withoutMarks(e.tags), Key: e.key, Deleted: e.deleted, Changed: e.changed,
	}
	pending := e.labelled(labelPending)
	switch {
	case e.primary != "" && e.primary != string(region):
		c.Unwritable = "it is a replica of " + e.primary
	case e.owner != "":
		c.Unwritable = "it is managed by " + e.owner
	case e.rotates:
		c.Unwritable = "it has a rotation of its own"
	case pending != "" && pending != c.Version:
		c.Unwritable = "a rotation is under way"
	}
	c.Revision = revision(&c)
	return c
}

// revision returns what stands for the state of a copy: its version, and a hash of everything else that can be seen of it.
func revision(c *secret.Copy) secret.Revision {
	h := sha256.New()
	put := func(fields ...string) {
		for _, f := range fields {
			_, _ = fmt.Fprintf(h, "%d:%s,", len(f), f)
		}
	}
	put(string(c.Labelled), c.Description, string(c.Key), c.Unwritable)
	if !c.Deleted.IsZero() {
		put(strconv.FormatInt(c.Deleted.Unix(), 10))
	}
	put("held")
	for _, v := range c.Held {
		put(string(v))
	}
	put("mark", string(c.Mark.Owner), string(c.Mark.Sync), string(c.Mark.Source), string(c.Mark.First), strconv.Itoa(c.Mark.Generation))
	if !c.Mark.Deleting.IsZero() {
		put(strconv.FormatInt(c.Mark.Deleting.Unix(), 10))
	}
	put("tags")
	for _, k := range slices.Sorted(maps.Keys(c.Tags)) {
		put(k, c.Tags[k])
	}
	return secret.Revision(string(c.Version) + "." + short(h))
}

func short(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil))[:12] }
