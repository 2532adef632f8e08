package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

// canary is a part of every value that a script writes.
const canary = "cAnArY-5f1e"

// at returns a client of a place, ACCOUNT/REGION. Its calls count in `calls`, until `forget`.
func (w *world) at(place string) (*secretsmanager.Client, error) {
	account, region, ok := strings.Cut(place, "/")
	if !ok {
		return nil, fmt.Errorf("%q: want ACCOUNT/REGION", place)
	}
	return secretsmanager.New(secretsmanager.Options{
		Region: region, BaseEndpoint: aws.String("http://embedded"), HTTPClient: &http.Client{Transport: w.aws.Transport()},
		Credentials: credentials.NewStaticCredentialsProvider(account, "any", ""),
	}), nil
}

// value returns a value that no other is equal to.
func (w *world) value() *string {
	w.written++
	return aws.String(fmt.Sprintf(`{"password":"%s-%d"}`, canary, w.written))
}

func (w *world) put(_ *testscript.TestScript, _ bool, args []string) error {
	return w.create(args[0], args[1], w.value(), args[2:])
}

func (w *world) putFile(ts *testscript.TestScript, _ bool, args []string) error {
	return w.create(args[0], args[1], aws.String(ts.ReadFile(args[2])), nil)
}

func (w *world) create(place, name string, value *string, tags []string) error {
	c, err := w.at(place)
	if err != nil {
		return err
	}
	in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: value}
	for _, pair := range tags {
		k, v, _ := strings.Cut(pair, "=")
		in.Tags = append(in.Tags, types.Tag{Key: &k, Value: &v})
	}
	_, err = c.CreateSecret(context.Background(), in)
	return err
}

func (w *world) edit(_ *testscript.TestScript, _ bool, args []string) error {
	c, err := w.at(args[0])
	if err != nil {
		return err
	}
	_, err = c.PutSecretValue(context.Background(), &secretsmanager.PutSecretValueInput{SecretId: &args[1], SecretString: w.value()})
	return err
}

func (w *world) tag(_ *testscript.TestScript, _ bool, args []string) error {
	c, err := w.at(args[0])
	if err != nil {
		return err
	}
	for _, pair := range args[2:] {
		k, v, _ := strings.Cut(pair, "=")
		if v == "" {
			_, err = c.UntagResource(context.Background(), &secretsmanager.UntagResourceInput{SecretId: &args[1], TagKeys: []string{k}})
		} else {
			_, err = c.TagResource(context.Background(), &secretsmanager.TagResourceInput{SecretId: &args[1], Tags: []types.Tag{{Key: &k, Value: &v}}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *world) remove(_ *testscript.TestScript, _ bool, args []string) error {
	c, err := w.at(args[0])
	if err != nil {
		return err
	}
	_, err = c.DeleteSecret(context.Background(), &secretsmanager.DeleteSecretInput{SecretId: &args[1]})
	return err
}

func (w *world) restore(_ *testscript.TestScript, _ bool, args []string) error {
	c, err := w.at(args[0])
	if err != nil {
		return err
	}
	_, err = c.RestoreSecret(context.Background(), &secretsmanager.RestoreSecretInput{SecretId: &args[1]})
	return err
}

func (w *world) there(_ *testscript.TestScript, neg bool, args []string) error {
	c, err := w.at(args[0])
	if err != nil {
		return err
	}
	out, err := c.DescribeSecret(context.Background(), &secretsmanager.DescribeSecretInput{SecretId: &args[1]})
	var absent *types.ResourceNotFoundException
	if err != nil && !errors.As(err, &absent) {
		return err
	}
	if is := err == nil && out.DeletedDate == nil; is == neg {
		return fmt.Errorf("%s in %s: there: %v", args[1], args[0], is)
	}
	return nil
}

func (w *world) same(_ *testscript.TestScript, neg bool, args []string) error {
	var values [2][]byte
	for i := range values {
		c, err := w.at(args[i])
		if err != nil {
			return err
		}
		out, err := c.GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: &args[2]})
		if err != nil {
			return err
		}
		values[i] = []byte(aws.ToString(out.SecretString))
	}
	if bytes.Equal(values[0], values[1]) == neg {
		return fmt.Errorf("%s in %s and %s: the same: %v", args[2], args[0], args[1], !neg)
	}
	return nil
}

func (w *world) calls(_ *testscript.TestScript, _ bool, args []string) error {
	m := awslocal.Match{Operation: args[1]}
	if len(args) > 2 {
		m.Account = args[2]
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if got := w.aws.Ledger().Count(m); got != want {
		return fmt.Errorf("%d calls of %s, want %d", got, args[1], want)
	}
	return nil
}

func (w *world) forget(*testscript.TestScript, bool, []string) error {
	w.aws.Ledger().Reset()
	return nil
}

func (w *world) refuse(_ *testscript.TestScript, _ bool, args []string) error {
	f := awslocal.Fault{Operation: args[0], Code: "AccessDeniedException"}
	f.Message = "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: secretsmanager:" + args[0] + " on resource: x because no identity-based policy allows it"
	if len(args) > 1 {
		f.Account = args[1]
	}
	w.aws.Faults().Add(f)
	return nil
}

func (w *world) allow(*testscript.TestScript, bool, []string) error {
	w.aws.Faults().Clear()
	return nil
}

func (w *world) slow(_ *testscript.TestScript, _ bool, args []string) error {
	for len(w.reached) > 0 {
		<-w.reached
	}
	w.aws.Faults().Add(awslocal.Fault{Operation: args[0], Delay: 500 * time.Millisecond, Then: func(awslocal.Call) { w.reached <- struct{}{} }})
	return nil
}

func (w *world) lag(_ *testscript.TestScript, _ bool, args []string) error {
	d, err := time.ParseDuration(args[0])
	w.aws.SetListLag(d)
	return err
}

// later moves the embedded AWS's clock.
func (w *world) later(_ *testscript.TestScript, _ bool, args []string) error {
	d, err := time.ParseDuration(args[0])
	w.ahead.Add(int64(d))
	return err
}
