package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// tardy is by how much a loop may be late before it counts as stuck.
const tardy = time.Minute

// pulse knows by when each loop of the daemon is to show that it is alive. The zero pulse is ready. It is safe for concurrent use.
type pulse struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// expect says that a loop will show itself again before a time.
func (p *pulse) expect(loop string, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until == nil {
		p.until = map[string]time.Time{}
	}
	p.until[loop] = until
}

// rest says that a loop has ended, or waits for something that takes as long as it takes.
func (p *pulse) rest(loop string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.until, loop)
}

// stuck returns the loops that did not show themselves in time.
func (p *pulse) stuck(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, loop := range slices.Sorted(maps.Keys(p.until)) {
		if now.After(p.until[loop].Add(tardy)) {
			all = append(all, loop)
		}
	}
	return all
}

// handler answers health checks and serves metrics, and nothing else. ctx is the daemon's: it is not ready once it ends.
func (d *daemon) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, problem string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if problem == "" {
			problem = "ok"
		} else {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, problem+"\n") // a checker that is gone needs no answer
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		problem := ""
		if stuck := d.pulse.stuck(d.now()); len(stuck) > 0 {
			problem = fmt.Sprintf("stuck: %v", stuck)
		}
		answer(w, problem)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		ready := d.ready
		d.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			answer(w, "ending: what was begun is finished")
		case !ready:
			answer(w, "no run was attempted yet")
		default:
			answer(w, "")
		}
	})
	mux.Handle("GET /metrics", d.metrics.handler())
	return mux
}

// listenError says that the server of health and metrics broke.
type listenError struct{ err error }

func (e *listenError) Error() string { return "serve health and metrics: " + e.err.Error() }
func (e *listenError) Unwrap() error { return e.err }

// listen serves health and metrics, where the settings say so, until close is called. Should the server break, broken gets a *listenError.
func (d *daemon) listen(ctx context.Context, broken context.CancelCauseFunc) (closeHTTP func(), err error) {
	if d.started.Listen == "" {
		return func() {}, nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.started.Listen)
	if err != nil {
		return nil, &listenError{err}
	}
	server := &http.Server{
		Handler: d.handler(ctx), ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelWarn), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			broken(&listenError{err})
		}
	})
	d.log.Info("serving health and metrics", "address", l.Addr().String())
	if d.o.Listening != nil {
		d.o.Listening(l.Addr())
	}
	return func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(end) != nil {
			_ = server.Close() // what is still open has had its time
		}
		wg.Wait()
	}, nil
}
