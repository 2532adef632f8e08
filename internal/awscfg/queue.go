package awscfg

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// queueHost finds the Region in the name of an endpoint of SQS, whatever partition or VPC endpoint it belongs to.
var queueHost = regexp.MustCompile(`(?:^|\.)sqs(?:-fips)?\.([a-z]{2,}(?:-[a-z]+)+-[0-9]+)\.`)

// QueueRegion returns the Region of a queue from its URL; empty where that does not tell it, as behind an endpoint of one's own.
func QueueRegion(queue string) secret.Region {
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	if m := queueHost.FindStringSubmatch(u.Host); m != nil {
		return secret.Region(m[1])
	}
	return ""
}

// QueueARN returns the ARN of a queue from its URL; false where that does not tell it.
func QueueARN(queue string) (string, bool) {
	region := QueueRegion(queue)
	u, err := url.Parse(queue)
	if err != nil || region == "" {
		return "", false
	}
	account, name, ok := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if !ok || !secret.AccountID(account).Valid() || name == "" || strings.Contains(name, "/") {
		return "", false
	}
	return strings.Join([]string{"arn", Partition(region), "sqs", string(region), account, name}, ":"), true
}
