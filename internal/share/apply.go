package share

import (
	"context"
	"fmt"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Apply makes the changes of a plan, in their order, and notes what came of each. Every policy is read again right before it is written: ErrConflict where it is not what
// the plan was made from. It stops at the first failure; the error then says what stands. Applying again is safe: what is done is not done twice.
// An interruption before the first write ends it; after that it is finished, so that nothing is left half done.
func Apply(ctx context.Context, s store.Sharing, p *Plan) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	var failed error
	var done []*Change
	for _, c := range p.Changes {
		switch {
		case c.Err != nil: // it could not be read, which is told when the rest is done
			c.Outcome = Failed
			if failed == nil {
				failed = p.left(done, c)
			}
			continue
		case !c.Needed():
			c.Outcome = Unchanged
			continue
		case failed != nil:
			c.Outcome = Skipped
			continue
		}
		if c.Err = p.write(ctx, s, c); c.Err != nil {
			c.Outcome = Failed
			failed = p.left(done, c)
			continue
		}
		c.Outcome = Applied
		done = append(done, c)
	}
	return failed
}

func (p *Plan) write(ctx context.Context, s store.Sharing, c *Change) error {
	read, op := s.Policy, "GetResourcePolicy"
	if c.Kind == OfKey {
		read, op = s.KeyPolicy, "GetKeyPolicy"
	}
	now, err := read(ctx, c.Of)
	switch {
	case err != nil:
		return err
	case now != c.Before:
		return &store.Error{Op: op, Name: secret.Name(c.Of), Place: p.Secret.Place, Kind: store.ErrConflict, Err: errMoved, Help: "run the same command again"}
	case c.Kind == OfKey:
		return s.PutKeyPolicy(ctx, c.Of, c.After)
	}
	after, err := ParseDocument(c.After)
	if err != nil {
		return err
	}
	return s.PutPolicy(ctx, c.Of, c.After, !p.Revoke || after.public() == "") // a revocation only ever closes, also beside what others have opened to everybody
}

// left says what stands after a failure.
func (p *Plan) left(done []*Change, c *Change) error {
	const again = "Run the same command again: what is done is not done twice."
	switch {
	case len(done) == 0:
		return c.Err
	case p.Revoke:
		return fmt.Errorf("%w. The resource policy was changed: %s can no longer read the secret. Its statement in the key's policy is still there, and opens nothing by itself. %s", c.Err, p.Principal, again)
	}
	return fmt.Errorf("%w. The key's policy was changed, and opens nothing by itself: %s can't read the secret yet. %s", c.Err, p.Principal, again)
}
