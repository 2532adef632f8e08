package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Shape says how the value of a copy is made of its sources' values. The zero Shape takes the one source's value as it is.
//
// First Include, Exclude and Rename are applied to the top level of each source's JSON object; then one of the others, if any. What Split and Template name are keys as they are then.
type Shape struct {
	Include  []string          `json:"include,omitempty"`  // only these keys; each must be there
	Exclude  []string          `json:"exclude,omitempty"`  // all but these
	Rename   map[string]string `json:"rename,omitempty"`   // old key to new key; each old one must be there
	Split    []string          `json:"split,omitempty"`    // a copy of its own for each of these keys
	Merge    string            `json:"merge,omitempty"`    // one copy of all secrets of one name: a template for the key that each has in it
	Template string            `json:"template,omitempty"` // a template for the whole value
	Type     string            `json:"type,omitempty"`     // what kind of object the copy is, where the target has several: "kubernetes.io/tls"
}

// IsZero reports whether the shape changes nothing at all.
func (s *Shape) IsZero() bool { return s.AsIs() && (s == nil || s.Type == "") }

// AsIs reports whether the shape takes the value as it is.
func (s *Shape) AsIs() bool {
	return s == nil || len(s.Include)+len(s.Exclude)+len(s.Rename)+len(s.Split) == 0 && s.Merge == "" && s.Template == ""
}

// shapeVersion goes up when the same shape makes another value of the same sources than it did before.
const shapeVersion = 1

// Fingerprint stands for the shape, and for the one key of a split that a copy holds: another shape or key is another fingerprint. Empty for the zero Shape.
func (s *Shape) Fingerprint(key string) string {
	if s.IsZero() {
		return ""
	}
	canonical, err := json.Marshal(struct {
		V     int    `json:"v"`
		Shape *Shape `json:"shape"`
		Key   string `json:"key,omitempty"`
	}{shapeVersion, s, key})
	if err != nil {
		panic(err) // strings only: can't happen
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
