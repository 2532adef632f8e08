package parameterstore

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

const besideSuffix = ".secretsync-pending"

// besideWord is what the Description of what is kept beside a parameter begins with.
const besideWord = "secretsync-pending"

const besideText = "A value that the parameter without " + besideSuffix + " gets when its rotation ends. Secret Sync removes this one then; " +
	"to give the rotation up: secretsync rotate NAME --cancel"

const hiddenWhy = "names that end in " + besideSuffix + " are for values that are pending, and are no secrets"

// besideOf returns the name of the parameter that the pending value of another is kept in. It is created and never overwritten, so that of many who propose one is
// taken; no store lists it, reads it or writes to it.
func besideOf(name secret.Name) secret.Name { return name + besideSuffix }

// hidden reports whether a name is one of besideOf.
func hidden(name secret.Name) bool { return strings.HasSuffix(string(name), besideSuffix) }

// beside is what the Description of a pending value says: under which version it was proposed, and which one was current then.
type beside struct {
	token, base secret.Version
	foreign     bool // it is not of this tool's making
}

func (b beside) String() string {
	return strings.Join([]string{besideWord, "token=" + escape(string(b.token)), "base=" + escape(string(b.base)), besideText}, " ")
}

func parseBeside(description string) beside {
	words := strings.Fields(description)
	if len(words) < 3 || words[0] != besideWord {
		return beside{foreign: true}
	}
	token, isToken := strings.CutPrefix(words[1], "token=")
	base, isBase := strings.CutPrefix(words[2], "base=")
	return beside{token: secret.Version(unescape(token)), base: secret.Version(unescape(base)), foreign: !isToken || !isBase || token == ""}
}

// beside returns what is kept beside a parameter; nil where nothing is. What somebody else put there is store.ErrInvalid.
func (r *rotation) beside(ctx context.Context, name secret.Name) (*beside, error) {
	versions, err := r.history(ctx, besideOf(name))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // nothing is pending, which is no error
	case err != nil:
		return nil, err
	}
	return r.own(name, parseBeside(versions[0].description))
}

func (r *rotation) own(name secret.Name, b beside) (*beside, error) {
	if b.foreign {
		return nil, r.Errorf("GetParameterHistory", besideOf(name), store.ErrInvalid, "somebody else made a parameter of this name, where the value that is pending is to be kept")
	}
	return &b, nil
}

// besideValue is beside with the value, in one answer.
func (r *rotation) besideValue(ctx context.Context, name secret.Name) (*beside, secret.Value, error) {
	in := &api.GetParameterHistoryInput{Name: aws.String(string(besideOf(name))), WithDecryption: aws.Bool(true), MaxResults: aws.Int32(pageSize)}
	out, err := r.api.GetParameterHistory(ctx, in)
	if err != nil {
		err = r.Fail("GetParameterHistory", besideOf(name), err)
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return nil, secret.Value{}, err
	}
	var newest *types.ParameterHistory
	for i := range out.Parameters {
		if newest == nil || out.Parameters[i].Version > newest.Version {
			newest = &out.Parameters[i]
		}
	}
	if newest == nil {
		return nil, secret.Value{}, nil
	}
	b, err := r.own(name, parseBeside(aws.ToString(newest.Description)))
	if err != nil {
		return nil, secret.Value{}, err
	}
	return b, secret.Text([]byte(aws.ToString(newest.Value))), nil
}

// keep creates the parameter beside another, which it is like: a value that the other would refuse is refused now. store.ErrConflict where there is one.
func (r *rotation) keep(ctx context.Context, of *entry, b beside, value secret.Value) error {
	in := r.putting(of, value)
	in.Name, in.Overwrite, in.Description = aws.String(string(besideOf(of.name))), aws.Bool(false), aws.String(b.String())
	if _, err := r.api.PutParameter(ctx, in); err != nil {
		return r.Fail("PutParameter", besideOf(of.name), err)
	}
	return nil
}

// putting returns a write of a value that changes nothing else of a parameter. The key is always named: an overwrite without one goes back to the default.
func (r *rotation) putting(of *entry, value secret.Value) *api.PutParameterInput {
	in := &api.PutParameterInput{Name: aws.String(string(of.name)), Value: aws.String(string(value.Reveal())), Type: of.kind, Overwrite: aws.Bool(true), Tier: r.tierOf(of)}
	if of.kind == types.ParameterTypeSecureString {
		in.KeyId = aws.String(defaultKey)
		if of.key != "" {
			in.KeyId = aws.String(string(of.key))
		}
	}
	if of.pattern != "" {
		in.AllowedPattern = &of.pattern
	}
	return in
}

// tierOf returns the tier of a parameter, which the settings of the store may raise.
func (r *rotation) tierOf(of *entry) types.ParameterTier {
	if of.advanced {
		return types.ParameterTierAdvanced
	}
	return r.tier
}

// drop removes what is beside a parameter, if it is still what was proposed under a version. AWS deletes without a condition: the look is made at the last moment.
func (r *rotation) drop(ctx context.Context, name secret.Name, token secret.Version) error {
	b, err := r.beside(ctx, name)
	if err != nil || b == nil || b.token != token {
		return err
	}
	if _, err := r.api.DeleteParameter(ctx, &api.DeleteParameterInput{Name: aws.String(string(besideOf(name)))}); err != nil {
		return gone(r.Fail("DeleteParameter", besideOf(name), err))
	}
	return nil
}
