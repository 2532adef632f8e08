package awslocal

import (
	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// authorize decides whether the caller may do action on resource, by its own policies; the texts are AWS's.
// A fault on a resource strikes here where the action is part of another operation: an entry of a batch, the tags of a creation.
func (x *exchange) authorize(action, resource string, conditions map[string][]string) *service.Error {
	if x.s.faults.any() {
		if refused := x.strikeEntry(action, resource); refused != nil {
			return refused
		}
	}
	if !x.s.identities.Enforced() {
		return nil
	}
	decision := x.caller.Decide(action, resource, x.caller.Conditions(x.scope.region, x.now, conditions))
	if decision == policy.Allowed {
		return nil
	}
	message := "User: " + x.caller.ARN + " is not authorized to perform: " + action
	if resource != "" && resource != "*" {
		message += " on resource: " + resource
	}
	if decision == policy.ExplicitDeny {
		message += " with an explicit deny in an identity-based policy"
	} else {
		message += " because no identity-based policy allows the " + action + " action"
	}
	return x.byProtocol("AccessDeniedException", "AccessDenied", 403, message)
}

func (x *exchange) strikeEntry(action, resource string) *service.Error {
	n := len(x.call.Service) + 1
	if len(action) <= n || action[:n] != x.call.Service+":" || action[n:] == x.call.Operation {
		return nil
	}
	return x.s.faults.strike(target{
		service: x.call.Service, operation: action[n:], account: x.call.Account, region: x.call.Region,
		resources: spellings(resource), entry: true,
	}).refuse
}
