package parameterstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const defaultKey = "alias/aws/ssm"

// entry is what DescribeParameters and GetParameterHistory both tell of a parameter, in one form.
type entry struct {
	arn         string // empty where the answer has none
	name        secret.Name
	kind        types.ParameterType
	advanced    bool
	description string
	key         secret.Key // empty: the AWS managed key
	number      int64      // of the version, from 1; a parameter that was deleted and made anew begins at 1 again
	changed     time.Time
	seen        time.Time // AWS's clock when it answered; zero where the answer did not tell
	mark        mark      // as the description has it, or else an older version's that was looked for; zero for none
	labels      []string  // as a history tells them
	pattern     string    // that values must match; as a history tells it
}

func fromDescribe(m *types.ParameterMetadata, seen time.Time) entry {
	e := entry{
		arn: aws.ToString(m.ARN), name: secret.Name(aws.ToString(m.Name)), kind: m.Type, advanced: m.Tier == types.ParameterTierAdvanced,
		description: aws.ToString(m.Description), key: keyOf(m.KeyId), number: m.Version, changed: aws.ToTime(m.LastModifiedDate), seen: seen,
	}
	e.mark, _ = parseMark(e.description)
	return e
}

func fromHistory(h *types.ParameterHistory, seen time.Time) entry {
	e := entry{
		name: secret.Name(aws.ToString(h.Name)), kind: h.Type, advanced: h.Tier == types.ParameterTierAdvanced,
		description: aws.ToString(h.Description), key: keyOf(h.KeyId), number: h.Version, changed: aws.ToTime(h.LastModifiedDate), seen: seen,
		labels: h.Labels, pattern: aws.ToString(h.AllowedPattern),
	}
	e.mark, _ = parseMark(e.description)
	return e
}

// keyOf returns the key; empty for the AWS managed one.
func keyOf(id *string) secret.Key { return awsstore.KeyOf(aws.ToString(id), defaultKey) }

// versionAt returns the version of a value that carries no token of ours: its number and the second it was written in, as numbers begin at 1 again after a deletion.
func versionAt(number int64, changed time.Time) secret.Version {
	return secret.Version(strconv.FormatInt(number, 10) + "@" + changed.UTC().Format(time.RFC3339))
}

// ours reports whether the present value is the one that the mark was written with.
func (e *entry) ours() bool { return !e.mark.IsZero() && e.mark.written == e.number }

// meta returns the entry as a source shows it.
func (e *entry) meta(at secret.Place) secret.Meta {
	v := versionAt(e.number, e.changed)
	m := secret.Meta{
		Name: e.name, Identity: secret.NewIdentity(at, e.name), Version: v, Held: []secret.Version{v},
		Description: e.description, Key: e.key, CustomKey: e.key != "", Mark: e.standing(),
	}
	if !e.mark.IsZero() {
		m.Description = ""
	}
	m.Deleted = m.Mark.Deleting
	return m
}

// standing returns the mark as it stands: somebody else's write ends a deletion that was waiting.
func (e *entry) standing() secret.Mark {
	m := e.mark.Mark
	if !e.ours() {
		m.Deleting = time.Time{}
	}
	return m
}

// copy returns the entry as a destination shows it.
func (e *entry) copy() secret.Copy {
	c := secret.Copy{Name: e.name, Mark: e.standing(), Version: versionAt(e.number, e.changed), Key: e.key, Changed: e.changed}
	if e.ours() {
		c.Version, c.Labelled = e.mark.version, e.mark.version
	}
	c.Held = []secret.Version{c.Version}
	c.Deleted = c.Mark.Deleting
	c.Expired = !c.Deleted.IsZero() && !e.seen.IsZero() && !e.seen.Before(e.mark.until)
	if e.kind != types.ParameterTypeSecureString {
		c.Unwritable = fmt.Sprintf("it is a %s, which can't become a SecureString: delete it, or give the copy another name", e.kind)
	}
	c.Revision = revision(e)
	return c
}

// revision returns what stands for the state of a copy. It begins with the version's number, and with an "a" where the parameter is Advanced, which parseRevision
// reads back: nothing else of a secret.Copy has room for them.
func revision(e *entry) secret.Revision {
	h := sha256.New()
	for _, f := range []string{e.description, string(e.key), string(e.kind)} {
		_, _ = fmt.Fprintf(h, "%d:%s,", len(f), f)
	}
	tier := ""
	if e.advanced {
		tier = "a"
	}
	return secret.Revision(strconv.FormatInt(e.number, 10) + tier + "." + hex.EncodeToString(h.Sum(nil))[:12])
}

// parseRevision returns the version's number and whether the parameter is Advanced; ok is false for a revision that is not of this driver's making.
func parseRevision(r secret.Revision) (number int64, advanced, ok bool) {
	head, _, ok := strings.Cut(string(r), ".")
	head, advanced = strings.CutSuffix(head, "a")
	number, err := strconv.ParseInt(head, 10, 64)
	return number, advanced, ok && err == nil && number > 0
}
