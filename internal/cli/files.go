package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile is what a file that a person names is read up to.
const maxFile = 32 << 20

// within runs what may wait for ever, as the opening of a named pipe does, and no longer waits for it once ctx has ended.
func within[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// readFile reads a file that a person named.
func readFile(ctx context.Context, name string) ([]byte, error) {
	return within(ctx, func() ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // nothing was written
		data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
		if err == nil && len(data) > maxFile {
			err = fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
		}
		return data, err
	})
}

// writeWhole writes a file as a whole or not at all. What a symbolic link points to is replaced, and not the link. What is no file, as a device or a pipe,
// is written to and never replaced.
func writeWhole(name string, data []byte, mode fs.FileMode) error {
	switch info, err := os.Stat(name); {
	case err == nil && stream(info) != nil:
		_, err := stream(info).Write(data)
		return err
	case err == nil && !info.Mode().IsRegular():
		return writeInto(name, data)
	case err == nil:
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		if link, err := os.Readlink(name); err == nil { // to what is not there yet; links that go round are another error
			if !filepath.IsAbs(link) {
				link = filepath.Join(filepath.Dir(name), link)
			}
			return writeWhole(link, data, mode)
		}
	default:
		return err
	}
	return replaceWhole(name, data, mode)
}

// stream returns the program's own output that a file is, nil for any other. A second descriptor of it would begin at its own place, and one text would be
// written over the other.
func stream(info fs.FileInfo) *os.File {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if own, err := f.Stat(); err == nil && os.SameFile(info, own) {
			return f
		}
	}
	return nil
}

func writeInto(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func replaceWhole(name string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // with mode 0600
	if err != nil {
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			return &fs.PathError{Op: "create", Path: name, Err: path.Err} // nobody knows the temporary name
		}
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the error that counts is the first
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
