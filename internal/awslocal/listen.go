package awslocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Listen serves HTTP on addr, "127.0.0.1:0" for any free port, until Close, and returns the URL that clients reach it by.
func (s *Server) Listen(addr string) (url string, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", addr) // a listener ends with Close, not with a call
	if err != nil {
		return "", fmt.Errorf("embedded AWS: %w", err)
	}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return "", errors.Join(errors.New("embedded AWS: closed"), l.Close())
	default:
	}
	s.listeners = append(s.listeners, h)
	s.serving.Go(func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("embedded AWS stopped listening", "error", err)
		}
	})
	return "http://" + reachable(l.Addr()), nil
}

// reachable replaces an address that means every interface by the loopback one, which a client can dial.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}

// Close ends all listeners and connections, every call that a fault holds up, and the functions of SetFunction. It may be called twice.
func (s *Server) Close() error {
	s.closing.Do(func() { close(s.done) })
	s.secrets.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, h := range s.listeners {
		errs = append(errs, h.Close())
	}
	s.listeners = nil
	s.serving.Wait()
	return errors.Join(errs...)
}

// Transport returns a way to the server without a socket, for an SDK's HTTP client; the host of a request does not matter.
// A dropped connection is the error that a reset one gives.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer func() { _ = req.Body.Close() }() // it is in memory or has been read
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	r := t.s.serve(req)
	if r.dropped {
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	header := make(http.Header, 3)
	r.header(header, t.s.clock())
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", r.status, http.StatusText(r.status)),
		StatusCode: r.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(r.body)),
		ContentLength: int64(len(r.body)),
		Request:       req,
	}, nil
}
