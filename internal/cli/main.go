// Package cli is the command line: commands, what they print as text and as JSON, and exit codes.
package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/secretsync-dev/secretsync/internal/engine"
)

// Main runs one command and returns its exit code. args are those after the program's name; env looks a variable up as os.LookupEnv does; version is
// what `version` prints, empty for what the build says of itself. Results go to stdout, everything else to stderr. When ctx ends, a run finishes the
// writes in flight and ends. The AWS settings alone, and what exec hands on to its command, are read from the process's own environment.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) (string, bool), version string) (code int) {
	noCoreDumps()
	a := newApp(stdin, stdout, stderr, env, version)
	defer func() {
		if p := recover(); p != nil {
			a.err.clear()
			a.err.line(panicText(p))
			code = exitNothing
		}
	}()
	root := newRoot(a)
	root.SetArgs(append([]string{}, args...)) // never nil, which stands for the process's own
	err := root.ExecuteContext(ctx)
	a.err.clear()
	code, message := codeOf(ctx, err)
	if message != "" {
		a.fail(message)
	}
	return code
}

// panicText says where the program broke. The panic's own value is left out, and so are the arguments of functions: a secret may be among them.
func panicText(value any) string {
	const report = "internal error: a panic of type %s. This is a mistake of the program: please report it, with the lines below. They hold no secret."
	if p, ok := value.(*engine.PanicError); ok {
		return fmt.Sprintf(report, p.Type) + p.Where
	}
	text := fmt.Sprintf(report, fmt.Sprintf("%T", value))
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		text += fmt.Sprintf("\n  %s\n    %s:%d", f.Function, f.File, f.Line)
		if !more {
			return text
		}
	}
}
