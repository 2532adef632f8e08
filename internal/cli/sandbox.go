package cli

import (
	"bytes"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/awslocal"
)

// sandboxLedger is how many calls a sandbox remembers.
const sandboxLedger = 1000

func newSandbox(a *app) *cobra.Command {
	var listen, seed string
	var enforce bool
	cmd := &cobra.Command{
		Use: "sandbox", Short: "Runs a local AWS-compatible endpoint: Secrets Manager, Parameter Store, KMS, SNS and STS of any number of accounts", Args: cobra.NoArgs,
		Long: `Runs a local AWS-compatible endpoint until it is interrupted. Everything is in memory.
Any credentials work; the account is 123456789012 unless the access key id is itself 12 digits; any role of any account can be assumed.
With --enforce-iam identities, policies and trust count, as the seed file gives them.`,
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4566", "the address to listen on")
	cmd.Flags().StringVar(&seed, "seed", "", "a YAML file with the accounts, roles, keys, secrets, queues and so on to begin with")
	cmd.Flags().BoolVar(&enforce, "enforce-iam", false, "let identities, policies and trust count")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := awslocal.Options{EnforceIAM: enforce, Log: a.log, LedgerSize: sandboxLedger}
		if seed != "" {
			data, err := readFile(cmd.Context(), seed)
			if err != nil {
				return fmt.Errorf("seed: %w", err)
			}
			if o.Seed, err = awslocal.ParseSeed(bytes.NewReader(data), seed); err != nil {
				return err
			}
		}
		if enforce && seed == "" {
			return fmt.Errorf("--enforce-iam needs --seed: without identities nobody could do anything")
		}
		server, err := awslocal.New(o)
		if err != nil {
			return err
		}
		defer func() { _ = server.Close() }() // a second close says what the first did
		url, err := server.Listen(listen)
		if err != nil {
			return err
		}
		a.introduceSandbox(url, listen, enforce)
		<-cmd.Context().Done()
		return server.Close()
	}
	return cmd
}

func (a *app) introduceSandbox(url, listen string, enforce bool) {
	a.note("sandbox: an AWS in memory listens at %s; end it with Ctrl-C. In another terminal:", url)
	a.note("  export AWS_ENDPOINT_URL=%s AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1", url)
	if enforce {
		a.note("  export AWS_ACCESS_KEY_ID=…an accessKeyId of the seed file… AWS_SECRET_ACCESS_KEY=any")
	} else {
		a.note("  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=any   # an id of 12 digits is that account", awslocal.DefaultAccount)
	}
	a.note("  secretsync plan")
	if host, _, err := net.SplitHostPort(listen); err == nil {
		if ip := net.ParseIP(host); host == "" || ip != nil && !ip.IsLoopback() {
			a.warn("whoever reaches " + listen + " reads and changes everything in this sandbox")
		}
	}
}
