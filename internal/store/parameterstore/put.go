package parameterstore

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// attempts is how often a value is written at most until its mark names the version that the write made.
const attempts = 3

// put is what a parameter shall be.
type put struct {
	name     secret.Name
	value    secret.Value
	mark     mark // but for written
	key      secret.Key
	advanced bool // it is Advanced already, which can't be taken back
	create   bool // it must not be there
	kept     bool // value is the one that was found there, not one that is wanted whatever is there
}

// put writes a parameter whose version number is have, 0 for none, so that the mark names the version that is made. Where AWS counts another number, the copy was
// written in between, by somebody else or by an attempt of our own whose answer got lost. Then
//
//	a value that is wanted              is written once more, with the right number
//	a value that was found there        the same, if it is what the version before holds too; else that version's value, which is newer, is put back: ErrConflict
//	the number is wrong three times     ErrConflict: the mark does not claim what is there, and the next run sees a copy that drifted
func (d *destination) put(ctx context.Context, p put, have int64) (secret.Copy, error) {
	for range attempts {
		p.mark.written = have + 1
		d.note(p.name, have+1) // also where the answer gets lost
		number, advanced, err := d.putOnce(ctx, p)
		if err != nil {
			return secret.Copy{}, err
		}
		d.note(p.name, number)
		if number == p.mark.written {
			e := entry{
				name: p.name, kind: types.ParameterTypeSecureString, advanced: advanced, description: p.mark.String(), key: keyOf(aws.String(string(p.key))), number: number, mark: p.mark,
			}
			return e.copy(), nil
		}
		if p.kept && number > 1 {
			if err := d.keepNewer(ctx, p, number); err != nil {
				return secret.Copy{}, err
			}
		}
		have, p.create, p.advanced = number, false, advanced
	}
	return secret.Copy{}, d.client.Errorf("PutParameter", p.name, store.ErrConflict, "others write it at the same time")
}

// keepNewer looks at the version before the one that p made. Another value than p's is put back, under a mark that claims nothing; that is ErrConflict.
func (d *destination) keepNewer(ctx context.Context, p put, made int64) error {
	before := secret.Name(string(p.name) + ":" + strconv.FormatInt(made-1, 10))
	found, _, err := d.client.get(ctx, before)
	if err != nil {
		return err
	}
	value := textOf(found)
	defer value.Wipe()
	if value.Equal(p.value) {
		return nil
	}
	p.value, p.create = value, false // p.mark.written is behind: nobody takes the value for ours
	if _, _, err := d.putOnce(ctx, p); err != nil {
		return err
	}
	return d.client.Errorf("PutParameter", p.name, store.ErrConflict, "somebody else wrote another value meanwhile, which was put back")
}

// rewrite writes the value that is there again, as Parameter Store has no other way to change the description or the key.
func (d *destination) rewrite(ctx context.Context, p put, have int64) (secret.Copy, error) {
	found, _, err := d.present(ctx, p.name, have)
	if err != nil {
		return secret.Copy{}, err
	}
	p.value, p.kept = textOf(found), true
	defer p.value.Wipe()
	c, err := d.put(ctx, p, have)
	return c, withhold(err, p.value)
}

// present reads the value that is there, and the time by AWS's clock; ErrConflict where it is not of the version that was seen.
func (d *destination) present(ctx context.Context, name secret.Name, number int64) (*types.Parameter, time.Time, error) {
	found, now, err := d.client.get(ctx, name)
	switch {
	case err != nil:
		return nil, now, err
	case found.Version != number:
		return nil, now, d.client.Errorf("GetParameter", name, store.ErrConflict, "it was changed meanwhile")
	}
	return found, now, nil
}

// putOnce is one PutParameter. The key is always named: an overwrite without one goes back to the default.
func (d *destination) putOnce(ctx context.Context, p put) (number int64, advanced bool, err error) {
	in := &api.PutParameterInput{
		Name: aws.String(string(p.name)), Value: aws.String(string(p.value.Reveal())), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(!p.create),
		Description: aws.String(p.mark.String()), Tier: d.tier, KeyId: aws.String(defaultKey),
	}
	if p.key != "" {
		in.KeyId = aws.String(string(p.key))
	}
	if p.advanced {
		in.Tier = types.ParameterTierAdvanced
	}
	out, err := d.client.api.PutParameter(ctx, in)
	if err != nil {
		return 0, false, d.client.Fail("PutParameter", p.name, err)
	}
	return out.Version, out.Tier == types.ParameterTierAdvanced, nil
}

// note remembers that a write of ours made a version, or may have made it.
func (d *destination) note(name secret.Name, number int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latest[name] = max(d.latest[name], number)
}

// wrote returns the highest version number that a write of ours may have made; 0 for none.
func (d *destination) wrote(name secret.Name) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.latest[name]
}
