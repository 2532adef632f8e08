package parameterstore

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// SameKey reports whether a and b name one key, as awscfg.Keys does.
func (d *destination) SameKey(ctx context.Context, a, b secret.Key) (same, ok bool) {
	return d.keys.Same(ctx, d.client.cfg, d.client.place, keyOf(aws.String(string(a))), keyOf(aws.String(string(b))))
}

// keyDiffers reports whether a copy is known to be under another key than wanted. Where that can't be known, the key is left as it is.
func (d *destination) keyDiffers(ctx context.Context, have, want secret.Key) bool {
	same, ok := d.SameKey(ctx, have, want)
	return ok && !same
}
