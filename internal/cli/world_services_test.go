package cli

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// place returns what a client of an account and Region is made of.
func (w *world) place(place string) (aws.Config, error) {
	account, region, ok := strings.Cut(place, "/")
	if !ok {
		return aws.Config{}, fmt.Errorf("%q is no ACCOUNT/REGION", place)
	}
	return aws.Config{Region: region, HTTPClient: &http.Client{Transport: w.aws.Transport()}, BaseEndpoint: aws.String("http://embedded"),
		Credentials: credentials.NewStaticCredentialsProvider(account, "any", "")}, nil
}

// topic makes a topic: topic PLACE NAME.
func (w *world) topic(_ *testscript.TestScript, _ bool, args []string) error {
	cfg, err := w.place(args[0])
	if err != nil {
		return err
	}
	_, err = sns.NewFromConfig(cfg).CreateTopic(context.Background(), &sns.CreateTopicInput{Name: &args[1]})
	return err
}

// published says how many messages a topic got, and what the last of them matches: published PLACE TOPIC N [REGEXP...].
func (w *world) published(_ *testscript.TestScript, _ bool, args []string) error {
	account, region, _ := strings.Cut(args[0], "/")
	all := w.aws.Published(fmt.Sprintf("arn:aws:sns:%s:%s:%s", region, account, args[1]))
	want, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	if len(all) != want {
		return fmt.Errorf("%d messages were published, want %d", len(all), want)
	}
	for _, m := range all {
		if strings.Contains(m.Subject+m.Message, canary) {
			return fmt.Errorf("a message holds a value")
		}
	}
	for _, expr := range args[3:] {
		form, err := regexp.Compile(expr)
		if err != nil {
			return err
		}
		if last := all[len(all)-1]; !form.MatchString(last.Subject + "\n" + last.Message) {
			return fmt.Errorf("the last message does not match %q:\n%s\n%s", expr, last.Subject, last.Message)
		}
	}
	return nil
}

// parameter makes a parameter, or gives it another value: parameter PLACE NAME.
func (w *world) parameter(_ *testscript.TestScript, _ bool, args []string) error {
	cfg, err := w.place(args[0])
	if err != nil {
		return err
	}
	_, err = ssm.NewFromConfig(cfg).PutParameter(context.Background(), &ssm.PutParameterInput{Name: &args[1], Value: w.value(), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
	return err
}

// parameterIs says that a parameter has a value; without one, that there is none: [!] parameter-is PLACE NAME [VALUE].
func (w *world) parameterIs(_ *testscript.TestScript, neg bool, args []string) error {
	cfg, err := w.place(args[0])
	if err != nil {
		return err
	}
	got, err := ssm.NewFromConfig(cfg).GetParameter(context.Background(), &ssm.GetParameterInput{Name: &args[1], WithDecryption: aws.Bool(true)})
	switch {
	case neg && err == nil:
		return fmt.Errorf("there is a parameter %s in %s", args[1], args[0])
	case neg:
		return nil
	case err != nil:
		return err
	case len(args) > 2 && aws.ToString(got.Parameter.Value) != args[2]:
		return fmt.Errorf("the parameter %s holds another value of %d bytes", args[1], len(aws.ToString(got.Parameter.Value)))
	}
	return nil
}
