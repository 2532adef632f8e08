package awscfg_test

import (
	"testing"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
)

func TestTheURLOfAQueueTellsItsARN(t *testing.T) {
	for url, want := range map[string]string{
		"https://sqs.us-east-1.amazonaws.com/111122223333/changes":               "arn:aws:sqs:us-east-1:111122223333:changes",
		"https://sqs.cn-north-1.amazonaws.com.cn/111122223333/changes":           "arn:aws-cn:sqs:cn-north-1:111122223333:changes",
		"https://sqs-fips.us-west-2.amazonaws.com/111122223333/changes":          "arn:aws:sqs:us-west-2:111122223333:changes",
		"https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/111122223333/changes":   "arn:aws:sqs:eu-west-1:111122223333:changes",
		"http://127.0.0.1:4566/111122223333/changes":                             "",
		"https://sqs.us-east-1.amazonaws.com/1111/changes":                       "",
		"https://sqs.us-east-1.amazonaws.com/111122223333/changes/and/some/more": "",
		"https://sqs.us-east-1.amazonaws.com/111122223333/":                      "",
		"://": "",
	} {
		if got, ok := awscfg.QueueARN(url); got != want || ok != (want != "") {
			t.Errorf("%s: got %q", url, got)
		}
	}
}
