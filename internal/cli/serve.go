package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/secretsync-dev/secretsync/internal/awscfg"
	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/daemon"
	"github.com/secretsync-dev/secretsync/internal/kube"
)

func newServe(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Runs as a daemon: schedules, events, health and metrics", Args: cobra.NoArgs,
		Long: `Runs every sync by its schedule, and follows the events of a queue, until it is told to end.

SIGTERM ends it: writes in flight are finished first. SIGHUP reads the configuration again; one that is not valid changes nothing.`,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if a.flags.sync != "" || len(a.flags.only) > 0 {
			return errors.New("serve runs the whole configuration: --sync and --only don't apply")
		}
		if a.json() {
			return errors.New("serve prints no result: for its log as JSON there is --log-format json")
		}
		if !cmd.Flags().Changed("log-level") {
			a.logAt(slog.LevelInfo)
		}
		return a.serve(cmd.Context())
	}
	return cmd
}

// serve runs the daemon until ctx ends.
func (a *app) serve(ctx context.Context) error {
	metrics := daemon.NewMetrics(buildOf(a.version).Version)
	known := &past{} // also after a reload
	reload := make(chan struct{}, 1)
	stop := onHangup(reload)
	defer stop()
	return daemon.Serve(ctx, daemon.Options{
		Open: func(ctx context.Context) (*daemon.Session, daemon.Settings, error) {
			u, err := a.unattended(ctx, known, metrics.Observe)
			if err != nil {
				return nil, daemon.Settings{}, err
			}
			return u.daemon(), settingsOf(u.session.file.Serve), nil
		},
		Reload: reload,
		Queue:  a.queue,
		Lead:   a.lead,
		Log:    a.log, Metrics: metrics,
	})
}

// onHangup asks for a reload whenever the process gets SIGHUP, until stop is called.
func onHangup(reload chan<- struct{}) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
				select {
				case reload <- struct{}{}:
				default: // one is asked for already
				}
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// settingsOf returns what the daemon has to know of `serve:`. Schedules are in its syncs.
func settingsOf(s config.Serve) daemon.Settings {
	settings := daemon.Settings{Listen: s.Listen, Queue: s.Queue}
	if s.Lease != nil {
		settings.Lease = &daemon.Lease{Namespace: s.Lease.Namespace, Name: s.Lease.Name}
	}
	return settings
}

// queue opens a queue with the ambient credentials. It waits for messages, so it is not called through a factory, which would cut it off.
func (a *app) queue(ctx context.Context, url string) (daemon.Queue, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(sdkLog{a.log}))
	if err != nil {
		return nil, err
	}
	return daemon.OpenSQS(cfg, url)
}

// lead calls do whenever this replica leads by a Lease of the cluster that the environment names.
func (a *app) lead(ctx context.Context, l daemon.Lease, do func(context.Context)) error {
	c, err := kube.Open(awscfg.New(awscfg.Options{Logger: a.log}), kube.Settings{})
	if err != nil {
		return err
	}
	return c.Lead(ctx, kube.LeaseOptions{Namespace: l.Namespace, Name: l.Name, Logger: a.log}, do)
}
