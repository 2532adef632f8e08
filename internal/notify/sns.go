package notify

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

const maxSNSSubject = 100 // characters of ASCII

type topic struct {
	arn    string
	region secret.Region
	words  words
	deps   Deps
}

// regionOf returns the Region of a topic; empty where the ARN is not of one.
func regionOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" || !secret.AccountID(parts[4]).Valid() || parts[5] == "" {
		return ""
	}
	return parts[3]
}

func openSNS(s SNS, d Deps) (destination, error) {
	if d.Factory == nil {
		return nil, errors.New("sns: there is nothing to call AWS with")
	}
	w, err := parseWords(s.Subject, s.Text)
	if err != nil {
		return nil, err
	}
	region := regionOf(s.TopicARN)
	if s.Region != "" {
		region = s.Region
	}
	return &topic{arn: s.TopicARN, region: secret.Region(region), words: w, deps: d}, nil
}

func (t *topic) name() string { return "sns " + t.arn }

// send publishes a message. The attempts are the SDK's.
func (t *topic) send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, attempts*t.deps.Timeout+maxWait)
	defer cancel()
	cfg, err := t.deps.Factory.Config(ctx, awscfg.Target{Region: t.region})
	if err != nil {
		return err
	}
	client := sns.NewFromConfig(cfg, func(o *sns.Options) { o.RetryMaxAttempts = attempts })
	subject, badSubject := t.words.subjectOf(m)
	text, badText := t.words.textOf(m, maxText)
	in := &sns.PublishInput{TopicArn: &t.arn, Subject: aws.String(snsSubject(subject)), Message: &text}
	if strings.HasSuffix(t.arn, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String("secretsync"), aws.String(token(m.RunID+"-"+m.Outcome))
	}
	began := time.Now()
	if _, err := client.Publish(ctx, in); err != nil {
		return several(awscfg.Error("Publish", secret.Place{}, err), badSubject, badText)
	}
	t.deps.Log.DebugContext(ctx, "notification", "to", t.name(), "delivered", true, "took", time.Since(began))
	return several(badSubject, badText)
}

// snsSubject makes a subject what SNS takes: printable ASCII that begins with a visible character, at most 100.
func snsSubject(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s))
	if s == "" {
		return "secretsync"
	}
	return cut(s, maxSNSSubject)
}

// token makes a text one that headers and identifiers can carry: at most 128 letters, digits and hyphens.
func token(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, s)
	return s[:min(len(s), 128)]
}
