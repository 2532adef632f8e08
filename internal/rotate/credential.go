package rotate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Credential is a secret's JSON object, in the form of AWS's own rotation functions: engine, host, port, username, password, dbname, masterarn, and whatever else it has, which stays as it is.
// It prints without its content. The zero Credential has no member. Safe for concurrent use: it never changes.
type Credential struct{ m *members }

type members struct{ of map[string]json.RawMessage }

// The members that AWS's own rotation functions know.
const (
	memberEngine   = "engine"
	memberHost     = "host"
	memberPort     = "port"
	memberUser     = "username"
	memberPassword = "password"
	memberDatabase = "dbname"
	memberMaster   = "masterarn"
)

// ParseCredential reads a value. ErrForm where it is not a JSON object; the error quotes nothing of it. Where a member is there twice the last one counts.
func ParseCredential(v secret.Value) (Credential, error) {
	c := Credential{&members{}}
	if v.IsBinary() || json.Unmarshal(v.Reveal(), &c.m.of) != nil || c.m.of == nil {
		return Credential{}, fmt.Errorf("%w: not a JSON object", ErrForm)
	}
	return c, nil
}

func (c Credential) members() map[string]json.RawMessage {
	if c.m == nil {
		return nil
	}
	return c.m.of
}

// Text returns a member that is a text or a number; empty where there is none, or it is something else.
func (c Credential) Text(member string) string {
	raw := c.members()[member]
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return number.String()
	}
	return ""
}

// Engine returns the member that says what the credential is for; empty where there is none, as in the functions below.
func (c Credential) Engine() string { return c.Text(memberEngine) }

// Host returns the server's name or address.
func (c Credential) Host() string { return c.Text(memberHost) }

// User returns the user's name.
func (c Credential) User() string { return c.Text(memberUser) }

// Password returns the password.
func (c Credential) Password() string { return c.Text(memberPassword) }

// Database returns the database's name.
func (c Credential) Database() string { return c.Text(memberDatabase) }

// MasterARN returns the ARN of the secret of a user who may change others.
func (c Credential) MasterARN() string { return c.Text(memberMaster) }

// Port returns the port, or usual where the credential has none. ErrForm where it is none.
func (c Credential) Port(usual int) (int, error) {
	text := c.Text(memberPort)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%w: %q is no port", ErrForm, memberPort)
	}
	return n, nil
}

// With returns a copy with another text in a member.
func (c Credential) With(member, text string) Credential {
	of := maps.Clone(c.members())
	if of == nil {
		of = map[string]json.RawMessage{}
	}
	raw, err := encode(text)
	if err != nil {
		panic(err) // a string: can't happen
	}
	of[member] = raw
	return Credential{&members{of}}
}

// Value returns the credential as a value. Members keep their values, numbers to the digit; white space and order may be others.
func (c Credential) Value() (secret.Value, error) {
	of := c.members()
	if of == nil {
		of = map[string]json.RawMessage{}
	}
	data, err := encode(of)
	if err != nil {
		return secret.Value{}, fmt.Errorf("%w: not a JSON object", ErrForm)
	}
	return secret.Text(data), nil
}

// sameBut reports whether c and d have the same members with the same content, but for these.
func (c Credential) sameBut(d Credential, members ...string) bool {
	for _, all := range []map[string]json.RawMessage{c.members(), d.members()} {
		for member := range all {
			if !slices.Contains(members, member) && !reflect.DeepEqual(decode(c.members()[member]), decode(d.members()[member])) {
				return false
			}
		}
	}
	return true
}

// encode is json.Marshal without what it does for HTML: a password keeps its characters.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decode returns what a member holds, numbers to the digit; a value of its own kind where it is not there.
func decode(raw json.RawMessage) any {
	type absent struct{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return absent{}
	}
	return v
}

// String keeps the content out of whatever prints it.
func (Credential) String() string { return "[redacted]" }

// GoString keeps the content out of %#v.
func (Credential) GoString() string { return "[redacted]" }
