package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/secret"
)

// readSecret reads a configuration that is kept in Secrets Manager, with the ambient credentials, and returns the secret's own name too.
func readSecret(ctx context.Context, factory *awscfg.Factory, id string) ([]byte, secret.Name, error) {
	if id == "" {
		return nil, "", errors.New("secretsmanager: names no secret: want secretsmanager:NAME")
	}
	cfg, err := factory.Ambient(ctx)
	if err != nil {
		return nil, "", err
	}
	out, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
	if err != nil {
		return nil, "", remoteError("GetSecretValue", id, cfg.Region, err)
	}
	if out.SecretString == nil {
		return out.SecretBinary, secret.Name(aws.ToString(out.Name)), nil
	}
	return []byte(*out.SecretString), secret.Name(aws.ToString(out.Name)), nil
}

// readParameter reads a configuration that is kept in Parameter Store, with the ambient credentials.
func readParameter(ctx context.Context, factory *awscfg.Factory, name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New("ssm: names no parameter: want ssm:NAME")
	}
	cfg, err := factory.Ambient(ctx)
	if err != nil {
		return nil, err
	}
	out, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(true)})
	if err != nil {
		return nil, remoteError("GetParameter", name, cfg.Region, err)
	}
	if out.Parameter == nil || out.Parameter.Value == nil {
		return nil, fmt.Errorf("GetParameter %q: the answer holds no value", name)
	}
	return []byte(*out.Parameter.Value), nil
}

func remoteError(op, name, region string, err error) error {
	e := *awscfg.Error(op, secret.Place{Region: secret.Region(region)}, err)
	if e.Name == "" {
		e.Name = secret.Name(name)
	}
	return &e
}
