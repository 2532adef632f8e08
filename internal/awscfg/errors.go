package awscfg

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
)

// Error turns what the SDK returned from a call into a *store.Error with the kinds that all of AWS's services have in common; Kind is nil for a
// code that only the service itself can judge. The cause is AWS's own code and message, never a part of the request or of a body. A *store.Error stays as it is.
func Error(op string, place secret.Place, err error) *store.Error {
	if e := (*store.Error)(nil); errors.As(err, &e) {
		return e
	}
	e := &store.Error{Op: op, Place: place, Code: errorCode(err), Err: cause(err)}
	var broken *BrokenError
	var creds *CredentialsError
	switch {
	case errors.As(err, &creds) && creds.Role == "": // before the context's errors: a metadata service that does not answer reads like a deadline
		credentialsKind(e, creds)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !isTimeout(err):
		e.Err = context.Canceled
		if errors.Is(err, context.DeadlineExceeded) {
			e.Err = context.DeadlineExceeded
		}
	case errors.As(err, &broken):
		e.Kind, e.Err = store.ErrUnavailable, broken
	case errors.As(err, &creds):
		credentialsKind(e, creds)
	default:
		e.Kind, e.Help = kindOf(err, e.Code)
	}
	return e
}

// kindOf returns the kind, and what to do, of an answer to a call; nil where the code is not one that all services share.
func kindOf(err error, code string) (kind error, help string) {
	switch code {
	case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized":
		return store.ErrNotPermitted, ""
	case "ExpiredTokenException", "ExpiredToken":
		return store.ErrCredentials, "the session has expired: get new credentials"
	case "UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature", "OptInRequired":
		return store.ErrCredentials, "the credentials are unknown to AWS, or the Region is not enabled for the account"
	case "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired":
		return store.ErrCredentials, "check the secret access key and the machine's clock"
	}
	switch outcomeOf(context.Background(), err) {
	case Throttled:
		return store.ErrThrottled, "run again later: others use up this account's quota"
	case Failed, TimedOut:
		return store.ErrUnavailable, ""
	}
	var resp *awshttp.ResponseError
	if code == "" && errors.As(err, &resp) && (resp.HTTPStatusCode() == 401 || resp.HTTPStatusCode() == 403) {
		return store.ErrNotPermitted, ""
	}
	return nil, ""
}

// credentialsKind says why there are no credentials: a role that does not let us in is a matter of the configuration, an STS that does not answer is not.
func credentialsKind(e *store.Error, creds *CredentialsError) {
	inner := creds.Err
	e.Kind, e.Err = store.ErrCredentials, cause(inner)
	var broken *BrokenError
	kind, help := kindOf(inner, errorCode(inner))
	switch {
	case errors.As(inner, &broken):
		e.Kind, e.Err = store.ErrUnavailable, broken
	case creds.Role == "":
		e.Help = "set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run where a role is attached"
		if isMetadata(inner) {
			e.Err = fmt.Errorf("none were found, and the instance metadata service gave none: %w", e.Err)
		}
	case errors.Is(kind, store.ErrNotPermitted):
		e.Help = "role " + creds.Role + " does not exist, does not trust these credentials, or ExternalId differs; or these credentials lack sts:AssumeRole on it"
	case errors.Is(kind, store.ErrUnavailable), errors.Is(kind, store.ErrThrottled):
		e.Kind, e.Help = kind, "STS did not answer for "+creds.Role
	default:
		e.Help = help
	}
	if creds.Role != "" {
		e.Op = "AssumeRole for " + e.Op
	}
}

// MissingAction returns the action that AWS says was denied, "secretsmanager:TagResource" for one; empty where the message names none.
func MissingAction(message string) string {
	_, after, ok := strings.Cut(message, "not authorized to perform: ")
	if !ok {
		return ""
	}
	action, _, _ := strings.Cut(after, " ")
	return strings.TrimRight(action, ".,;")
}

// Message returns AWS's own text for an error; empty where AWS gave none.
func Message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}

// isMetadata reports whether an error comes from the instance metadata service, the last place where credentials are looked for.
func isMetadata(err error) bool {
	var op *smithy.OperationError
	return errors.As(err, &op) && op.ServiceID == "ec2imds"
}

// cause returns what can be shown of an error of the SDK: AWS's code and message, or what the network said. An answer that could not be decoded is
// not quoted: the decoder's complaint may hold a piece of it. What was never answered comes first: the SDK wraps that in a response too.
func cause(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		text := api.ErrorCode()
		if m := api.ErrorMessage(); m != "" {
			text = strings.TrimPrefix(text+": "+m, ": ")
		}
		if text != "" && text != "UnknownError" {
			return errors.New(text)
		}
	}
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		return errors.New(send.Err.Error())
	}
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.HTTPStatusCode() >= 300 {
		return fmt.Errorf("HTTP status %d %s", resp.HTTPStatusCode(), http.StatusText(resp.HTTPStatusCode()))
	}
	if errors.As(err, new(*smithy.DeserializationError)) || resp != nil {
		return errors.New("the answer could not be understood")
	}
	var timeout *timeoutError
	if errors.As(err, &timeout) {
		return timeout
	}
	return errors.New(err.Error())
}

func isTimeout(err error) bool { return errors.As(err, new(*timeoutError)) }
