package secretsmanager

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const batchSize = 20 // the most names that BatchGetSecretValue takes

// reader reads values, twenty at a time where it may. It is safe for concurrent use.
//
//	the batch is …            the names are then …
//	answered, name by name    what it says; those left out are read one by one
//	denied as a whole         read one by one, and no batch is tried again
//	refused as a whole        read one by one: a store may let one bad name spoil it
//	not answered              not read
type reader struct {
	client *client
	denied atomic.Bool // BatchGetSecretValue is not permitted
}

func (r *reader) read(ctx context.Context, names []secret.Name) []store.Reading {
	answers := make(map[secret.Name]store.Reading, len(names))
	var single []secret.Name
	for chunk := range slices.Chunk(names, batchSize) {
		if len(chunk) == 1 || r.denied.Load() {
			single = append(single, chunk...)
			continue
		}
		single = append(single, r.batch(ctx, chunk, answers)...)
	}
	awsstore.ReadEach(single, answers, func(n secret.Name) store.Reading { return r.one(ctx, n) })
	all := make([]store.Reading, len(names))
	for i, n := range names {
		all[i] = answers[n]
	}
	return all
}

// batch reads up to batchSize names into answers, and returns those that must be read one by one.
func (r *reader) batch(ctx context.Context, names []secret.Name, answers map[secret.Name]store.Reading) (rest []secret.Name) {
	ids := make([]string, len(names))
	for i, n := range names {
		ids[i] = string(n)
	}
	in := &api.BatchGetSecretValueInput{SecretIdList: ids}
	for {
		out, err := r.client.api.BatchGetSecretValue(ctx, in)
		if err != nil {
			return r.batchFailed(names, answers, r.client.Fail("BatchGetSecretValue", "", err))
		}
		for i := range out.SecretValues {
			v := &out.SecretValues[i]
			name := secret.Name(aws.ToString(v.Name))
			if len(v.VersionStages) > 0 && !slices.Contains(v.VersionStages, labelCurrent) {
				continue // not the current one after all: read it by itself, with its label
			}
			if reading, ok := reading(name, v.VersionId, v.SecretString, v.SecretBinary); ok {
				answers[name] = reading
			}
		}
		for _, e := range out.Errors {
			name := secret.Name(aws.ToString(e.SecretId))
			err := r.client.failID("GetSecretValue", name, aws.ToString(e.ErrorCode), aws.ToString(e.Message))
			if errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrThrottled) {
				continue // worth a try of its own, which has retries
			}
			answers[name] = store.Reading{Name: name, Err: err}
		}
		next := aws.ToString(out.NextToken)
		if next == "" || next == aws.ToString(in.NextToken) {
			break
		}
		in.NextToken = &next
	}
	return unanswered(names, answers)
}

// batchFailed decides what follows from a batch that failed as a whole.
func (r *reader) batchFailed(names []secret.Name, answers map[secret.Name]store.Reading, err error) (rest []secret.Name) {
	switch {
	case errors.Is(err, store.ErrNotPermitted):
		r.denied.Store(true)
		return unanswered(names, answers)
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrInvalid), errors.Is(err, store.ErrKey), errors.Is(err, store.ErrScheduled):
		return unanswered(names, answers)
	}
	for _, n := range unanswered(names, answers) {
		answers[n] = store.Reading{Name: n, Err: err}
	}
	return nil
}

func unanswered(names []secret.Name, answers map[secret.Name]store.Reading) (rest []secret.Name) {
	for _, n := range names {
		if _, ok := answers[n]; !ok {
			rest = append(rest, n)
		}
	}
	return rest
}

func (r *reader) one(ctx context.Context, name secret.Name) store.Reading {
	out, err := r.client.api.GetSecretValue(ctx, &api.GetSecretValueInput{SecretId: aws.String(string(name)), VersionStage: aws.String(labelCurrent)})
	if err != nil {
		return store.Reading{Name: name, Err: r.client.Fail("GetSecretValue", name, err)}
	}
	if !strings.HasPrefix(string(name), "arn:") { // a name leads to the caller's own account only
		r.client.Learn(aws.ToString(out.ARN))
	}
	if reading, ok := reading(name, out.VersionId, out.SecretString, out.SecretBinary); ok {
		return reading
	}
	return store.Reading{Name: name, Err: r.client.Errorf("GetSecretValue", name, store.ErrNotFound, "it has no value")}
}

// reading returns a value as it came: text stays text, binary stays binary, to the byte. ok is false where there is none.
func reading(name secret.Name, version, text *string, binary []byte) (r store.Reading, ok bool) {
	r = store.Reading{Name: name, Version: secret.Version(aws.ToString(version))}
	switch {
	case r.Version == "":
		return r, false
	case text != nil:
		r.Value = secret.Text([]byte(*text))
	case binary != nil:
		r.Value = secret.Binary(binary)
	default:
		return r, false
	}
	return r, true
}
