package awscfg

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Keys remembers which key an alias stands for, per place. It is safe for concurrent use.
type Keys struct {
	mu    sync.Mutex
	known map[keyName]*resolution
}

// NewKeys returns Keys that know nothing yet.
func NewKeys() *Keys { return &Keys{known: map[keyName]*resolution{}} }

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
	if account, region := ARNAccount(string(k)); account != "" {
		return keyName{account, region, strings.TrimPrefix(strings.SplitN(string(k), ":", 6)[5], "key/")}
	}
	return keyName{at.Account, at.Region, string(k)}
}

// Same reports whether a and b name one key of a place that cfg calls. A service's default key is empty, however the service spells it.
//
//	both default, or of one form      compared as they are
//	default and another               different
//	an alias and anything else        one kms:DescribeKey per alias and place; ok is false where that is denied
func (k *Keys) Same(ctx context.Context, cfg aws.Config, at secret.Place, a, b secret.Key) (same, ok bool) {
	if a == "" || b == "" {
		return a == b, true
	}
	x, y := parseKey(a, at), parseKey(b, at)
	if x == y {
		return true, true
	}
	for _, n := range []*keyName{&x, &y} {
		if !n.isAlias() {
			continue
		}
		if *n, ok = k.resolve(ctx, cfg, at, *n); !ok {
			return false, false
		}
	}
	return x == y && x.name != "", true
}

func (k *Keys) resolve(ctx context.Context, cfg aws.Config, at secret.Place, alias keyName) (keyName, bool) {
	k.mu.Lock()
	r := k.known[alias]
	if r == nil {
		r = &resolution{}
		k.known[alias] = r
	}
	k.mu.Unlock()
	r.once.Do(func() {
		id := alias.name
		if alias.account != at.Account {
			id = "arn:" + Partition(alias.region) + ":kms:" + string(alias.region) + ":" + string(alias.account) + ":" + alias.name
		}
		if alias.region != at.Region {
			return // a key of another Region can't be used here
		}
		out, err := kms.NewFromConfig(cfg).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(id)})
		switch {
		case err == nil && out.KeyMetadata != nil:
			r.key, r.ok = parseKey(secret.Key(aws.ToString(out.KeyMetadata.Arn)), at), true
		case Error("DescribeKey", at, err).Code == "NotFoundException":
			r.ok = true
		}
	})
	return r.key, r.ok
}
