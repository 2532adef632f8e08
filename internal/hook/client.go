package hook

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// reachOf is this machine where the URL names it, and elsewhere where it does not.
func reachOf(host string) Reach {
	if IsLoopback(host) {
		return Here
	}
	return Elsewhere
}

// Client returns a client for one URL, that follows no redirect. Addresses are looked at once they are resolved: link-local and metadata addresses are refused, and this machine's unless the
// URL names it. A proxy of the environment is used, and reaches what its owner lets it reach.
func Client(u *url.URL) (*http.Client, error) {
	t := &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: 10 * time.Second, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: Control(reachOf(u.Hostname()))}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	switch {
	case err != nil:
		return nil, errors.New("the proxy of the environment is not a URL")
	case proxy != nil:
		t.Proxy = http.ProxyURL(proxy)
		dialer.Control = nil
	}
	t.DialContext = dialer.DialContext
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// Refused reports whether an error of a client says that the endpoint is none to send to, which no retry mends: its address, or its certificate.
func Refused(err error) bool {
	var refused *AddressError
	return errors.As(err, &refused) || certificateError(err) != nil
}

// Unsent reports whether an error of a client came before anything was sent.
func Unsent(err error) bool {
	var op *net.OpError
	return Refused(err) || errors.As(err, new(*net.DNSError)) || errors.As(err, &op) && op.Op == "dial"
}

// Cause says what went wrong on the way to an endpoint. It quotes neither the URL nor an answer: one might repeat what was sent.
func Cause(err error) error {
	var refused *AddressError
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &refused):
		return refused
	case certificateError(err) != nil:
		return certificateError(err)
	case errors.As(err, &dns):
		return dns
	case errors.As(err, &op):
		return op
	}
	return errors.New("the connection broke before there was an answer")
}

// certificateError returns why the other side is not trusted; nil if that is not what is wrong.
func certificateError(err error) error {
	var bad *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &bad):
		return fmt.Errorf("its certificate is not trusted: %w", bad.Err)
	case errors.As(err, &plain):
		return errors.New("it does not speak TLS")
	case errors.As(err, &alert):
		return fmt.Errorf("TLS: %w", alert)
	}
	return nil
}
