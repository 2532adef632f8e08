package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// PanicError is a panic of a goroutine of the engine, raised again in the goroutine that called the engine: there it can be recovered. It does not hold the
// panic's own value, which may be a secret.
type PanicError struct {
	Type  string // of the value
	Where string // the functions and lines, one after the other, without arguments
}

func (p *PanicError) Error() string { return "panic of type " + p.Type }

// crew runs functions at the same time. The zero crew is ready.
type crew struct {
	wg    sync.WaitGroup
	mu    sync.Mutex
	panic *PanicError
}

// Go runs do in a goroutine of its own.
func (c *crew) Go(do func()) {
	c.wg.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				if c.panic == nil {
					c.panic = newPanic(v)
				}
			}
		}()
		do()
	})
}

// Wait returns when all have ended. It raises the first panic of one of them again.
func (c *crew) Wait() {
	c.wg.Wait()
	if c.panic != nil {
		panic(c.panic)
	}
}

func newPanic(v any) *PanicError {
	if p, ok := v.(*PanicError); ok {
		return p
	}
	p := &PanicError{Type: fmt.Sprintf("%T", v)}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		p.Where += fmt.Sprintf("  %s\n    %s:%d\n", f.Function, f.File, f.Line)
	}
	return p
}

// each calls do for 0 to n-1 with at most limit at a time, and returns when all have ended. Once ctx is done no further one begins.
func each(ctx context.Context, n, limit int, do func(i int)) {
	var c crew
	defer c.Wait()
	slots := make(chan struct{}, limit)
	for i := range n {
		select {
		case <-ctx.Done():
			return
		case slots <- struct{}{}:
		}
		c.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
}
