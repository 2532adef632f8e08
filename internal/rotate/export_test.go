package rotate

import (
	"context"
	"time"
)

// Hasty returns an engine that waits for nothing.
func Hasty(e Engine) Engine {
	d := e.(database)
	d.pause = func(context.Context, time.Duration) {}
	return d
}
