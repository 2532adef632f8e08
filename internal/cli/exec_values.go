package cli

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// variable is one variable of the command's environment. It holds a value: it must never be printed.
type variable struct {
	name, value string
	secret      secret.Name
	member      string // that the name was made of; empty: a person wrote the name, or it is that of the secret
}

// variables returns what a value becomes. The error says what is wrong with it, and quotes nothing of it but the names of members.
func (w want) variables(value []byte, binary bool) ([]variable, error) {
	switch {
	case binary:
		return nil, errors.New("it is binary, which no variable can hold")
	case len(value) == 0:
		return nil, errors.New("it is empty")
	case bytes.IndexByte(value, 0) >= 0:
		return nil, errors.New("it has a NUL byte in it, which no variable can hold")
	}
	object := isJSONObject(value)
	switch {
	case w.member != "" && !object, w.spread && !object:
		return nil, errors.New("it is no JSON object: there are no members")
	case w.member != "":
		return w.pick(value)
	case w.variable != "":
		return []variable{{name: w.variable, value: string(value), secret: w.secret}}, nil
	case object:
		return w.all(value)
	}
	return w.whole(value)
}

// whole is a value that is no object, in a variable that is named after the secret.
func (w want) whole(value []byte) ([]variable, error) {
	if strings.HasPrefix(string(w.secret), "arn:") {
		return nil, errors.New("an ARN names no variable: write VAR=ARN")
	}
	last := string(w.secret)
	if i := strings.LastIndexByte(last, '/'); i >= 0 {
		last = last[i+1:]
	}
	name := variableName(last)
	if why := badVariable(name); why != "" {
		return nil, fmt.Errorf("its name makes the variable %q, %s: write VAR=%s", name, why, w.secret)
	}
	return []variable{{name: name, value: string(value), secret: w.secret}}, nil
}

// all is an object whose every member becomes a variable.
func (w want) all(value []byte) ([]variable, error) {
	members, err := membersOf(value)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		return nil, errors.New("it is an empty JSON object, which gives no variable")
	}
	var all []variable
	var errs []error
	for _, m := range members {
		v := variable{name: w.prefix + variableName(m.key), secret: w.secret, member: m.key}
		var why string
		switch m.raw[0] {
		case '{', '[':
			why = "is no text, number, true or false"
		case 'n':
			why = "is null"
		default:
			if why = badVariable(v.name); why != "" {
				why = fmt.Sprintf("makes the variable %q, %s", v.name, why)
			} else {
				v.value, why = m.text()
			}
		}
		if why != "" {
			errs = append(errs, fmt.Errorf("member %q %s: pick members, as in VAR=%s#%s", shown(m.key), why, w.secret, shown(m.key)))
			continue
		}
		all = append(all, v)
	}
	return all, errors.Join(errs...)
}

// pick is one member of an object. One that is itself an object or a list is its JSON.
func (w want) pick(value []byte) ([]variable, error) {
	members, err := membersOf(value)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(members, func(m jsonMember) bool { return m.key == w.member })
	if i < 0 {
		return nil, fmt.Errorf("it has no member %q", w.member)
	}
	text, why := members[i].text()
	v := variable{name: w.variable, value: text, secret: w.secret}
	if members[i].raw[0] == 'n' {
		why = "is null"
	}
	if why == "" && v.name == "" {
		v.name, v.member = variableName(w.member), w.member
		if bad := badVariable(v.name); bad != "" {
			why = fmt.Sprintf("makes the variable %q, %s: write VAR=%s#%s", v.name, bad, w.secret, w.member)
		}
	}
	if why != "" {
		return nil, fmt.Errorf("member %q %s", w.member, why)
	}
	return []variable{v}, nil
}
