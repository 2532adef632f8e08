package share

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/store"
)

// sidPrefix is what the Sid of every statement of ours begins with: letters and digits only, as the strictest services want it.
const sidPrefix = "SecretSyncShare"

// sid returns the Sid for what a statement is about: it never changes, so that a statement of ours is found again.
func sid(about ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(about, "\n")))
	return sidPrefix + hex.EncodeToString(sum[:])[:16]
}

// Statement is one that we write.
type Statement struct {
	Sid       string
	Effect    string
	Principal *named `json:",omitempty"` // nil in a policy that is attached to the principal itself
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

type named struct{ AWS string }

func (s Statement) raw() json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // texts and maps of texts always are JSON
	return bytes.TrimSpace(b.Bytes())
}

// grantRead is the statement of the secret's own policy: the principal may read its value. One statement a principal.
func grantRead(principal string) Statement {
	return Statement{Sid: sid(principal), Effect: "Allow", Principal: &named{principal}, Action: "secretsmanager:GetSecretValue", Resource: "*"}
}

// grantDecrypt is the statement of the key's policy: the principal may use the key to read this secret, through Secrets Manager only. One statement a secret and
// principal. It names the secret as KMS's encryption context has it, so that nothing else under the key is opened.
func grantDecrypt(s store.Shared, principal string) Statement {
	return Statement{
		Sid: sid(s.ARN, principal), Effect: "Allow", Principal: &named{principal}, Action: "kms:Decrypt", Resource: "*",
		Condition: map[string]map[string]string{"StringEquals": {"kms:ViaService": s.Service, "kms:EncryptionContext:SecretARN": s.ARN}},
	}
}

// IdentityPolicy is what the principal needs in its own account: AWS asks both sides.
type IdentityPolicy struct {
	Version   string
	Statement []Statement
}

func identityPolicy(s store.Shared) IdentityPolicy {
	return IdentityPolicy{Version: "2012-10-17", Statement: []Statement{
		{Sid: "ReadSharedSecret", Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: s.ARN},
		{
			Sid: "DecryptSharedSecret", Effect: "Allow", Action: "kms:Decrypt", Resource: s.Key,
			Condition: map[string]map[string]string{"StringEquals": {"kms:ViaService": s.Service, "kms:EncryptionContext:SecretARN": s.ARN}},
		},
	}}
}

func sidOf(st json.RawMessage) string {
	var s struct{ Sid string }
	if json.Unmarshal(st, &s) != nil {
		return ""
	}
	return s.Sid
}

// same reports whether two statements say the same. A list of one is its only entry: services store it either way.
func same(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(flat(x), flat(y))
}

func flat(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 1 {
			return flat(v[0])
		}
		for i := range v {
			v[i] = flat(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = flat(v[k])
		}
	}
	return v
}
