package awslocal

import (
	"sync"
	"time"
)

// quota is what AWS allows an account in a Region: calls a second, of all operations of a group together.
type quota struct {
	group     string
	perSecond float64
}

// quotaOf returns the quota that an operation counts against; false where AWS has none that matters here.
func quotaOf(service, operation string) (quota, bool) {
	switch service {
	case "secretsmanager":
		switch operation {
		case "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "ReplicateSecretToRegions", "RemoveRegionsFromReplication", "StopReplicationToReplica":
			return quota{"secretsmanager/update", 50}, true
		case "TagResource", "UntagResource":
			return quota{"secretsmanager/tag", 50}, true
		case "RotateSecret", "CancelRotateSecret":
			return quota{"secretsmanager/rotate", 50}, true
		case "PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy", "ValidateResourcePolicy":
			return quota{"secretsmanager/policy", 50}, true
		case "CreateSecret", "DeleteSecret", "RestoreSecret", "ListSecretVersionIds", "GetRandomPassword":
			return quota{"secretsmanager/" + operation, 50}, true
		case "BatchGetSecretValue", "ListSecrets":
			return quota{"secretsmanager/" + operation, 100}, true
		case "GetSecretValue":
			return quota{"secretsmanager/GetSecretValue", 10_000}, true
		case "DescribeSecret":
			return quota{"secretsmanager/DescribeSecret", 40_000}, true
		}
	case "ssm": // the first two are AWS's documented defaults; the others are from memory
		switch operation {
		case "GetParameter", "GetParameters", "GetParametersByPath":
			return quota{"ssm/get", 40}, true
		case "PutParameter":
			return quota{"ssm/PutParameter", 3}, true
		case "DescribeParameters":
			return quota{"ssm/DescribeParameters", 10}, true
		case "LabelParameterVersion", "UnlabelParameterVersion":
			return quota{"ssm/label", 3}, true
		case "GetParameterHistory", "DeleteParameter", "DeleteParameters":
			return quota{"ssm/" + operation, 5}, true
		case "AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource":
			return quota{"ssm/tags", 5}, true
		}
	case "kms":
		switch operation {
		case "Encrypt", "Decrypt", "GenerateDataKey":
			return quota{"kms/cryptographic", 10_000}, true
		case "DescribeKey":
			return quota{"kms/DescribeKey", 2_000}, true
		case "ListAliases", "ListKeys":
			return quota{"kms/" + operation, 500}, true
		case "CreateKey", "CreateAlias", "UpdateAlias", "EnableKey", "DisableKey", "CancelKeyDeletion":
			return quota{"kms/" + operation, 5}, true
		case "DeleteAlias", "ScheduleKeyDeletion":
			return quota{"kms/" + operation, 15}, true
		}
	case "sts":
		return quota{"sts", 600}, true
	}
	return quota{}, false
}

// quotas are token buckets that hold what one second allows, filled by the embedded AWS's clock. It is safe for concurrent use.
type quotas struct {
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

type bucketKey struct{ account, region, group string }

type bucket struct {
	tokens float64
	at     time.Time
}

// take counts one call, and reports whether the quota allows it.
func (q *quotas) take(account, region string, of quota, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := bucketKey{account, region, of.group}
	b := q.buckets[key]
	if b == nil {
		b = &bucket{tokens: of.perSecond, at: now}
		q.buckets[key] = b
	}
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(of.perSecond, b.tokens+d.Seconds()*of.perSecond)
		b.at = now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
