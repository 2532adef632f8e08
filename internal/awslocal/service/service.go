// Package service is the contract between the front door of the embedded AWS and the services behind it.
// A new service is one folder beside this one that implements Service, and one line in awslocal.New.
package service

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Service is one AWS service. Serve is called concurrently.
type Service interface {
	// SigningName is the service's name in the credential scope of SigV4, "secretsmanager" for one.
	SigningName() string
	// Serve answers one operation. It never panics on bad input: what AWS refuses is an *Error with AWS's code and text.
	Serve(ctx context.Context, r *Request) (*Response, *Error)
}

// Router is a Service of a REST protocol: what is asked for stands in the path, and an error's code in a header.
type Router interface {
	Service
	// Route returns the operation that a method and a path mean, and what the path names; "" where there is none.
	Route(method, path string) (operation string, names map[string]string)
}

// Principal is who signed a request.
type Principal struct {
	Account string // 12 digits
	ARN     string // "arn:aws:iam::123456789012:root", or an assumed-role session
	UserID  string // "AROA…:session" for a session, the account otherwise
}

// Request is one call, after its signature was read and before it was authorized.
type Request struct {
	Account   string // the account whose resources are meant: the caller's
	Region    string // from the credential scope
	Principal Principal
	Operation string     // "GetSecretValue"
	Body      []byte     // the JSON document of the JSON protocols
	Form      url.Values // the parameters of the query protocol; of a REST protocol, those of path and query
	Now       time.Time  // the embedded AWS's clock, read once

	// Lag is how far a listing is behind at this moment; zero shows everything at once.
	Lag time.Duration
	// Listing changes what a listing shows, on request of a fault.
	Listing Listing
	// Delivery is what becomes of the messages of this call, on request of a fault.
	Delivery Delivery

	// Authorize says whether the caller may do action on resource; the error is what AWS answers where it may not.
	// conditions holds the condition keys of this request ("secretsmanager:Name", "aws:RequestTag/x", "aws:ResourceTag/x").
	// A service calls it once for every action that AWS checks, before it looks at or changes anything that the answer would reveal.
	Authorize func(action, resource string, conditions map[string][]string) *Error
	// Note records the name of the resource that a call is about in the ledger, and in what faults match on.
	Note func(resource string)
}

// Listing is what a fault does to a listing.
type Listing int

// What a fault does to a listing.
const (
	ListingWhole     Listing = iota // as it is
	ListingEmpty                    // nothing at all, and no further page
	ListingNoFirst                  // the first page's entries are missing
	ListingTruncated                // only the first page, and no token for the next
)

// Response is an answer: exactly one of JSON and XML is set.
type Response struct {
	JSON any    // encoded as the JSON protocols want it
	XML  []byte // the whole document of the query protocol
}

// Error is an answer that refuses. Status zero means 400.
type Error struct {
	Code    string
	Message string
	Status  int
	Query   string // the code in the query protocol, of a service that spoke it once and still says so in a header; empty: none
}

// Gone is the code of a call that was waiting, and whose caller went away meanwhile: nothing was done, and nobody is answered.
const Gone = "(gone)"

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HTTPStatus returns the status that the answer has on the wire.
func (e *Error) HTTPStatus() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// KeyUse is a call that a service makes to KMS for its caller.
type KeyUse string

// The calls, as their IAM actions name them after "kms:".
const (
	GenerateDataKey KeyUse = "GenerateDataKey"
	Decrypt         KeyUse = "Decrypt"
	Encrypt         KeyUse = "Encrypt"
)

// Keys is what the other services ask of KMS.
type Keys interface {
	// Use makes one cryptographic call with key ("" is the service's AWS-managed key; else an id, an ARN, an alias or an alias ARN) on behalf of r's caller,
	// counts it in the ledger, and answers KMS's own refusal: NotFoundException, DisabledException, KMSInvalidStateException, AccessDeniedException.
	Use(r *Request, via string, key string, use KeyUse, encryptionContext map[string]string) *Error
}
