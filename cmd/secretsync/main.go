// Command secretsync copies secrets from where they are kept to where they are needed.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/secretsync-dev/secretsync/internal/cli"
)

// version is set when a release is built; empty: the build says of itself what it is.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv, version))
}
