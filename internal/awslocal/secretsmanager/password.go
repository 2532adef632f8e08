package secretsmanager

import (
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/awslocal/service"
)

const defaultPasswordLength = 32

type passwordInput struct {
	PasswordLength          *int64
	ExcludeCharacters       *string
	ExcludeNumbers          bool
	ExcludePunctuation      bool
	ExcludeUppercase        bool
	ExcludeLowercase        bool
	IncludeSpace            bool
	RequireEachIncludedType *bool
}

// classes returns the characters of each type that a password may have.
func (in *passwordInput) classes() []string {
	var found []string
	for _, class := range []struct {
		wanted bool
		chars  string
	}{
		{!in.ExcludeLowercase, "abcdefghijklmnopqrstuvwxyz"},
		{!in.ExcludeUppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		{!in.ExcludeNumbers, "0123456789"},
		{!in.ExcludePunctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
		{in.IncludeSpace, " "},
	} {
		if !class.wanted {
			continue
		}
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(deref(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, class.chars)
		if left != "" {
			found = append(found, left)
		}
	}
	return found
}

func getRandomPassword(c *call) (any, *service.Error) {
	in, err := decode[passwordInput](c.r)
	if err != nil {
		return nil, err
	}
	var bad checks
	bad.number("passwordLength", in.PasswordLength, 4096)
	bad.length("excludeCharacters", in.ExcludeCharacters, 0, 4096)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if err := c.authorizeAny("GetRandomPassword"); err != nil {
		return nil, err
	}
	length := defaultPasswordLength
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	classes := in.classes()
	if len(classes) == 0 {
		return nil, invalidRequest("You can't exclude all of the characters that a password can have.")
	}
	each := in.RequireEachIncludedType == nil || *in.RequireEachIncludedType
	if each && length < len(classes) {
		return nil, invalidParameter("Password length is too short based on the required types.")
	}
	all := strings.Join(classes, "")
	text := make([]byte, length)
	for i := range text {
		from := all
		if each && i < len(classes) {
			from = classes[i]
		}
		text[i] = from[randomBelow(len(from))]
	}
	for i := len(text) - 1; i > 0; i-- {
		j := randomBelow(i + 1)
		text[i], text[j] = text[j], text[i]
	}
	return struct{ RandomPassword string }{string(text)}, nil
}

func randomBelow(n int) int {
	v, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // the reader never fails
	return int(v.Int64())
}
