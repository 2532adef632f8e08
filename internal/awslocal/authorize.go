package awslocal

import (
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/policy"
	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

// authorize decides whether the caller may do action on resource, by its own policies and by that of the resource; the texts are AWS's.
// A fault on a resource strikes here where the action is part of another operation: an entry of a batch, the tags of a creation.
func (x *exchange) authorize(action, resource string, conditions map[string][]string) *service.Error {
	if x.s.faults.any() {
		if refused := x.strikeEntry(action, resource); refused != nil {
			return refused
		}
	}
	decision, side := x.decide(action, resource, conditions)
	if decision == policy.Allowed {
		return nil
	}
	message := "User: " + x.caller.ARN + " is not authorized to perform: " + action
	if resource != "" && resource != "*" {
		message += " on resource: " + resource
	}
	a, no := "an identity-based policy", "no identity-based policy"
	if side == policy.Resource {
		a, no = "a resource-based policy", "no resource-based policy"
	}
	if decision == policy.ExplicitDeny {
		message += " with an explicit deny in " + a
	} else {
		message += " because " + no + " allows the " + action + " action"
	}
	return x.byProtocol("AccessDeniedException", "AccessDenied", 403, message)
}

// decide weighs the caller's own policies and that of the resource. Where nothing is enforced, everything is allowed within an account and with its keys;
// a secret of another account opens by its policy there too.
func (x *exchange) decide(action, resource string, conditions map[string][]string) (policy.Decision, policy.Side) {
	enforced := x.s.identities.Enforced()
	doc, weight := x.policyOf(resource)
	if !enforced && (weight != policy.Across || !strings.HasPrefix(action, "secretsmanager:")) {
		return policy.Allowed, policy.Own
	}
	context := x.caller.Conditions(x.scope.region, x.now, conditions)
	grant := policy.Ask(doc, policy.Request{Action: action, Resource: resource, Principal: x.caller.PolicyPrincipal(), Context: context})
	own := policy.Allowed
	if enforced {
		own = x.caller.Decide(action, resource, context)
		if grant == policy.Granted && len(x.caller.Bounds) > 0 {
			grant = policy.Delegated // a session with a policy has no right beyond it
		}
	}
	return policy.Access(own, grant, weight)
}

// policyOf returns the policy of a secret or a key, and how much it counts. What else there is has none, and the caller's own policies decide.
func (x *exchange) policyOf(resource string) (policy.Document, policy.Weight) {
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) != 6 {
		return policy.Document{}, policy.Beside
	}
	weight := policy.Beside
	if parts[4] != x.caller.Account {
		weight = policy.Across
	}
	switch {
	case parts[2] == "secretsmanager":
		doc, _ := x.s.secrets.Policy(resource)
		return doc, weight
	case parts[2] == "kms" && strings.HasPrefix(parts[5], "key/"):
		doc, _ := x.s.keys.Policy(resource)
		if weight == policy.Beside {
			weight = policy.Above
		}
		return doc, weight
	}
	return policy.Document{}, policy.Beside
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
