package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Error turns what a client of this package returned into a *store.Error; a *store.Error stays as it is. op is the verb and the resource, as RBAC has them:
// "patch secrets". What the server says of a refusal may quote the object that was sent: only its reason, its code and the names of fields are passed on,
// and of a reason only one that the API itself has: a webhook words its own.
//
//	404 of the object               not found
//	404 of its namespace            can't be written there
//	404 not in Kubernetes' form     invalid: it says nothing about the object
//	401                             no usable credentials
//	403 by RBAC                     not permitted
//	403 namespace terminates, quota; a webhook or a policy that denies; immutable   can't be written there
//	409                             changed meanwhile
//	413, or 422 of a length         too large
//	422 of data                     value not possible there
//	422 of metadata.name            name not possible there
//	400, 422 otherwise              invalid
//	429                             throttled
//	5xx, no answer                  unavailable
func Error(op string, name secret.Name, at secret.Place, err error) *store.Error {
	if e := (*store.Error)(nil); errors.As(err, &e) {
		return e
	}
	e := &store.Error{Op: op, Name: name, Place: at}
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, context.Canceled):
		e.Err = context.Canceled
	case errors.As(err, &status):
		judge(e, status.Status())
	case errors.Is(err, context.DeadlineExceeded) && !isTimeout(err):
		e.Err = context.DeadlineExceeded
	default:
		judgeNetwork(e, err)
	}
	return e
}

// judge says what an answer of the server means.
func judge(e *store.Error, s metav1.Status) {
	by := denier(s.Message)
	e.Code = http.StatusText(int(s.Code))
	if by == "" && slices.Contains(reasons(), s.Reason) {
		e.Code = string(s.Reason)
	}
	e.Err = fmt.Errorf("HTTP status %d %s", s.Code, e.Code)
	_, resource, _ := strings.Cut(e.Op, " ")
	if fields := fieldsOf(s); fields != "" && by == "" { // a webhook words its own
		e.Err = fmt.Errorf("%w: %s", e.Err, fields)
	}
	switch {
	case strings.HasPrefix(by, calling):
		e.Kind, e.Err, e.Help = store.ErrUnavailable, fmt.Errorf("%w: %s did not answer", e.Err, strings.TrimPrefix(by, calling)), "see the webhook's own log"
	case by != "":
		e.Kind, e.Err, e.Help = store.ErrUnwritable, fmt.Errorf("%w: %s denied it", e.Err, by), "its reason is withheld, because it may quote the value: see the webhook's own log"
		if strings.HasPrefix(by, policy) {
			e.Help = "its reason is withheld, because it may quote the value: see the policy"
		}
	case foreign(s):
		judgeForeign(e, s)
	case terminating(s):
		e.Kind, e.Err = store.ErrUnwritable, errors.New("the namespace is being deleted")
	case s.Code == http.StatusNotFound && s.Details != nil && s.Details.Kind == "namespaces" && resource != "namespaces":
		e.Kind, e.Err, e.Help = store.ErrUnwritable, errors.New("there is no such namespace"), "create the namespace, or correct namespace: in the configuration"
	case s.Code == http.StatusNotFound:
		e.Kind = store.ErrNotFound
	case s.Code == http.StatusUnauthorized:
		e.Kind, e.Help = store.ErrCredentials, "the cluster does not know these credentials, or they have expired; in EKS, an access entry must name the role"
	case s.Code == http.StatusForbidden && strings.Contains(s.Message, "exceeded quota: "):
		e.Kind, e.Err, e.Help = store.ErrUnwritable, errors.New("a quota of the namespace is used up"), "see kubectl describe resourcequota"
	case s.Code == http.StatusForbidden:
		e.Kind, e.Help = store.ErrNotPermitted, grant(e)
	case s.Code == http.StatusConflict:
		e.Kind = store.ErrConflict
		if slices.ContainsFunc(causes(s), func(c metav1.StatusCause) bool { return c.Type == metav1.CauseTypeFieldManagerConflict }) {
			e.Help = "these fields are another manager's: see kubectl get --show-managed-fields"
		}
	case s.Code == http.StatusRequestEntityTooLarge:
		e.Kind = store.ErrTooLarge
	case s.Code == http.StatusTooManyRequests:
		e.Kind, e.Help = store.ErrThrottled, "run again later: the cluster is busy"
	case s.Reason == metav1.StatusReasonExpired:
		e.Kind, e.Help = store.ErrUnavailable, "the listing took too long: run again"
	case s.Code >= http.StatusInternalServerError:
		e.Kind = store.ErrUnavailable
	default:
		judgeInvalid(e, s)
	}
}

// grant returns what RBAC has to allow for the call to succeed.
func grant(e *store.Error) string {
	verb, resource, _ := strings.Cut(e.Op, " ")
	help := "grant " + verb + " on " + resource
	if e.Place.Namespace != "" {
		help += " in namespace " + e.Place.Namespace
	}
	return help
}

// judgeInvalid says what the server dislikes of an object.
func judgeInvalid(e *store.Error, s metav1.Status) {
	e.Kind = store.ErrInvalid
	for _, c := range causes(s) {
		switch {
		case strings.Contains(c.Message, "field is immutable"): // the message is only looked at
			e.Kind, e.Err, e.Help = store.ErrUnwritable, errors.New("the Secret is immutable"), "delete it by hand, and run again"
			if c.Field == "type" {
				e.Err = errors.New("the type of a Secret can't be changed")
			}
			return
		case string(c.Type) == "FieldValueTooLong" && strings.HasPrefix(c.Field, "data"):
			e.Kind = store.ErrTooLarge
			return
		case c.Field == "metadata.name":
			e.Kind = store.ErrBadName
		case strings.HasPrefix(c.Field, "data"), strings.HasPrefix(c.Field, "stringData"):
			e.Kind = store.ErrBadValue
		}
	}
}

// foreign reports whether an answer is not the API's own: a proxy's page, or that of a server of another kind.
func foreign(s metav1.Status) bool {
	return slices.ContainsFunc(causes(s), func(c metav1.StatusCause) bool { return c.Type == metav1.CauseTypeUnexpectedServerResponse })
}

func judgeForeign(e *store.Error, s metav1.Status) {
	e.Err = fmt.Errorf("HTTP status %d %s, not in Kubernetes' form", s.Code, http.StatusText(int(s.Code)))
	e.Help = "is the address that of a Kubernetes API server?"
	switch {
	case s.Code == http.StatusUnauthorized:
		e.Kind = store.ErrCredentials
	case s.Code == http.StatusForbidden:
		e.Kind = store.ErrNotPermitted
	case s.Code == http.StatusRequestEntityTooLarge:
		e.Kind, e.Help = store.ErrTooLarge, ""
	case s.Code == http.StatusTooManyRequests:
		e.Kind, e.Help = store.ErrThrottled, "run again later"
	case s.Code >= http.StatusInternalServerError:
		e.Kind, e.Help = store.ErrUnavailable, ""
	default:
		e.Kind = store.ErrInvalid
	}
}

// reasons are those that the API gives.
func reasons() []metav1.StatusReason {
	return []metav1.StatusReason{
		metav1.StatusReasonUnauthorized, metav1.StatusReasonForbidden, metav1.StatusReasonNotFound, metav1.StatusReasonAlreadyExists, metav1.StatusReasonConflict,
		metav1.StatusReasonGone, metav1.StatusReasonInvalid, metav1.StatusReasonServerTimeout, metav1.StatusReasonStoreReadError, metav1.StatusReasonTimeout,
		metav1.StatusReasonTooManyRequests, metav1.StatusReasonBadRequest, metav1.StatusReasonMethodNotAllowed, metav1.StatusReasonNotAcceptable,
		metav1.StatusReasonRequestEntityTooLarge, metav1.StatusReasonUnsupportedMediaType, metav1.StatusReasonInternalError, metav1.StatusReasonExpired,
		metav1.StatusReasonServiceUnavailable,
	}
}

func causes(s metav1.Status) []metav1.StatusCause {
	if s.Details == nil {
		return nil
	}
	return s.Details.Causes
}

func terminating(s metav1.Status) bool {
	return slices.ContainsFunc(causes(s), func(c metav1.StatusCause) bool { return c.Type == "NamespaceTerminating" })
}

// fieldsOf returns the fields that the server names, a few of them.
func fieldsOf(s metav1.Status) string {
	const most = 5
	var fields []string
	for _, c := range causes(s) {
		if c.Field != "" && len(c.Field) <= 300 && !slices.Contains(fields, c.Field) {
			fields = append(fields, c.Field)
		}
	}
	if len(fields) > most {
		fields = append(fields[:most], "…")
	}
	return strings.Join(fields, ", ")
}

const (
	calling = "calling "
	policy  = "policy "
)

// The beginnings of messages by which admission speaks, as far as the name in them: what follows may quote the object.
var (
	webhookDenies = regexp.MustCompile(`^(?:[a-z.]+ "[^"]{0,253}" is forbidden: )?admission webhook "([a-z0-9.-]{1,253})" denied the request`)
	webhookFails  = regexp.MustCompile(`^(?:Internal error occurred: )?failed calling webhook "([a-z0-9.-]{1,253})": `)
	policyDenies  = regexp.MustCompile(`^(?:[a-z.]+ "[^"]{0,253}" is forbidden: )?ValidatingAdmissionPolicy '([a-z0-9.-]{1,253})' with binding '[a-z0-9.-]{1,253}' denied request`)
)

// denier returns who denied a request in the place of the server; empty: nobody did.
func denier(message string) string {
	if m := webhookDenies.FindStringSubmatch(message); m != nil {
		return "webhook " + m[1]
	}
	if m := webhookFails.FindStringSubmatch(message); m != nil {
		return calling + "webhook " + m[1]
	}
	if m := policyDenies.FindStringSubmatch(message); m != nil {
		return policy + m[1]
	}
	return ""
}

// judgeNetwork says what it means that nothing was answered.
func judgeNetwork(e *store.Error, err error) {
	e.Kind = store.ErrUnavailable
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which may hold credentials
	}
	e.Err = errors.New(err.Error())
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate *tls.CertificateVerificationError
	switch {
	case isTimeout(err):
		e.Err = errors.New("no answer in time")
		e.Help = "is the endpoint reachable from here? A private one answers inside of its network only"
	case strings.HasPrefix(err.Error(), "getting credentials: "):
		e.Kind, e.Help = store.ErrCredentials, "run the kubeconfig's exec plugin by hand"
	case errors.As(err, &unknown):
		e.Help = "the server's certificate is signed by nobody known here: correct certificate-authority-data in the kubeconfig"
	case errors.As(err, &host):
		e.Help = "the server's certificate is for another name: see tls-server-name in the kubeconfig"
	case errors.As(err, &certificate):
		e.Help = "see certificate-authority-data in the kubeconfig"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		e.Help = "the server speaks plain HTTP: write the address with http://"
	case errors.As(err, new(*net.DNSError)), errors.As(err, new(*net.OpError)):
		e.Help = "is the address right, and does the server run? A private endpoint answers inside of its network only"
	}
}

// isTimeout reports whether the network, or our own limit, ended a request: not the caller's.
func isTimeout(err error) bool {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() && err != context.DeadlineExceeded //nolint:errorlint // net/http's own error of its limit calls itself that too
}
