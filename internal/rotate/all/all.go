// Package all is the list of engines, by every name that settings and the secrets' own JSON use.
package all

import (
	"log/slog"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/command"
	"github.com/secretsync-dev/secretsync/internal/rotate/generate"
	"github.com/secretsync-dev/secretsync/internal/rotate/postgres"
	"github.com/secretsync-dev/secretsync/internal/rotate/webhook"
)

// Engines returns every engine. log may be nil.
func Engines(log *slog.Logger) map[string]rotate.Engine {
	plain := generate.New()
	return map[string]rotate.Engine{
		"postgres": rotate.Database(postgres.Login{}),
		"generate": plain,
		"exec":     command.New(command.Options{Generate: plain, Log: log}),
		"webhook":  webhook.New(webhook.Options{Generate: plain}),
	}
}
