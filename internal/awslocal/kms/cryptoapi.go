package kms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

type cryptoInput struct {
	KeyID             string `json:"KeyId"`
	Plaintext         []byte
	CiphertextBlob    []byte
	EncryptionContext map[string]string
	KeySpec           string
	NumberOfBytes     *int
}

type cryptoOutput struct {
	CiphertextBlob      []byte `json:",omitempty"`
	Plaintext           []byte `json:",omitempty"`
	KeyID               string `json:"KeyId"`
	EncryptionAlgorithm string `json:",omitempty"`
}

// contextConditions are the condition keys of a cryptographic call.
func contextConditions(r *service.Request, via string, context map[string]string) map[string][]string {
	m := map[string][]string{"kms:CallerAccount": {r.Account}}
	if via != "" {
		m["kms:ViaService"] = []string{via + "." + r.Region + "." + domain(r.Region)}
	}
	names := make([]string, 0, len(context))
	for k, v := range context {
		m["kms:EncryptionContext:"+k] = []string{v}
		names = append(names, k)
	}
	if len(names) > 0 {
		m["kms:EncryptionContextKeys"] = names
	}
	return m
}

// withMaterial resolves a key for a cryptographic call that the caller makes itself.
func (s *Service) withMaterial(r *service.Request, action string, in cryptoInput, do func(*key) *service.Error) *service.Error {
	p, local, refused := locate(r, in.KeyID)
	if refused != nil {
		return refused
	}
	return s.read(p, r.Now, func(g *region) *service.Error {
		k, refused := g.find(local, r.Now)
		if refused != nil {
			return refused
		}
		if refused := r.Authorize(action, k.arn, contextConditions(r, "", in.EncryptionContext)); refused != nil {
			return refused
		}
		if k.managed {
			return &service.Error{Code: "AccessDeniedException", Message: "The key " + k.arn + " can be used through Secrets Manager only"}
		}
		if refused := k.usable(); refused != nil {
			return refused
		}
		return do(k)
	})
}

func (s *Service) encrypt(r *service.Request, in cryptoInput) (out any, refused *service.Error) {
	r.Note(in.KeyID)
	if len(in.Plaintext) < 1 || len(in.Plaintext) > 4096 {
		return nil, invalid("1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length between 1 and 4096")
	}
	refused = s.withMaterial(r, "kms:Encrypt", in, func(k *key) *service.Error {
		out = cryptoOutput{CiphertextBlob: k.seal(in.Plaintext, in.EncryptionContext), KeyID: k.arn, EncryptionAlgorithm: "SYMMETRIC_DEFAULT"}
		return nil
	})
	return out, refused
}

func (s *Service) decrypt(r *service.Request, in cryptoInput) (out any, refused *service.Error) {
	arn, ok := sealedBy(in.CiphertextBlob)
	if !ok {
		return nil, invalidCiphertext()
	}
	r.Note(arn)
	asked := in.KeyID
	in.KeyID = arn
	if asked != "" {
		if same, refused := s.same(r, asked, arn); refused != nil {
			return nil, refused
		} else if !same {
			return nil, &service.Error{Code: "IncorrectKeyException", Message: "The key ID in the request does not identify a CMK that can perform this operation."}
		}
	}
	refused = s.withMaterial(r, "kms:Decrypt", in, func(k *key) *service.Error {
		plaintext, ok := k.open(in.CiphertextBlob, in.EncryptionContext)
		if !ok {
			return invalidCiphertext()
		}
		out = cryptoOutput{Plaintext: plaintext, KeyID: k.arn, EncryptionAlgorithm: "SYMMETRIC_DEFAULT"}
		return nil
	})
	return out, refused
}

func (s *Service) generateDataKey(r *service.Request, in cryptoInput) (out any, refused *service.Error) {
	r.Note(in.KeyID)
	n := 0
	switch {
	case (in.KeySpec == "") == (in.NumberOfBytes == nil):
		return nil, invalid("Please specify either number of bytes or key spec.")
	case in.KeySpec == "AES_256":
		n = 32
	case in.KeySpec == "AES_128":
		n = 16
	case in.NumberOfBytes != nil:
		n = *in.NumberOfBytes
	}
	if n < 1 || n > 1024 {
		return nil, invalid("1 validation error detected: the size of a data key is AES_128, AES_256 or between 1 and 1024 bytes")
	}
	refused = s.withMaterial(r, "kms:GenerateDataKey", in, func(k *key) *service.Error {
		data := make([]byte, n)
		rand.Read(data) // never fails, says its documentation
		out = cryptoOutput{CiphertextBlob: k.seal(data, in.EncryptionContext), Plaintext: data, KeyID: k.arn}
		return nil
	})
	return out, refused
}

// same reports whether a name and an ARN are the same key.
func (s *Service) same(r *service.Request, name, arn string) (same bool, refused *service.Error) {
	p, local, refused := locate(r, name)
	if refused != nil {
		return false, refused
	}
	refused = s.read(p, r.Now, func(g *region) *service.Error {
		k, refused := g.find(local, r.Now)
		same = k != nil && k.arn == arn
		return refused
	})
	return same, refused
}

// A ciphertext is: 1, the length of the key's ARN, the ARN, a nonce, and what AES-GCM makes of the plaintext with the encryption context as additional data.
const sealVersion = 1

func (k *key) seal(plaintext []byte, context map[string]string) []byte {
	gcm := k.gcm()
	out := []byte{sealVersion}
	out = binary.BigEndian.AppendUint16(out, uint16(len(k.arn)))
	out = append(out, k.arn...)
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce) // never fails, says its documentation
	out = append(out, nonce...)
	return gcm.Seal(out, nonce, plaintext, canonical(context))
}

func sealedBy(blob []byte) (arn string, ok bool) {
	if len(blob) < 3 || blob[0] != sealVersion {
		return "", false
	}
	n := int(binary.BigEndian.Uint16(blob[1:]))
	if len(blob) < 3+n {
		return "", false
	}
	return string(blob[3 : 3+n]), strings.HasPrefix(string(blob[3:3+n]), "arn:")
}

func (k *key) open(blob []byte, context map[string]string) ([]byte, bool) {
	gcm := k.gcm()
	rest := blob[3+len(k.arn):]
	if len(rest) < gcm.NonceSize() {
		return nil, false
	}
	plaintext, err := gcm.Open(nil, rest[:gcm.NonceSize()], rest[gcm.NonceSize():], canonical(context))
	return plaintext, err == nil
}

func (k *key) gcm() cipher.AEAD {
	block, err := aes.NewCipher(k.material[:])
	if err != nil {
		panic(err) // 32 bytes are a size that AES has
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES's block is a size that GCM takes
	}
	return gcm
}

// canonical writes an encryption context so that equal ones are equal bytes.
func canonical(context map[string]string) []byte {
	names := make([]string, 0, len(context))
	for k := range context {
		names = append(names, k)
	}
	slices.Sort(names)
	var out []byte
	for _, k := range names {
		for _, s := range []string{k, context[k]} {
			out = binary.BigEndian.AppendUint32(out, uint32(len(s)))
			out = append(out, s...)
		}
	}
	return out
}

func invalidCiphertext() *service.Error {
	return &service.Error{Code: "InvalidCiphertextException"}
}
