package postgres

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what the oldest servers, and Redshift, keep passwords as
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// How often a password is hashed.
const (
	usualIterations = 4096      // by servers that have no setting for it
	mostIterations  = 1_000_000 // what any server may ask for here
)

// scram returns what a server keeps of a password for SCRAM-SHA-256 (RFC 5803), under a salt of its own. The password can't be had back from it, nor can anybody log in with it.
func scram(password string, iterations int) (string, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	return scramSalted(password, salt, iterations)
}

func scramSalted(password string, salt []byte, iterations int) (string, error) {
	salted, err := pbkdf2.Key(sha256.New, prepare(password), salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, encode(salt), encode(stored[:]), encode(sign(salted, "Server Key"))), nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// md5Verifier returns what servers without SCRAM keep: who has it can log in with it, as with what they keep of every password.
func md5Verifier(user, password string) string {
	sum := md5.Sum([]byte(password + user)) //nolint:gosec // as above
	return "md5" + hex.EncodeToString(sum[:])
}

// prepare returns a password as PostgreSQL prepares it for SCRAM: by SASLprep (RFC 4013), and, where that does not allow it, as it is. What is plain ASCII stays as it is.
// It differs from SASLprep for passwords that mix characters which that changes with others that Unicode 3.2 did not have, or with both directions of writing.
func prepare(password string) string {
	mapped := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(nothing, r):
			return -1
		case r != ' ' && (unicode.Is(unicode.Zs, r) || r == 0x200B):
			return ' '
		}
		return r
	}, password)
	prepared := norm.NFKC.String(mapped)
	if prepared == "" || !norm.NFC.IsNormalString(prepared) || strings.ContainsFunc(prepared, prohibited) {
		return password
	}
	return prepared
}

// nothing holds what is mapped to nothing (RFC 3454, B.1).
var nothing = &unicode.RangeTable{
	R16:         []unicode.Range16{{0x00AD, 0x00AD, 1}, {0x034F, 0x034F, 1}, {0x1806, 0x1806, 1}, {0x180B, 0x180D, 1}, {0x200C, 0x200D, 1}, {0x2060, 0x2060, 1}, {0xFE00, 0xFE0F, 1}, {0xFEFF, 0xFEFF, 1}},
	LatinOffset: 1,
}

// prohibited tells of what SASLprep does not allow in its result (RFC 4013, 2.3).
func prohibited(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point, unicode.IDS_Binary_Operator, unicode.IDS_Trinary_Operator) ||
		r == unicode.ReplacementChar || r == 0x0340 || r == 0x0341 || r == 0x06DD || r == 0x070F || r == 0x180E ||
		r >= 0x200E && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2061 && r <= 0x2063 || r >= 0x206A && r <= 0x206F || r >= 0xFFF9 && r <= 0xFFFC ||
		r >= 0x1D173 && r <= 0x1D17A || r == 0xE0001 || r >= 0xE0020 && r <= 0xE007F
}
