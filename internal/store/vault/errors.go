package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

var (
	errTooLong = fmt.Errorf("the answer has more than %d bytes", maxBody)
	errCAS     = errors.New("the current version is not the one that was expected")
	errToken   = errors.New("the token has expired, or was revoked")
	errMount   = errors.New("no such mount")
)

// failure is a call that did not succeed, as judged by what came back.
type failure struct {
	kind   error
	status int
	cause  error
	help   string
	wait   bool          // it may succeed later
	after  time.Duration // not before, as the server says
}

// fail turns a failure into a *store.Error.
func (c *client) fail(k call, f *failure) error {
	e := &store.Error{Op: k.op, Name: k.name, Place: c.place, Kind: f.kind, Err: f.cause, Help: f.help}
	if f.status != 0 {
		e.Code = strconv.Itoa(f.status)
	}
	switch {
	case errors.Is(f.cause, errMount):
		e.Err = fmt.Errorf("nothing is mounted at %q", c.place.Mount)
		e.Help = "correct mount: or namespace: in the configuration"
		if k.capability == "" {
			e.Err, e.Help = fmt.Errorf("nothing is mounted at %q", strings.TrimSuffix(k.path, "/login")), "correct auth.path: or namespace: in the configuration"
		}
	case errors.Is(f.kind, store.ErrNotPermitted) && f.help == "":
		e.Help = fmt.Sprintf("a policy must grant %s on %q", k.capability, k.path)
	}
	return e
}

// interrupted is the error of a call that its caller ended.
func (c *client) interrupted(k call, err error) error {
	return &store.Error{Op: k.op, Name: k.name, Place: c.place, Err: err}
}

// invalid is an error that the driver finds by itself.
func (c *client) invalid(op string, name secret.Name, kind error, format string, args ...any) error {
	return &store.Error{Op: op, Name: name, Place: c.place, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// judge is the one place where what comes back from Vault becomes a kind.
//
//	status            kind            waited for
//	none, or broken   unavailable     yes; a certificate that is not trusted: no
//	400               by its text     an engine that is being upgraded: yes
//	403               not permitted; credentials where the token is not valid any more
//	404 with a reason invalid: the mount, or the namespace
//	412               unavailable     yes: a standby that has not caught up
//	429               throttled       yes
//	472, 473, 5xx     unavailable     yes; 500 about the request's JSON is invalid, and is not waited for
func judge(k call, status int, header http.Header, err error) *failure {
	var refusal *api.ResponseError
	if !errors.As(err, &refusal) {
		return judgeNetwork(status, err)
	}
	f := &failure{status: status}
	text := textOf(refusal)
	lower := strings.ToLower(text)
	f.cause = errors.New(text)
	if s := strings.TrimSpace(header.Get("Retry-After")); s != "" {
		if n, err := strconv.Atoi(s); err == nil && n > 0 {
			f.after = time.Duration(n) * time.Second
		}
	}
	unavailable := func(help string) { f.kind, f.wait, f.help = store.ErrUnavailable, true, help }
	switch {
	case strings.Contains(lower, "http request to an https server"):
		f.kind, f.cause, f.help = store.ErrUnavailable, errors.New("the server speaks HTTPS"), "write the address with https://"
	case k.secret && (strings.Contains(text, "JSON") || strings.Contains(lower, "duplicate key")):
		f.kind, f.cause = store.ErrInvalid, fmt.Errorf("HTTP status %d: the server does not take this JSON: its depth, a length or a number is beyond what it allows", status)
	case status == http.StatusForbidden && (strings.Contains(lower, "invalid token") || strings.Contains(lower, "bad token") || strings.Contains(lower, "token not found")):
		f.kind, f.cause, f.help = store.ErrCredentials, errToken, "get another one"
	case status == http.StatusForbidden && k.capability == "":
		f.kind = store.ErrCredentials
	case status == http.StatusForbidden:
		f.kind = store.ErrNotPermitted
	case status == http.StatusNotFound && strings.Contains(lower, "no handler for route"):
		f.kind, f.cause = store.ErrInvalid, errMount
	case status == http.StatusNotFound && strings.Contains(lower, "namespace"):
		f.kind, f.help = store.ErrInvalid, "correct namespace: in the configuration, or VAULT_NAMESPACE"
	case status == http.StatusPreconditionFailed:
		unavailable("a standby has not caught up with the active server: run again, or point the address at the active one")
	case status == http.StatusTooManyRequests:
		f.kind, f.wait, f.help = store.ErrThrottled, true, "a rate limit quota of the server holds calls back: raise it, or run again later"
	case status == 472:
		unavailable("this server is a standby for disaster recovery, which serves no requests: point the address at the primary")
	case status == 473:
		unavailable("this server is a performance standby that does not serve this: point the address at the active one")
	case strings.Contains(lower, "vault is sealed"), strings.Contains(lower, "bao is sealed"):
		unavailable("the server is sealed: unseal it")
	case strings.Contains(lower, "upgrading from non-versioned"):
		unavailable("the engine is being upgraded to version 2: run again later")
	case status >= http.StatusInternalServerError:
		unavailable("see the server's log")
	case strings.Contains(lower, "check-and-set parameter did not match"):
		f.kind, f.cause = store.ErrConflict, errCAS
	case k.capability == "" && status == http.StatusBadRequest:
		f.kind = store.ErrCredentials
	default:
		f.kind = store.ErrInvalid
		if k.secret {
			f.cause = fmt.Errorf("HTTP status %d, with a message that is withheld because it may quote the value", status)
		}
	}
	return f
}

// judgeNetwork judges what is not an answer in Vault's form.
func judgeNetwork(status int, err error) *failure {
	f := &failure{status: status, kind: store.ErrUnavailable}
	if err == nil {
		f.cause, f.help = fmt.Errorf("HTTP status %d %s", status, http.StatusText(status)), "is the address that of a Vault server?"
		return f
	}
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate *tls.CertificateVerificationError
	f.cause = errors.New(quiet(err))
	switch {
	case errors.Is(err, errTooLong):
		f.kind = store.ErrInvalid
	case errors.As(err, &unknown):
		f.help = "the server's certificate is signed by nobody known here: name its authority with tls.caFile or VAULT_CACERT"
	case errors.As(err, &host):
		f.help = "the server's certificate is for another name: use that in the address, or set tls.serverName"
	case errors.As(err, &certificate):
		f.help = "see tls.caFile and VAULT_CACERT"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		f.help = "the server speaks plain HTTP: write the address with http://, or turn TLS on there"
	case strings.Contains(err.Error(), "protocol downgrade"):
		f.help = "the server redirects to plain HTTP"
	default:
		f.wait, f.help = true, "is the address right, and does the server run?"
	}
	return f
}

// textOf returns what Vault says of a refusal, on one line. What is not in Vault's form, a proxy's page for one, is not quoted.
func textOf(r *api.ResponseError) string {
	status := fmt.Sprintf("HTTP status %d %s", r.StatusCode, http.StatusText(r.StatusCode))
	if r.RawError {
		if len(r.Errors) == 1 && strings.Contains(r.Errors[0], "HTTP request to an HTTPS server") {
			return r.Errors[0]
		}
		return strings.TrimSpace(status) + ", not in Vault's form"
	}
	var parts []string
	for _, text := range r.Errors {
		for line := range strings.Lines(text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "* ")
			if line != "" && !strings.HasSuffix(line, "occurred:") {
				parts = append(parts, line)
			}
		}
	}
	if len(parts) == 0 {
		return strings.TrimSpace(status)
	}
	return strings.Join(parts, "; ")
}

// quiet returns an error's text without the URL, which may hold credentials.
func quiet(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}

// codeOf returns the HTTP status that an error comes from; 0 where it comes from none.
func codeOf(err error) int {
	var e *store.Error
	if !errors.As(err, &e) {
		return 0
	}
	n, _ := strconv.Atoi(e.Code)
	return n
}
