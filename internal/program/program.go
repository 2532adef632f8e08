// Package program runs other programs: no shell, a process group of their own, an end in time, and no word of what they print in an error.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"time"
)

// Program is a program and what it is given. It inherits the environment and the working directory.
type Program struct {
	Args  []string // the program, looked up in PATH where it has no slash, and its arguments
	Stdin []byte   // nil: nothing
	// MaxOutput is how many bytes of standard output are taken; more is an error. 0: the output is thrown away, however long.
	MaxOutput int
	// MaxErrors is how many bytes of standard error are kept: the rest is thrown away. 0: all of it is.
	MaxErrors int
}

// Result is what a program left behind.
type Result struct {
	Code   int    // the exit code
	Stdout []byte // as far as Program.MaxOutput allows
	Stderr []byte // the first Program.MaxErrors bytes
	Cut    bool   // there was more on standard error
}

// ErrNotStarted is a program that never ran: nothing was done.
var ErrNotStarted = errors.New("not started")

// linger is how long a program's children may keep its output open after its own end.
const linger = 2 * time.Second

// Name is what errors call the program.
func (p Program) Name() string {
	if len(p.Args) == 0 {
		return ""
	}
	return filepath.Base(p.Args[0])
}

// Run runs the program to its end. Any exit code is a Result, and no error; errors are ErrNotStarted, the context's own (the program and all it started are killed then), a signal that ended
// it, too much output, and children that keep its output open. No error quotes what the program was given or what it printed.
func (p Program) Run(ctx context.Context) (Result, error) {
	if len(p.Args) == 0 || p.Args[0] == "" {
		return Result{}, fmt.Errorf("%w: no program is named", ErrNotStarted)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	running, kill := context.WithCancel(ctx)
	defer kill()
	out := &limited{max: p.MaxOutput, full: kill}
	said := &limited{max: p.MaxErrors}
	cmd := exec.CommandContext(running, p.Args[0], p.Args[1:]...) //nolint:gosec // the configuration names the program: running it is what it is for
	if p.Stdin != nil {
		cmd.Stdin = bytes.NewReader(p.Stdin)
	}
	if p.MaxOutput > 0 {
		cmd.Stdout = out
	}
	if p.MaxErrors > 0 {
		cmd.Stderr = said
	}
	cmd.WaitDelay = linger
	inGroup(cmd)
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("%w: %w", ErrNotStarted, cause(err))
	}
	err := cmd.Wait()
	r := Result{Code: cmd.ProcessState.ExitCode(), Stdout: out.buf.Bytes(), Stderr: said.buf.Bytes(), Cut: said.over}
	var exit *exec.ExitError
	switch {
	case out.over:
		return Result{}, fmt.Errorf("more than %d bytes on its standard output", p.MaxOutput)
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	case errors.Is(err, exec.ErrWaitDelay):
		killGroup(cmd)
		return Result{}, errors.New("it ended, and a process that it started keeps its output open")
	case errors.As(err, &exit) && !exit.Exited():
		return Result{}, fmt.Errorf("ended by a signal: %s", exit.ProcessState.String())
	case err != nil && exit == nil:
		return Result{}, errors.New("its output can't be read")
	}
	return r, nil
}

// cause says why a program can't be started, without its path.
func cause(err error) error {
	var path *fs.PathError
	var lookup *exec.Error
	switch {
	case errors.As(err, &lookup):
		return lookup.Err
	case errors.As(err, &path):
		return path.Err
	}
	return err
}

// limited keeps the first max bytes. Where full is set, more than that is an error of the writer.
type limited struct {
	buf  bytes.Buffer
	max  int
	over bool
	full func()
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	room := l.max - l.buf.Len()
	if len(p) <= room {
		return l.buf.Write(p)
	}
	l.over = true
	l.buf.Write(p[:max(room, 0)])
	if l.full != nil {
		l.full()
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
