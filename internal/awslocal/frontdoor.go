package awslocal

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/secretsync-dev/secretsync/internal/awslocal/identity"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// exchange is one call on its way through the front door.
type exchange struct {
	s      *Server
	scope  scope
	caller *identity.Caller
	now    time.Time
	call   Call
}

// serve takes a request through the front door: who calls, what goes wrong, what is allowed, and what the service says.
func (s *Server) serve(req *http.Request) reply {
	start := time.Now()
	x := &exchange{s: s, now: s.clock()}
	id := requestID()
	r, refused := x.serve(req, id)
	if refused != nil {
		namespace := ""
		if n, ok := s.services[x.scope.service].(interface{ XMLNamespace() string }); ok {
			namespace = n.XMLNamespace()
		}
		r = refusalOf(&x.scope, id, namespace, refused)
		r.dropped = x.call.Lost
		if x.call.Outcome == "" {
			x.call.Outcome = refused.Code
		}
	}
	if x.call.Service != "" { // what is not signed is no call
		s.ledger.add(x.call)
	}
	if s.log.Enabled(req.Context(), slog.LevelDebug) {
		c := &x.call
		s.log.DebugContext(req.Context(), "aws call", "service", c.Service, "operation", c.Operation, "account", c.Account, "region", c.Region,
			"resource", c.Resource, "outcome", c.Outcome, "lost", c.Lost, "took", time.Since(start))
	}
	return r
}

func (x *exchange) serve(req *http.Request, id string) (reply, *service.Error) {
	sc, err := readScope(req)
	x.scope = sc
	if err != nil {
		return reply{}, x.unsigned(err)
	}
	svc := x.s.services[sc.service]
	var path url.Values
	router, rest := svc.(service.Router)
	if rest {
		path = x.scope.route(req, router)
	}
	body, form, err := readBody(req, &x.scope)
	if err != nil {
		return reply{}, &service.Error{Code: "SerializationException", Message: "the request cannot be read"}
	}
	if rest {
		form = path
	}
	x.call = Call{Time: x.now, Region: sc.region, Service: sc.service, Operation: x.scope.operation}
	if svc == nil {
		return reply{}, &service.Error{
			Code: "UnknownService", Status: http.StatusNotFound,
			Message: "the embedded AWS has no service " + strconv.Quote(sc.service) + "; it has " + x.s.serviceNames(),
		}
	}
	if x.scope.operation == "" {
		return reply{}, x.byProtocol("UnknownOperationException", "MissingAction", 400, "the request names no operation")
	}
	if x.caller, err = x.s.identities.Caller(sc.accessKey, sc.token, x.now); err != nil {
		return reply{}, x.unknown(err)
	}
	x.call.Account, x.call.Principal = x.caller.Account, x.caller.ARN

	lag, listing, delivery, lose := time.Duration(x.s.listLag.Load()), service.ListingWhole, service.DeliveryOnce, false
	if x.s.faults.any() {
		e := x.strike(body, form)
		if !x.s.suffer(req.Context(), e) {
			x.call.Outcome, x.call.Lost = OutcomeNone, true
			return reply{dropped: true}, nil
		}
		if e.refuse != nil {
			x.call.Lost = e.lose
			return reply{}, e.refuse
		}
		if listing, delivery, lose = e.listing, e.delivery, e.lose; e.lag != 0 {
			lag = e.lag
		}
	}
	x.call.Lost = lose
	if x.s.enforceQuotas {
		if q, ok := quotaOf(sc.service, x.scope.operation); ok && !x.s.quotas.take(x.caller.Account, sc.region, q, x.now) {
			x.noteNames(body, form)
			return reply{}, x.byProtocol("ThrottlingException", "Throttling", 400, "Rate exceeded")
		}
	}

	r := &service.Request{
		Account: x.caller.Account, Region: sc.region, Principal: x.caller.Principal,
		Operation: x.scope.operation, Body: body, Form: form, Now: x.now,
		Lag: lag, Listing: listing, Delivery: delivery, Authorize: x.authorize, Note: x.note,
	}
	res, refused := x.ask(identity.NewContext(req.Context(), x.caller), svc, r)
	if refused != nil {
		if refused.Code == service.Gone {
			x.call.Outcome, x.call.Lost = OutcomeNone, true
			return reply{dropped: true}, nil
		}
		return reply{}, refused
	}
	out, refused := answerOf(&x.scope, id, res)
	out.dropped = lose
	return out, refused
}

// ask lets the service answer. A service that panics answers InternalFailure; what it panicked with may hold a value, so only the stack is logged.
func (x *exchange) ask(ctx context.Context, svc service.Service, r *service.Request) (res *service.Response, refused *service.Error) {
	defer func() {
		if p := recover(); p != nil {
			x.s.log.Error("aws call panicked", "service", x.call.Service, "operation", x.call.Operation, "stack", string(debug.Stack()))
			res, refused = nil, &service.Error{Code: "InternalFailure", Message: "the embedded AWS failed", Status: http.StatusInternalServerError}
		}
	}()
	return svc.Serve(ctx, r)
}

func (x *exchange) note(resource string) {
	switch x.call.Resource {
	case "":
		x.call.Resource = resource
	case resource:
	default:
		x.call.More = append(x.call.More, resource)
	}
}

// noteNames notes what a call is about that no service gets to see.
func (x *exchange) noteNames(body []byte, form url.Values) (names []string, batch bool) {
	names, batch = namesIn(body, form)
	for _, n := range names {
		x.note(n)
	}
	return names, batch
}

// strike finds out which faults mean the call, and calls their hooks.
func (x *exchange) strike(body []byte, form url.Values) effect {
	names, batch := namesIn(body, form)
	e := x.s.faults.strike(target{
		service: x.call.Service, operation: x.call.Operation, account: x.call.Account, region: x.call.Region,
		resources: allSpellings(names), batch: batch,
	})
	if len(e.hooks) == 0 && e.refuse == nil && !e.drop && !e.hang {
		return e
	}
	seen := x.call
	if len(names) > 0 {
		seen.Resource, seen.More = names[0], names[1:]
	}
	if e.refuse != nil || e.drop || e.hang {
		x.call.Resource, x.call.More = seen.Resource, seen.More
	}
	for _, hook := range e.hooks {
		hook(seen)
	}
	return e
}

// suffer waits as a fault demands, and reports whether the call goes on.
func (s *Server) suffer(ctx context.Context, e effect) bool {
	if e.delay > 0 {
		timer := time.NewTimer(e.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		case <-s.done:
			return false
		}
	}
	if e.hang {
		select {
		case <-ctx.Done():
		case <-s.done:
		}
		return false
	}
	return !e.drop
}

// byProtocol makes a refusal whose code depends on the protocol; status is the one of the query and REST protocols, the JSON protocols' is 400.
func (x *exchange) byProtocol(jsonCode, queryCode string, status int, message string) *service.Error {
	switch {
	case x.scope.json:
		return &service.Error{Code: jsonCode, Message: message}
	case x.scope.rest:
		return &service.Error{Code: jsonCode, Message: message, Status: status}
	}
	return &service.Error{Code: queryCode, Message: message, Status: status}
}

func (x *exchange) unsigned(err error) *service.Error {
	if errors.Is(err, errUnsigned) {
		return x.byProtocol("MissingAuthenticationTokenException", "MissingAuthenticationToken", 403, "Request is missing Authentication Token")
	}
	return x.byProtocol("IncompleteSignatureException", "IncompleteSignature", 403, "Authorization header requires a credential: KEY/DATE/REGION/SERVICE/aws4_request")
}

func (x *exchange) unknown(err error) *service.Error {
	if errors.Is(err, identity.ErrExpired) {
		return x.byProtocol("ExpiredTokenException", "ExpiredToken", 403, "The security token included in the request is expired")
	}
	return x.byProtocol("UnrecognizedClientException", "InvalidClientTokenId", 403, "The security token included in the request is invalid.")
}

// requestID makes the id that every answer carries, in the form of a UUID.
func requestID() string {
	const hex = "0123456789abcdef"
	hi, lo := rand.Uint64(), rand.Uint64() //nolint:gosec // an id for logs needs to be different, not secret
	var b [36]byte
	for i := range b {
		switch i {
		case 8, 13, 18, 23:
			b[i] = '-'
			continue
		case 14:
			b[i] = '4'
			continue
		}
		b[i] = hex[hi&15]
		hi = hi>>4 | lo<<60
		lo >>= 4
	}
	return string(b[:])
}
