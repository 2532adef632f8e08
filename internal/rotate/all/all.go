// Package all has the list of engines that change credentials.
package all

import (
	"log/slog"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/command"
	"github.com/secretsync-dev/secretsync/internal/rotate/generate"
	"github.com/secretsync-dev/secretsync/internal/rotate/mysql"
	"github.com/secretsync-dev/secretsync/internal/rotate/postgres"
	"github.com/secretsync-dev/secretsync/internal/rotate/redis"
	"github.com/secretsync-dev/secretsync/internal/rotate/webhook"
)

// Options are what engines work with. The zero Options are ready.
type Options struct {
	Log *slog.Logger // nil: no log
}

// Engines returns the engines by the names that the configuration and the secrets' own JSON (its member "engine") use. RDS writes there what the AWS SDKs call the engine of an instance.
func Engines(o Options) map[string]rotate.Engine {
	generated := generate.New()
	mysqlNames := []string{"mysql", "aurora", "aurora-mysql", "mariadb"}
	mysqlLike := rotate.Database(mysql.Login{}, 3306, mysqlNames...)
	mariadb := rotate.Database(mysql.Login{MariaDB: true}, 3306, mysqlNames...)
	postgresLike := rotate.Database(postgres.Login{}, 5432, "postgres", "postgresql", "aurora-postgresql")
	redisLike := rotate.Database(redis.Login{}, 6379, "redis", "valkey")
	return map[string]rotate.Engine{
		"postgres":          postgresLike,
		"postgresql":        postgresLike,
		"aurora-postgresql": postgresLike,
		"redshift":          rotate.Database(postgres.Login{Redshift: true}, 5439, "redshift"),
		"mysql":             mysqlLike,
		"aurora":            mysqlLike,
		"aurora-mysql":      mysqlLike,
		"mariadb":           mariadb,
		"redis":             redisLike,
		"valkey":            redisLike,
		"generate":          generated,
		"exec":              command.New(command.Options{Generate: generated, Log: o.Log}),
		"webhook":           webhook.New(webhook.Options{Generate: generated}),
	}
}
