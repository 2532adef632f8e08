package rotate

import (
	"crypto/rand"
	"fmt"
	"math"
	"math/big"
	"strings"
)

const (
	small       = "abcdefghijklmnopqrstuvwxyz"
	capital     = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit       = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

	usualLength  = 32
	maxLength    = 4096
	usualExclude = `/@"'\`
	minBits      = 64
)

// Password returns a new password as g wants it: every password that the policy allows is as likely as every other. It is an error where the policy
// leaves fewer than 64 bits, or nothing of what RequireEach asks for. Safe for concurrent use.
func Password(g Generate) (string, error) {
	length := g.Length
	if length == 0 {
		length = usualLength
	}
	if length < 0 || length > maxLength {
		return "", fmt.Errorf("generate a password: a length of %d is not between 1 and %d", length, maxLength)
	}
	classes, err := g.classes()
	if err != nil {
		return "", err
	}
	alphabet := strings.Join(classes, "")
	if bits := float64(length) * math.Log2(float64(max(1, len(alphabet)))); bits < minBits {
		return "", fmt.Errorf("generate a password: %d out of %d characters are %d bits, less than %d: make it longer, or leave out less", length, len(alphabet), int(bits), minBits)
	}
	for {
		password, err := draw(alphabet, length)
		if err != nil {
			return "", err
		}
		if !g.RequireEach || hasEach(password, classes) {
			return password, nil
		}
	}
}

// classes returns the characters that a password may have, by kind; none of them is empty.
func (g Generate) classes() ([]string, error) {
	exclude := g.Exclude
	if exclude == "" {
		exclude = usualExclude
	}
	all := []string{small, capital, digit}
	if !g.NoPunctuation {
		all = append(all, punctuation)
	}
	var classes []string
	for i, class := range all {
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(exclude, r) {
				return -1
			}
			return r
		}, class)
		switch {
		case left != "":
			classes = append(classes, left)
		case g.RequireEach && i < 3: // punctuation may be left out as a whole
			return nil, fmt.Errorf("generate a password: every one of %s is left out, and one of each kind is required", class)
		}
	}
	return classes, nil
}

func draw(alphabet string, length int) (string, error) {
	size := big.NewInt(int64(len(alphabet)))
	password := make([]byte, length)
	for i := range password {
		n, err := rand.Int(rand.Reader, size)
		if err != nil {
			return "", fmt.Errorf("generate a password: %w", err)
		}
		password[i] = alphabet[n.Int64()]
	}
	return string(password), nil
}

func hasEach(password string, classes []string) bool {
	for _, class := range classes {
		if !strings.ContainsAny(password, class) {
			return false
		}
	}
	return true
}
