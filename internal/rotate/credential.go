package rotate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// Credential is a secret's JSON object, in the form of AWS's own rotation functions: engine, host, port, username, password, dbname, masterarn, and whatever else it has, which stays as it is.
// It prints without its content. The zero Credential has no member. Safe for concurrent use: it never changes.
type Credential struct{ m *members }

type members struct{ of []member }

type member struct {
	name string
	raw  json.RawMessage
}

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

// ParseCredential reads a value. ErrForm where it is not a JSON object; the error quotes nothing of it. Where a member is there twice the last one counts, as nearly everywhere, and both are kept.
func ParseCredential(v secret.Value) (Credential, error) {
	none := fmt.Errorf("%w: not a JSON object", ErrForm)
	data := v.Reveal()
	if v.IsBinary() || !json.Valid(data) {
		return Credential{}, none
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return Credential{}, none
	}
	c := Credential{&members{}}
	for d.More() {
		name, err := d.Token()
		text, ok := name.(string)
		var raw json.RawMessage
		if err != nil || !ok || d.Decode(&raw) != nil {
			return Credential{}, none
		}
		c.m.of = append(c.m.of, member{text, raw})
	}
	return c, nil
}

func (c Credential) members() []member {
	if c.m == nil {
		return nil
	}
	return c.m.of
}

// all returns what members of a name hold, numbers to the digit; nil where there is none.
func (c Credential) all(name string) (held []any) {
	for _, m := range c.members() {
		if m.name == name {
			held = append(held, decode(m.raw))
		}
	}
	return held
}

// Text returns a member that is a text or a number; empty where there is none, or it is something else.
func (c Credential) Text(name string) string {
	var raw json.RawMessage
	for _, m := range c.members() {
		if m.name == name {
			raw = m.raw
		}
	}
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

// With returns a copy with another text in a member, which is added where it is not there. Where it is there twice both get that text.
func (c Credential) With(name, text string) Credential {
	raw, err := encode(text)
	if err != nil {
		panic(err) // a string: can't happen
	}
	of := slices.Clone(c.members())
	found := false
	for i := range of {
		if of[i].name == name {
			of[i].raw, found = raw, true
		}
	}
	if !found {
		of = append(of, member{name, raw})
	}
	return Credential{&members{of}}
}

// Value returns the credential as a value. Members keep their order and, to the byte, what they hold; white space between them may be another.
func (c Credential) Value() (secret.Value, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range c.members() {
		name, err := encode(m.name)
		if err != nil {
			return secret.Value{}, fmt.Errorf("%w: not a JSON object", ErrForm)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.raw)
	}
	b.WriteByte('}')
	return secret.Text(b.Bytes()), nil
}

// sameBut reports whether c and d have the same members with the same content, but for these.
func (c Credential) sameBut(d Credential, names ...string) bool {
	for _, m := range slices.Concat(c.members(), d.members()) {
		if !slices.Contains(names, m.name) && !reflect.DeepEqual(c.all(m.name), d.all(m.name)) {
			return false
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

// decode returns what a member holds, numbers to the digit.
func decode(raw json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	_ = d.Decode(&v) // it was read before: can't fail
	return v
}

// String keeps the content out of whatever prints it.
func (Credential) String() string { return "[redacted]" }

// GoString keeps the content out of %#v.
func (Credential) GoString() string { return "[redacted]" }
