package cli

import (
	"fmt"
	"log/slog"

	"github.com/aws/smithy-go/logging"
)

// sdkLog takes what the AWS SDK says, which would else go to standard error past the log, its format and the progress.
// It is for those who debug: what the SDK warns of either ends in an error or does not matter.
type sdkLog struct{ log *slog.Logger }

func (l sdkLog) Logf(level logging.Classification, format string, args ...any) {
	l.log.Debug(clean(fmt.Sprintf(format, args...)), "from", "AWS SDK", "classification", string(level))
}
