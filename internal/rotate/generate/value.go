package generate

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

// Lengths, as rotate.Generate counts them.
const (
	usualBytes = 32
	minBytes   = 8
	maxBytes   = 16384 // so that it fits into a secret, in hex too
	usualBits  = 3072
	minBits    = 2048
	maxBits    = 8192
)

const (
	privateBlock = "PRIVATE KEY" // PKCS #8
	publicBlock  = "PUBLIC KEY"  // PKIX
)

// generated is a new value: text, and for a key pair its public half.
type generated struct{ text, public string }

func newValue(g rotate.Generate) (generated, error) {
	switch g.Kind {
	case "", kindPassword:
		text, err := rotate.Password(g)
		return generated{text: text}, err
	case kindHex, kindBase64:
		raw, err := randomBytes(g)
		if err != nil {
			return generated{}, err
		}
		if g.Kind == kindHex {
			return generated{text: hex.EncodeToString(raw)}, nil
		}
		return generated{text: base64.StdEncoding.EncodeToString(raw)}, nil
	case kindUUID:
		id, err := uuid.NewRandom()
		return generated{text: id.String()}, err
	}
	return newPair(g)
}

// randomBytes returns as many as hex and base64 are asked for.
func randomBytes(g rotate.Generate) ([]byte, error) {
	n := g.Length
	if n == 0 {
		n = usualBytes
	}
	switch {
	case g.Kind != kindHex && g.Kind != kindBase64:
		return nil, fmt.Errorf("%w: it is binary, and only hex and base64 are made of bytes", rotate.ErrForm)
	case n < minBytes || n > maxBytes:
		return nil, fmt.Errorf("generate: length must be from %d to %d bytes", minBytes, maxBytes)
	}
	raw := make([]byte, n)
	_, err := rand.Read(raw)
	return raw, err
}

// signer is a private key, as all of the standard library's are.
type signer interface{ Public() crypto.PublicKey }

func newPair(g rotate.Generate) (generated, error) {
	var key signer
	var err error
	switch g.Kind {
	case kindEd25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		bits := g.Length
		if bits == 0 {
			bits = usualBits
		}
		if bits < minBits || bits > maxBits || bits%8 != 0 {
			return generated{}, fmt.Errorf("generate: length must be from %d to %d bits, and whole bytes", minBits, maxBits)
		}
		key, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		return generated{}, fmt.Errorf("generate a key pair: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return generated{}, errors.New("a new key can't be written as PKCS #8")
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return generated{}, errors.New("a new public key can't be written as PKIX")
	}
	return generated{
		text:   string(pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: private})),
		public: string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: public})),
	}, nil
}

// checkForm says what is wrong with a value that is about to be current. It quotes nothing of it: what the parsers complain of is not shown.
func checkForm(g rotate.Generate, text, public string) error {
	var err error
	switch g.Kind {
	case kindHex:
		_, err = hex.DecodeString(text)
	case kindBase64:
		_, err = base64.StdEncoding.DecodeString(text)
	case kindUUID:
		err = uuid.Validate(text)
	case kindRSA, kindEd25519:
		return checkPair(g, text, public)
	}
	if err != nil {
		return fmt.Errorf("the pending value is not of the kind %s", g.Kind)
	}
	return nil
}

func checkPair(g rotate.Generate, text, public string) error {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != privateBlock || len(rest) > 0 {
		return errors.New("the pending value is not one private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return errors.New("the pending value is not a private key of PKCS #8")
	}
	_, isRSA := parsed.(*rsa.PrivateKey)
	_, isEd25519 := parsed.(ed25519.PrivateKey)
	if isRSA != (g.Kind == kindRSA) || isEd25519 != (g.Kind == kindEd25519) {
		return fmt.Errorf("the pending value is not a private key of the kind %s", g.Kind)
	}
	if g.PublicKey == "" {
		return nil
	}
	half, err := x509.MarshalPKIXPublicKey(parsed.(signer).Public())
	if err != nil || public != string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: half})) {
		return fmt.Errorf("the member %q does not go with the private key", g.PublicKey)
	}
	return nil
}
