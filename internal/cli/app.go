package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app is one invocation of the program: its streams, its environment and the flags that every command has.
type app struct {
	version string
	in      io.Reader
	out     io.Writer
	err     *screen
	env     func(string) (string, bool)
	log     *slog.Logger
	said    *slog.Logger // what is told whatever the level of the log; nil: as lines of text
	flags   flags
}

// flags are those that every command has.
type flags struct {
	config    string
	output    string
	only      []string
	sync      string
	logLevel  string
	logFormat string
}

func newApp(in io.Reader, out, err io.Writer, env func(string) (string, bool), version string) *app {
	return &app{
		version: version, in: in, out: out, err: newScreen(err), env: env,
		log: slog.New(slog.DiscardHandler), flags: flags{output: "text", logFormat: "text"},
	}
}

// begin checks the flags that every command has, and opens the log.
func (a *app) begin(cmd *cobra.Command) error {
	if a.flags.output != "text" && a.flags.output != "json" {
		return fmt.Errorf("--output %q: want text or json", a.flags.output)
	}
	var level slog.Level
	switch a.flags.logLevel {
	case "debug":
		level = slog.LevelDebug
	case "info":
		level = slog.LevelInfo
	case "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	default:
		return fmt.Errorf("--log-level %q: want debug, info, warn or error", a.flags.logLevel)
	}
	switch a.flags.logFormat {
	case "text":
	case "json":
		a.said = slog.New(slog.NewJSONHandler(a.err, nil))
	default:
		return fmt.Errorf("--log-format %q: want text or json", a.flags.logFormat)
	}
	a.logAt(level)
	return a.notEmpty(cmd)
}

// logAt opens the log, of what is of a level or more.
func (a *app) logAt(level slog.Level) {
	options := &slog.HandlerOptions{Level: level}
	if a.flags.logFormat == "json" {
		a.log = slog.New(slog.NewJSONHandler(a.err, options))
		return
	}
	a.log = slog.New(slog.NewTextHandler(a.err, options))
}

// notEmpty refuses a flag that was given as nothing, as a variable that is not set gives it: that must not mean the default.
func (a *app) notEmpty(cmd *cobra.Command) error {
	for _, f := range []struct{ name, value, want string }{
		{"config", a.flags.config, "a file, secretsmanager:NAME or ssm:NAME"},
		{"sync", a.flags.sync, "the name of a sync"},
	} {
		if f.value == "" && cmd.Flags().Changed(f.name) {
			return fmt.Errorf("--%s is empty: want %s", f.name, f.want)
		}
	}
	return nil
}

// getenv returns a variable; empty where it is not set.
func (a *app) getenv(name string) string {
	v, _ := a.env(name)
	return v
}

func (a *app) json() bool { return a.flags.output == "json" }

// colour reports whether results may be coloured.
func (a *app) colour() bool {
	return isTerminal(a.out) && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// note tells a person something that is no result and no warning.
func (a *app) note(format string, args ...any) {
	text := clean(fmt.Sprintf(format, args...))
	if a.said != nil {
		a.said.Warn(text, "kind", "note")
		return
	}
	a.err.line(text)
}

// warn tells a person what they should see although the command goes on.
func (a *app) warn(text string) {
	if a.said != nil {
		a.said.Warn(clean(text))
		return
	}
	a.err.line("warning: " + clean(text))
}

// fail tells why the command ends.
func (a *app) fail(text string) {
	if a.said != nil {
		a.said.Error(clean(text))
		return
	}
	a.err.line("error: " + cleanLines(text))
}

// print writes a result.
func (a *app) print(text string) error {
	a.err.clear()
	if _, err := io.WriteString(a.out, text); err != nil {
		return &outputError{err}
	}
	return nil
}

// printJSON writes a result as indented JSON.
func (a *app) printJSON(v any) error {
	data, err := marshal(v)
	if err != nil {
		return err
	}
	return a.print(string(data))
}

// marshal returns indented JSON that ends in a newline.
func marshal(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write JSON: %w", err)
	}
	return append(data, '\n'), nil
}
