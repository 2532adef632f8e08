package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gomodule/redigo/redis"

	"github.com/secretsync-dev/secretsync/internal/rotate"
	"github.com/secretsync-dev/secretsync/internal/rotate/login"
)

// callError returns what a failed command means. Of the server's text it has only what is known to repeat nothing of what was sent.
func callError(ctx context.Context, what string, err error) error {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return login.Away(ctx, what, err)
	}
	code, text, _ := strings.Cut(string(reply), " ")
	switch code {
	case "WRONGPASS", "NOAUTH":
		return fmt.Errorf("%s: %w (%s)", what, rotate.ErrDenied, code)
	case "LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "OOM", "READONLY":
		return login.Away(ctx, what, errors.New(string(reply)))
	case "NOPERM":
		return fmt.Errorf("%s: the user that did it may not: %s", what, text)
	}
	for _, known := range []string{"max number of clients reached", "max number of clients + cluster connections reached"} {
		if strings.HasPrefix(text, known) {
			return login.Away(ctx, what, errors.New(text))
		}
	}
	if strings.Contains(text, "not configured to use an ACL file") {
		return fmt.Errorf("%s: it has no ACL file (aclfile)", what)
	}
	lower := strings.ToLower(text)
	if strings.HasPrefix(lower, "unknown command") || strings.HasPrefix(lower, "unknown subcommand") || strings.HasPrefix(lower, "wrong number of arguments") {
		return fmt.Errorf("%s: the server does not know the command: it takes Redis 6 or later, and a service that allows it", what)
	}
	return fmt.Errorf("%s: the server answers with the error %s", what, code)
}
