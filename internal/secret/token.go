package secret

import (
	"crypto/sha1" //nolint:gosec // UUIDv5 is defined over SHA-1; nothing secret goes in and nothing rests on its strength.
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

// Tokens returns the versions that a copy of one secret, taken as it is, may carry: the source's own version, then the tokens of the generations 1 to MaxGeneration.
// They depend on names, ids and times only, never on a value.
func Tokens(owner Owner, in Input) []Version {
	all := []Version{in.Version}
	for generation := 1; generation <= MaxGeneration; generation++ {
		all = append(all, Token(owner, []Input{in}, "", generation))
	}
	return all
}

// Token returns the version of a copy that is made of inputs by a transformation with that fingerprint ("" for none): the UUIDv5 of all that, of the owner and of the generation.
func Token(owner Owner, inputs []Input, fingerprint string, generation int) Version {
	for i := range inputs {
		inputs[i].Created = inputs[i].Created.UTC().Truncate(time.Second)
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

// maxTagValue is the length of a tag's value in AWS, in characters.
const maxTagValue = 256

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
	const digits = 32
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

// NewIdentity returns the identity of a secret of a kind of store at a place.
func NewIdentity(kind string, at Place, name Name) Identity {
	return Identity(kind + "/" + at.String() + "/" + string(name))
}

// Name returns the name that an identity of an AWS store ends in; the rest of it where the identity is cut short, and all of it for other kinds.
func (id Identity) Name() Name {
	parts := strings.SplitN(string(id), "/", 4)
	if len(parts) < 4 || !AccountID(parts[1]).Valid() {
		return Name(id)
	}
	return Name(parts[3])
}
