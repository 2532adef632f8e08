package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/secretsync-dev/secretsync/internal/kube"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// deniedVerb finds the verb that RBAC has to grant: an apply that creates needs create too.
var deniedVerb = regexp.MustCompile(` cannot ([a-z]{1,20}) resource "`)

// fail turns what a call returned into a *store.Error. The server's own words are not passed on.
func (c *client) fail(verb, resource string, name secret.Name, err error) error {
	var status apierrors.APIStatus
	judged := errors.As(err, &status)
	if judged {
		if m := deniedVerb.FindStringSubmatch(status.Status().Message); m != nil && slices.Contains(verbs(), m[1]) {
			verb = m[1]
		}
	}
	e := kube.Error(verb+" "+resource, name, c.place, err)
	if judged && errors.Is(e.Kind, store.ErrUnwritable) && aboutType(status.Status()) {
		e.Err, e.Help = errors.New("a Secret's type can't be changed, and this one has another"), "delete it by hand, or give the copy another name"
	}
	return e
}

// verbs are those that a denial may name: anything else is not RBAC's.
func verbs() []string {
	return []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
}

func aboutType(s metav1.Status) bool {
	return s.Details != nil && slices.ContainsFunc(s.Details.Causes, func(c metav1.StatusCause) bool { return c.Field == "type" })
}

// errorf is an error that the driver finds by itself.
func (c *client) errorf(op string, name secret.Name, kind error, format string, args ...any) error {
	return &store.Error{Op: op, Name: name, Place: c.place, Kind: kind, Err: fmt.Errorf(format, args...)}
}

func (c *client) interrupted(ctx context.Context, op string, name secret.Name) error {
	return &store.Error{Op: op, Name: name, Place: c.place, Err: context.Cause(ctx)}
}

func invalid(at secret.Place, err error) error {
	return &store.Error{Op: "open the cluster", Place: at, Kind: store.ErrInvalid, Err: err}
}

func isDenied(err error) bool   { return errors.Is(err, store.ErrNotPermitted) }
func isGone(err error) bool     { return errors.Is(err, store.ErrNotFound) }
func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }
