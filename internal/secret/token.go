package secret

import (
	"crypto/sha1" //nolint:gosec // UUIDv5 is defined over SHA-1; nothing secret goes in and nothing rests on its strength.
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxGeneration is how often a token that is in use with another value is replaced before a write gives up.
const MaxGeneration = 3

// Input is one source version that a copy is made of.
type Input struct {
	Identity Identity  `json:"identity"`
	Version  Version   `json:"version"`
	Created  time.Time `json:"created"`
}

// Tokens returns the versions that a copy made of inputs by a transformation with that fingerprint ("" for none) may carry, by generation.
// The copy of one secret of Secrets Manager, taken as it is, carries the source's own version first, which is the same everywhere.
// They depend on names, ids and times only, never on a value.
func Tokens(owner Owner, inputs []Input, fingerprint string) []Version {
	var all []Version
	for generation := range MaxGeneration + 1 {
		if generation == 0 && fingerprint == "" && len(inputs) == 1 && inputs[0].Identity.Kind() == SecretsManager {
			all = append(all, inputs[0].Version)
			continue
		}
		all = append(all, Token(owner, inputs, fingerprint, generation))
	}
	return all
}

// Token returns the UUIDv5 of inputs, the fingerprint of a transformation, the owner and the generation.
func Token(owner Owner, inputs []Input, fingerprint string, generation int) Version {
	inputs = slices.Clone(inputs)
	for i := range inputs {
		inputs[i].Created = inputs[i].Created.UTC()
	}
	canonical, err := json.Marshal(struct {
		V           int     `json:"v"`
		Inputs      []Input `json:"inputs"`
		Fingerprint string  `json:"fingerprint,omitempty"`
		Generation  int     `json:"generation"`
	}{1, inputs, fingerprint, generation})
	if err != nil {
		panic(err) // strings, numbers and times of sane years: can't happen
	}
	namespace := uuid5([16]byte{}, []byte("https://github.com/secretsync-dev/secretsync/owner/"+string(owner)))
	id := uuid5(namespace, canonical)
	return Version(fmt.Sprintf("%x-%x-%x-%x-%x", id[0:4], id[4:6], id[6:8], id[8:10], id[10:16]))
}

func uuid5(namespace [16]byte, name []byte) [16]byte {
	h := sha1.New() //nolint:gosec // see the import
	h.Write(namespace[:])
	h.Write(name)
	var id [16]byte
	copy(id[:], h.Sum(nil))
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id
}

const (
	maxTagValue = 256 // the length of a tag's value in AWS, in characters
	digits      = 32  // of the SHA-256 that an identity which is cut short ends in
)

// Tag returns the identity as a tag can hold it. One that is too long, or has characters that a tag can't have, keeps its allowed prefix and ends in 32 hex digits of its SHA-256.
func (id Identity) Tag() string {
	prefix := 0
	for i, r := range string(id) {
		if !inTagSet(r) || prefix >= maxTagValue {
			break
		}
		prefix = i + 1
	}
	if prefix == len(id) && len(id) <= maxTagValue {
		return string(id)
	}
	sum := sha256.Sum256([]byte(id))
	return string(id[:min(prefix, maxTagValue-digits)]) + hex.EncodeToString(sum[:])[:digits]
}

func inTagSet(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	}
	switch r {
	case ' ', '_', '.', ':', '/', '=', '+', '-', '@':
		return true
	}
	return false
}

// NewIdentity returns the identity of a secret at a place.
func NewIdentity(at Place, name Name) Identity {
	return Identity(string(at.Kind) + "/" + at.String() + "/" + string(name))
}

// Kind returns the kind of store that the secret is in.
func (id Identity) Kind() Kind {
	kind, _, _ := strings.Cut(string(id), "/")
	return Kind(kind)
}

// NameAt returns the name of the secret, if the identity, which may be as Tag makes it, is that of one at that place. One that is, or could be, cut short has no name.
func (id Identity) NameAt(at Place) (Name, bool) {
	name, ok := strings.CutPrefix(string(id), string(NewIdentity(at, "")))
	if !ok || len(name)-len(strings.TrimRight(name, "0123456789abcdef")) >= digits {
		return "", false
	}
	return Name(name), true
}

// Name returns the name that an identity in AWS ends in, and the whole identity for other kinds, whose places are not all of one length. It is for people to read.
func (id Identity) Name() Name {
	parts := strings.SplitN(string(id), "/", 4)
	if len(parts) < 4 || !AccountID(parts[1]).Valid() {
		return Name(id)
	}
	return Name(parts[3])
}
