package policy

import (
	"errors"
	"fmt"
	"strings"
)

// Principal is who asks. The zero Principal matches no pattern but "*".
type Principal struct {
	ARN     string // of the user, or of the session of a role
	Role    string // ARN of the role behind a session; where it is empty, it is derived from ARN
	Account string // empty: patterns that name a whole account do not match
	Service string // "lambda.amazonaws.com", where a service itself asks
}

// principalPattern is one entry of a Principal element.
type principalPattern struct {
	kind  string // "AWS", "Service", "Federated", "CanonicalUser"
	value string // "*", 12 digits for a whole account, an ARN, or the name of a service
}

func parsePrincipals(v any) ([]principalPattern, error) {
	if v == "*" {
		return []principalPattern{{"AWS", "*"}}, nil
	}
	obj, ok := v.(object)
	if !ok || len(obj) == 0 {
		return nil, errors.New(`must be "*" or an object`)
	}
	var out []principalPattern
	for _, m := range obj {
		list, err := texts(m.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.key, err)
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%s: must not be empty", m.key)
		}
		for _, p := range list {
			switch m.key {
			case "AWS":
				if p, err = parseAWSPrincipal(p); err != nil {
					return nil, err
				}
			case "Service", "Federated", "CanonicalUser":
			default:
				return nil, fmt.Errorf("unknown key %q", m.key)
			}
			out = append(out, principalPattern{m.key, p})
		}
	}
	return out, nil
}

func parseAWSPrincipal(p string) (string, error) {
	if p == "*" || IsAccount(p) {
		return p, nil
	}
	parts := strings.SplitN(p, ":", 6)
	valid := len(parts) == 6 && parts[0] == "arn" && (parts[2] == "iam" || parts[2] == "sts") && parts[3] == "" && IsAccount(parts[4]) && !strings.ContainsAny(p, "*?")
	if !valid {
		return "", fmt.Errorf("%q is not a principal: an account, or the ARN of a user, a role or a session, without wildcards", p)
	}
	if parts[5] == "root" {
		return parts[4], nil
	}
	return p, nil
}

// IsAccount reports whether s is an account id: 12 digits.
func IsAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (p principalPattern) matches(who Principal) bool {
	switch p.kind {
	case "AWS":
		if p.value == "*" {
			return true
		}
		if IsAccount(p.value) {
			return who.Account == p.value
		}
		return who.ARN != "" && (p.value == who.ARN || p.value == who.role())
	case "Service":
		return who.Service != "" && p.value == who.Service
	}
	return false
}

// role returns the ARN of the role behind a session. A role's path is not part of a session's ARN, so Role has to be given for roles with one.
func (p Principal) role() string {
	if p.Role != "" {
		return p.Role
	}
	head, session, ok := strings.Cut(p.ARN, ":assumed-role/")
	if !ok {
		return p.ARN
	}
	name, _, _ := strings.Cut(session, "/")
	return strings.Replace(head, ":sts:", ":iam:", 1) + ":role/" + name
}
