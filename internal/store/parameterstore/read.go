package parameterstore

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/awsstore"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const batchSize = 10 // the most names that GetParameters takes

// reader reads values, ten at a time where it may. It is safe for concurrent use.
//
//	the batch is …            the names are then …
//	answered                  what it says; those that it calls invalid are not found
//	denied or refused whole   read one by one: one name, or one key, spoils it. Where none of them is denied, it is the batch that is, and none is tried again
//	not answered              not read
type reader struct {
	client   *client
	selector string      // ":LABEL" of the versions that are read; empty: the latest
	denied   atomic.Bool // GetParameters is not permitted
}

func (r *reader) read(ctx context.Context, names []secret.Name) []store.Reading {
	answers := make(map[secret.Name]store.Reading, len(names))
	var shown []secret.Name
	for _, n := range names {
		if hidden(n) {
			answers[n] = store.Reading{Name: n, Err: r.client.Errorf("GetParameters", n, store.ErrNotFound, "%s", hiddenWhy)}
		} else {
			shown = append(shown, n)
		}
	}
	for chunk := range slices.Chunk(shown, batchSize) {
		if len(chunk) == 1 || r.denied.Load() {
			awsstore.ReadEach(chunk, answers, func(n secret.Name) store.Reading { return r.one(ctx, n) })
			continue
		}
		r.batch(ctx, chunk, answers)
	}
	all := make([]store.Reading, len(names))
	for i, n := range names {
		all[i] = answers[n]
	}
	return all
}

// batch reads up to batchSize names into answers.
func (r *reader) batch(ctx context.Context, names []secret.Name, answers map[secret.Name]store.Reading) {
	in := &api.GetParametersInput{WithDecryption: aws.Bool(true)}
	for _, n := range names {
		in.Names = append(in.Names, string(n)+r.selector)
	}
	out, err := r.client.api.GetParameters(ctx, in)
	if err != nil {
		r.batchFailed(ctx, names, answers, r.client.Fail("GetParameters", "", err))
		return
	}
	for i := range out.Parameters {
		reading := readingOf(&out.Parameters[i])
		answers[reading.Name] = reading
	}
	for _, n := range names {
		if _, ok := answers[n]; !ok {
			answers[n] = store.Reading{Name: n, Err: &store.Error{Op: "GetParameters", Name: n, Place: r.client.At, Kind: store.ErrNotFound}}
		}
	}
}

// batchFailed decides what follows from a batch that failed as a whole.
func (r *reader) batchFailed(ctx context.Context, names []secret.Name, answers map[secret.Name]store.Reading, err error) {
	denied := errors.Is(err, store.ErrNotPermitted)
	if !denied && !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrKey) {
		for _, n := range names {
			answers[n] = store.Reading{Name: n, Err: err}
		}
		return
	}
	awsstore.ReadEach(names, answers, func(n secret.Name) store.Reading { return r.one(ctx, n) })
	one := slices.ContainsFunc(names, func(n secret.Name) bool { return errors.Is(answers[n].Err, store.ErrNotPermitted) })
	if denied && !one {
		r.denied.Store(true)
	}
}

func (r *reader) one(ctx context.Context, name secret.Name) store.Reading {
	p, _, err := r.client.get(ctx, name+secret.Name(r.selector))
	if err != nil {
		return store.Reading{Name: name, Err: err}
	}
	return readingOf(p)
}

// get reads one parameter with its value, by its name, by "NAME:NUMBER" or by "NAME:LABEL", and the time by AWS's clock.
func (c *client) get(ctx context.Context, name secret.Name) (*types.Parameter, time.Time, error) {
	out, err := c.api.GetParameter(ctx, &api.GetParameterInput{Name: aws.String(string(name)), WithDecryption: aws.Bool(true)})
	switch {
	case err != nil:
		return nil, time.Time{}, c.Fail("GetParameter", name, err)
	case out.Parameter == nil:
		return nil, time.Time{}, c.Errorf("GetParameter", name, store.ErrUnavailable, "the answer is empty")
	}
	return out.Parameter, clock(out.ResultMetadata), nil
}

func readingOf(p *types.Parameter) store.Reading {
	return store.Reading{Name: secret.Name(aws.ToString(p.Name)), Version: versionAt(p.Version, aws.ToTime(p.LastModifiedDate)), Value: textOf(p)}
}

func textOf(p *types.Parameter) secret.Value { return secret.Text([]byte(aws.ToString(p.Value))) }
