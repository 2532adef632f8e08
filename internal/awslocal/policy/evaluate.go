package policy

import "strings"

// Request is one action on one resource.
type Request struct {
	Action    string // "secretsmanager:GetSecretValue"; case does not count
	Resource  string // an ARN, or "*" for an action that takes no resource
	Principal Principal
	Context   map[string][]string // condition keys: "aws:RequestTag/team", "sts:ExternalId"
}

// Decision is what policies say about a request.
type Decision int

// The decisions.
const (
	ImplicitDeny Decision = iota // nothing allows it
	ExplicitDeny                 // a statement denies it, whatever others say
	Allowed
)

// Evaluate decides a request by all of docs together: an explicit deny wins, then an allow, and what nothing allows is denied.
//
//	a Deny statement applies  an Allow statement applies  decision
//	yes                       yes or no                   ExplicitDeny
//	no                        yes                         Allowed
//	no                        no                          ImplicitDeny
func Evaluate(docs []Document, r Request) Decision {
	r.Action = strings.ToLower(r.Action)
	decision := ImplicitDeny
	for _, doc := range docs {
		for i := range doc.statements {
			st := &doc.statements[i]
			if !st.deny && decision == Allowed {
				continue
			}
			if !st.applies(&r) {
				continue
			}
			if st.deny {
				return ExplicitDeny
			}
			decision = Allowed
		}
	}
	return decision
}

func (st *statement) applies(r *Request) bool {
	if globAny(st.actions, r.Action) == st.notAction {
		return false
	}
	if len(st.resources) > 0 && st.matchesResource(r) == st.notRes {
		return false
	}
	if len(st.principals) > 0 && st.matchesPrincipal(r.Principal) == st.notPrinc {
		return false
	}
	for _, c := range st.conditions {
		if !c.holds(r.Context, st.variables) {
			return false
		}
	}
	return true
}

func (st *statement) matchesResource(r *Request) bool {
	for _, pattern := range st.resources {
		if pattern == "*" {
			return true
		}
		if st.variables {
			var ok bool
			if pattern, ok = expand(pattern, r.Context); !ok {
				continue
			}
		}
		if Glob(pattern, r.Resource) {
			return true
		}
	}
	return false
}

func (st *statement) matchesPrincipal(who Principal) bool {
	for _, p := range st.principals {
		if p.matches(who) {
			return true
		}
	}
	return false
}
