// Package lambda is the program as a function of AWS Lambda: it reads events, runs what they ask for before the function's deadline, answers as their sender
// expects it, and writes logs and metrics for CloudWatch.
package lambda

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/secretsync-dev/secretsync/internal/daemon"
)

// runtimeEnv is set where Lambda starts a program as a function.
const runtimeEnv = "AWS_LAMBDA_RUNTIME_API"

const (
	defaultReserve = 10 * time.Second
	coldStart      = 8 * time.Second // Lambda gives a function ten to begin
)

// Options say what a function works with. Open must be set.
type Options struct {
	// Open opens the configuration. It is called when the function starts, again at every invocation until it succeeds, and again as Reopen says; never twice at
	// the same time. The session must stay good when its ctx has ended.
	Open func(ctx context.Context) (*daemon.Session, error)
	// Reopen is how old a session may become before it is opened anew, at the next invocation; where that fails, the last one that was good is used further.
	// Zero: it is good as long as the process lives.
	Reopen time.Duration
	// Reserve is what is kept of an invocation's time to finish the writes in flight and to answer, but never more than a tenth of what is left. Zero: 10 seconds.
	Reserve time.Duration
	// Log is written one line for every change that failed or was refused, and for every run; NewLog makes one that Lambda understands. Nil: no log.
	Log *slog.Logger
	// Metrics is written one line of CloudWatch's embedded metric format for every run, and one for each of its syncs. It must be the process's standard output or
	// standard error, which Lambda sends to CloudWatch. Nil: no metrics.
	Metrics io.Writer
}

// Run serves invocations until Lambda ends the process. It returns an error where the process was not started by Lambda or Open is not set, and never else: where
// the runtime's API can't be reached any more, AWS's library ends the process with exit code 1, and Lambda starts another. Run makes the standard library's own
// log, in which that library writes the errors that it returns, write lines without a time.
func Run(ctx context.Context, o Options) error {
	switch {
	case os.Getenv(runtimeEnv) == "":
		return errors.New("not a Lambda function: " + runtimeEnv + " is not set")
	case o.Open == nil:
		return errors.New("run as a Lambda function: nothing to open")
	}
	log.SetFlags(0)
	f := newFunction(o)
	f.warmUp(ctx)
	awslambda.StartWithOptions(f, awslambda.WithContext(ctx))
	return nil
}

// NewLog returns a log of JSON lines with the names of members by which Lambda tells times and levels.
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 {
			switch a.Key {
			case slog.TimeKey:
				a.Key = "timestamp"
			case slog.MessageKey:
				a.Key = "message"
			}
		}
		return a
	}}))
}
