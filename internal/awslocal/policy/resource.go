package policy

// Grant is what the policy of a resource says about a request.
type Grant int

// The grants.
const (
	Silent    Grant = iota // nothing in it is about the request
	Forbidden              // a statement denies it
	Delegated              // it is allowed to the caller's account as a whole, which decides by its own policies
	Granted                // it is allowed to the caller, or to everybody
)

// Ask returns what doc, the policy of a resource, says about a request.
func Ask(doc Document, r Request) Grant {
	switch Evaluate([]Document{doc}, r) {
	case ExplicitDeny:
		return Forbidden
	case ImplicitDeny:
		return Silent
	}
	r.Principal.Account = "" // what names the account as a whole no longer matches
	if Evaluate([]Document{doc}, r) == Allowed {
		return Granted
	}
	return Delegated
}

// Side says whose policies decided.
type Side int

// The sides.
const (
	Own      Side = iota // the caller's own policies
	Resource             // the policy of the resource
)

// Weight is how much the policy of a resource counts.
type Weight int

// The weights.
const (
	Beside Weight = iota // a secret, in its account: the caller's own policies suffice, and so does that of the resource
	Above                // a key, in its account: without its policy nobody has a right, whatever other policies say
	Across               // anything, in another account than the caller's: both must allow
)

// Access decides a request by what the caller's own policies say, and by what that of the resource says. A denial on either side wins. Else:
//
//	own policies  resource's   Beside           Above              Across
//	allow         Silent       allowed          refused: resource  refused: resource
//	allow         Delegated    allowed          allowed            allowed
//	allow         Granted      allowed          allowed            allowed
//	are silent    Silent       refused: own     refused: resource  refused: resource
//	are silent    Delegated    refused: own     refused: own       refused: own
//	are silent    Granted      allowed          allowed            refused: own
func Access(own Decision, resource Grant, w Weight) (Decision, Side) {
	switch {
	case own == ExplicitDeny:
		return ExplicitDeny, Own
	case resource == Forbidden:
		return ExplicitDeny, Resource
	case w != Beside && resource == Silent:
		return ImplicitDeny, Resource
	case own == Allowed, w != Across && resource == Granted:
		return Allowed, Own
	}
	return ImplicitDeny, Own
}
