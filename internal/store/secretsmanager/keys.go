package secretsmanager

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// aliases remembers which key an alias stands for, per place. It is safe for concurrent use.
type aliases struct {
	mu    sync.Mutex
	known map[keyName]*resolution
}

func newAliases() *aliases { return &aliases{known: map[keyName]*resolution{}} }

type resolution struct {
	once sync.Once
	key  keyName // zero: the alias stands for nothing
	ok   bool    // whether anything is known
}

// keyName is a key's name, taken apart: "alias/x" or an id, and where that is.
type keyName struct {
	account secret.AccountID
	region  secret.Region
	name    string
}

func (k keyName) isAlias() bool { return strings.HasPrefix(k.name, "alias/") }

func parseKey(k secret.Key, at secret.Place) keyName {
	if account, region := awscfg.ARNAccount(string(k)); account != "" {
		return keyName{account, region, strings.TrimPrefix(strings.SplitN(string(k), ":", 6)[5], "key/")}
	}
	return keyName{at.Account, at.Region, string(k)}
}

// SameKey reports whether a and b name one key.
//
//	both default, or of one form      compared as they are
//	default and another               different
//	an alias and anything else        one kms:DescribeKey per alias and place; ok is false where that is denied
func (d *destination) SameKey(ctx context.Context, a, b secret.Key) (same, ok bool) {
	a, b = keyOf(aws.String(string(a))), keyOf(aws.String(string(b)))
	if a == "" || b == "" {
		return a == b, true
	}
	x, y := parseKey(a, d.client.place), parseKey(b, d.client.place)
	if x == y {
		return true, true
	}
	for _, k := range []*keyName{&x, &y} {
		if !k.isAlias() {
			continue
		}
		if *k, ok = d.resolve(ctx, *k); !ok {
			return false, false
		}
	}
	return x == y && x.name != "", true
}

// keyDiffers reports whether a copy is known to be under another key than wanted. Where that can't be known, the key is left as it is.
func (d *destination) keyDiffers(ctx context.Context, have, want secret.Key) bool {
	same, ok := d.SameKey(ctx, have, want)
	return ok && !same
}

func (d *destination) resolve(ctx context.Context, alias keyName) (keyName, bool) {
	d.keys.mu.Lock()
	r := d.keys.known[alias]
	if r == nil {
		r = &resolution{}
		d.keys.known[alias] = r
	}
	d.keys.mu.Unlock()
	r.once.Do(func() {
		id := alias.name
		if alias.account != d.client.place.Account {
			id = "arn:" + awscfg.Partition(alias.region) + ":kms:" + string(alias.region) + ":" + string(alias.account) + ":" + alias.name
		}
		cfg := d.client.cfg
		if alias.region != d.client.place.Region {
			return // a key of another Region can't be used here
		}
		out, err := kms.NewFromConfig(cfg).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(id)})
		switch {
		case err == nil && out.KeyMetadata != nil:
			r.key, r.ok = parseKey(secret.Key(aws.ToString(out.KeyMetadata.Arn)), d.client.place), true
		case awscfg.Error("DescribeKey", d.client.place, err).Code == "NotFoundException":
			r.ok = true
		}
	})
	return r.key, r.ok
}
