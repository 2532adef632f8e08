package cli

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/lambda"
)

const (
	// lambdaEnv is set where AWS Lambda starts a program as a function.
	lambdaEnv = "AWS_LAMBDA_RUNTIME_API"
	// lambdaLevel is the level of the log that the function's settings ask for.
	lambdaLevel = "AWS_LAMBDA_LOG_LEVEL"
	// reopenRemote is how old a configuration that is kept in AWS may become in a function.
	reopenRemote = 5 * time.Minute
)

// lambda runs the program as a function of AWS Lambda until that ends the process.
func (a *app) lambda(ctx context.Context) error {
	level := slog.LevelInfo
	switch strings.ToUpper(a.getenv(lambdaLevel)) {
	case "TRACE", "DEBUG":
		level = slog.LevelDebug
	case "WARN":
		level = slog.LevelWarn
	case "ERROR", "FATAL":
		level = slog.LevelError
	}
	a.log = lambda.NewLog(a.err, level)
	a.said = a.log
	name, err := a.configName()
	if err != nil {
		return err
	}
	reopen := time.Duration(0)
	if strings.HasPrefix(name, fromSecrets) || strings.HasPrefix(name, fromParameter) {
		reopen = reopenRemote
	}
	known := &past{}
	return lambda.Run(ctx, lambda.Options{
		Open: func(ctx context.Context) (*daemon.Session, error) {
			u, err := a.unattended(ctx, known, nil)
			if err != nil {
				return nil, err
			}
			return u.daemon(), nil
		},
		Reopen: reopen, Log: a.log, Metrics: a.out,
	})
}
