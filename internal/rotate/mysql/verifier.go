package mysql

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what mysql_native_password is made of
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"

	"filippo.io/edwards25519"
)

// The plugins whose verifiers are computed here: what a server keeps of a password.
const (
	pluginNative  = "mysql_native_password"
	pluginSHA2    = "caching_sha2_password"
	pluginEd25519 = "ed25519"
)

// verifier returns what the server keeps of a password for a plugin; false where that is not known here.
func verifier(plugin, password string) (text string, known bool, err error) {
	switch plugin {
	case pluginNative:
		return native(password), true, nil
	case pluginSHA2:
		salt := make([]byte, sha2Salt)
		if _, err := rand.Read(salt); err != nil {
			return "", false, err
		}
		for i := range salt {
			salt[i] = alphabet[salt[i]%64] // 120 bits, in characters that no server, dump or terminal changes
		}
		return sha2(password, string(salt)), true, nil
	case pluginEd25519:
		text, err := ed25519(password)
		return text, err == nil, err
	}
	return "", false, nil
}

// native returns the verifier of mysql_native_password: who has it, and sees a login, can log in.
func native(password string) string {
	one := sha1.Sum([]byte(password)) //nolint:gosec // as above
	two := sha1.Sum(one[:])           //nolint:gosec // as above
	return fmt.Sprintf("*%X", two)
}

// ed25519 returns the verifier of MariaDB's ed25519: the public key whose private one is the hash of the password.
func ed25519(password string) (string, error) {
	hash := sha512.Sum512([]byte(password))
	scalar, err := edwards25519.NewScalar().SetBytesWithClamping(hash[:32])
	if err != nil {
		return "", err
	}
	return base64.RawStdEncoding.EncodeToString((&edwards25519.Point{}).ScalarBaseMult(scalar).Bytes()), nil
}

const (
	sha2Salt   = 20
	sha2Rounds = 5 // in thousands: what servers use that are not told otherwise
	alphabet   = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// sha2 returns the verifier of caching_sha2_password: $A$, the thousands of rounds in three hexadecimal digits, $, the salt, and the digest of SHA-256-crypt.
func sha2(password, salt string) string {
	return fmt.Sprintf("$A$%03X$%s%s", sha2Rounds, salt, crypt([]byte(password), []byte(salt), sha2Rounds*1000))
}

// crypt returns the digest of SHA-256-crypt ("Unix crypt using SHA-256 and SHA-512", by Ulrich Drepper), in its own order and alphabet. The steps in comments are those of that text.
// The salt is taken whole, where crypt(3) takes 16 bytes.
func crypt(password, salt []byte, rounds int) string {
	sum := func(parts ...[]byte) []byte {
		h := sha256.New()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	repeat := func(block []byte, n int) []byte { // blocks, the last one cut off, until there are n bytes
		out := make([]byte, 0, n+len(block))
		for len(out) < n {
			out = append(out, block...)
		}
		return out[:n]
	}
	b := sum(password, salt, password)                          // 4 to 8
	first := [][]byte{password, salt, repeat(b, len(password))} // 1 to 3, 9, 10
	for n := len(password); n > 0; n >>= 1 {                    // 11
		if n&1 != 0 {
			first = append(first, b)
		} else {
			first = append(first, password)
		}
	}
	a := sum(first...)                                                             // 12
	p := repeat(sum(repeat(password, len(password)*len(password))), len(password)) // 13 to 16
	s := repeat(sum(repeat(salt, len(salt)*(16+int(a[0])))), len(salt))            // 17 to 20
	for i := range rounds {                                                        // 21
		var parts [][]byte
		if i%2 != 0 {
			parts = append(parts, p)
		} else {
			parts = append(parts, a)
		}
		if i%3 != 0 {
			parts = append(parts, s)
		}
		if i%7 != 0 {
			parts = append(parts, p)
		}
		if i%2 != 0 {
			parts = append(parts, a)
		} else {
			parts = append(parts, p)
		}
		a = sum(parts...)
	}
	var out strings.Builder // 22
	group := func(x, y, z byte, n int) {
		for v := uint(x)<<16 | uint(y)<<8 | uint(z); n > 0; n-- {
			out.WriteByte(alphabet[v&63])
			v >>= 6
		}
	}
	x, y, z := 0, 10, 20
	for range 10 {
		group(a[x], a[y], a[z], 4)
		x, y, z = z+1, x+1, y+1
	}
	group(0, a[31], a[30], 3)
	return out.String()
}
