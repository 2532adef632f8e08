// Package policy evaluates AWS policy documents: identity policies, trust policies and resource policies.
// It is pure: it knows no account, no clock and no network.
package policy

import (
	"errors"
	"fmt"
	"strings"
)

// A Document is a parsed policy. The zero Document says nothing. It is never changed, so it is safe for concurrent use.
type Document struct {
	statements []statement
}

type statement struct {
	sid        string
	deny       bool
	actions    []string // lower case
	notAction  bool
	resources  []string // empty in a trust policy: every resource
	notRes     bool
	principals []principalPattern // empty in an identity policy: whoever it is attached to
	notPrinc   bool
	conditions []condition
	variables  bool // ${…} is replaced, as in version 2012-10-17
}

type kind int

const (
	identityKind kind = iota
	trustKind
	resourceKind
)

// ParseIdentity reads a policy that is attached to a user or a role, strictly: an unknown key, a statement id that stands twice, a Principal are errors.
func ParseIdentity(data []byte) (Document, error) { return parse(data, identityKind) }

// ParseTrust reads the policy that says who may assume a role: every statement names a Principal, none a Resource.
func ParseTrust(data []byte) (Document, error) { return parse(data, trustKind) }

// ParseResource reads the policy of a secret, a key, a queue or a topic: every statement names a Principal and a Resource.
func ParseResource(data []byte) (Document, error) { return parse(data, resourceKind) }

func parse(data []byte, k kind) (Document, error) {
	tree, err := parseTree(data)
	if err != nil {
		return Document{}, err
	}
	root, ok := tree.(object)
	if !ok {
		return Document{}, errors.New("must be a JSON object")
	}
	var doc Document
	var statements []any
	variables := false
	for _, m := range root {
		switch m.key {
		case "Version":
			switch m.value {
			case "2012-10-17":
				variables = true
			case "2008-10-17":
			default:
				return Document{}, errors.New(`Version: must be "2012-10-17" or "2008-10-17"`)
			}
		case "Id":
			if _, ok := m.value.(string); !ok {
				return Document{}, errors.New("Id: must be a string")
			}
		case "Statement":
			switch v := m.value.(type) {
			case []any:
				statements = v
			default:
				statements = []any{v}
			}
		default:
			return Document{}, fmt.Errorf("unknown key %q", m.key)
		}
	}
	if len(statements) == 0 {
		return Document{}, errors.New("Statement: missing")
	}
	seen := make(map[string]bool)
	for i, v := range statements {
		st, err := parseStatement(v, k)
		if err != nil {
			return Document{}, fmt.Errorf("Statement[%d]: %w", i, err)
		}
		if st.sid != "" && seen[st.sid] {
			return Document{}, fmt.Errorf("Statement[%d]: Sid %q stands twice", i, st.sid)
		}
		seen[st.sid] = true
		st.variables = variables
		doc.statements = append(doc.statements, st)
	}
	return doc, nil
}

func parseStatement(v any, k kind) (statement, error) {
	obj, ok := v.(object)
	if !ok {
		return statement{}, errors.New("must be a JSON object")
	}
	var st statement
	has := make(map[string]bool, len(obj))
	for _, m := range obj {
		has[m.key] = true
		if err := st.set(m, k); err != nil {
			return statement{}, fmt.Errorf("%s: %w", m.key, err)
		}
	}
	if !has["Effect"] {
		return statement{}, errors.New("Effect: missing")
	}
	if has["Action"] == has["NotAction"] {
		return statement{}, errors.New("must have one of Action and NotAction")
	}
	switch k {
	case identityKind, resourceKind:
		if has["Resource"] == has["NotResource"] {
			return statement{}, errors.New("must have one of Resource and NotResource")
		}
	case trustKind:
		if has["Resource"] || has["NotResource"] {
			return statement{}, errors.New("a trust policy has no Resource")
		}
	}
	switch k {
	case identityKind:
		if has["Principal"] || has["NotPrincipal"] {
			return statement{}, errors.New("an identity policy has no Principal")
		}
	case trustKind, resourceKind:
		if has["Principal"] == has["NotPrincipal"] {
			return statement{}, errors.New("must have one of Principal and NotPrincipal")
		}
	}
	return st, nil
}

func (st *statement) set(m member, k kind) (err error) {
	switch m.key {
	case "Sid":
		sid, ok := m.value.(string)
		if !ok || (k == identityKind && !alphanumeric(sid)) {
			return errors.New("must be letters and digits")
		}
		st.sid = sid
	case "Effect":
		switch m.value {
		case "Allow":
		case "Deny":
			st.deny = true
		default:
			return errors.New("must be Allow or Deny")
		}
	case "Action", "NotAction":
		st.notAction = m.key == "NotAction"
		st.actions, err = parseActions(m.value)
	case "Resource", "NotResource":
		st.notRes = m.key == "NotResource"
		st.resources, err = parseResources(m.value)
	case "Principal", "NotPrincipal":
		st.notPrinc = m.key == "NotPrincipal"
		st.principals, err = parsePrincipals(m.value)
	case "Condition":
		st.conditions, err = parseConditions(m.value)
	default:
		return errors.New("unknown key")
	}
	return err
}

func parseActions(v any) ([]string, error) {
	list, err := texts(v)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("must not be empty")
	}
	for i, a := range list {
		service, name, ok := strings.Cut(a, ":")
		if a != "*" && (!ok || service == "" || name == "") {
			return nil, fmt.Errorf("%q is not an action: service:Name", a)
		}
		list[i] = strings.ToLower(a)
	}
	return list, nil
}

func parseResources(v any) ([]string, error) {
	list, err := texts(v)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("must not be empty")
	}
	for _, r := range list {
		if r != "*" && (!strings.HasPrefix(r, "arn:") || strings.Count(r, ":") < 5) {
			return nil, fmt.Errorf("%q is neither an ARN nor *", r)
		}
	}
	return list, nil
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}
