package rotate_test

import (
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/rotate"
)

func TestAPasswordKeepsToItsPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		g        rotate.Generate
		length   int
		not, has string
	}{
		"usual":            {rotate.Generate{}, 32, `/@"'\`, ""},
		"another exclude":  {rotate.Generate{Exclude: "abc"}, 32, "abc", "/"},
		"no punctuation":   {rotate.Generate{NoPunctuation: true, Length: 40}, 40, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", ""},
		"each":             {rotate.Generate{RequireEach: true, Length: 11}, 11, `/@"'\`, ""},
		"hardly any digit": {rotate.Generate{RequireEach: true, Length: 12, Exclude: "123456789"}, 12, "123456789", "0"},
		"only two":         {rotate.Generate{NoPunctuation: true, Length: 64, Exclude: "bcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ123456789"}, 64, "b", "a0"},
	} {
		all := map[string]bool{}
		seen := ""
		for range 300 {
			p, err := rotate.Password(c.g)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(p) != c.length || strings.ContainsAny(p, c.not) || all[p] {
				t.Fatalf("%s: a password of %d characters, seen before: %t", name, len(p), all[p])
			}
			if c.g.RequireEach && (!strings.ContainsAny(p, "0123456789") || strings.ToLower(p) == p || strings.ToUpper(p) == p) {
				t.Fatalf("%s: a kind of character is missing", name)
			}
			all[p] = true
			seen += p
		}
		for _, r := range c.has {
			if !strings.ContainsRune(seen, r) {
				t.Errorf("%s: %q never comes", name, r)
			}
		}
	}
}

func TestEveryCharacterOfAPasswordIsAsLikelyAsEveryOther(t *testing.T) {
	count := map[rune]int{}
	const n = 200
	for range n {
		p, err := rotate.Password(rotate.Generate{Length: 890})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p {
			count[r]++
		}
	}
	if len(count) != 94-5 {
		t.Errorf("%d characters", len(count))
	}
	for r, got := range count { // 2000 are expected, with a deviation of 45
		if got < 1600 || got > 2400 {
			t.Errorf("%q comes %d times", r, got)
		}
	}
}

func TestAPolicyThatLeavesTooLittleIsAnError(t *testing.T) {
	for part, g := range map[string]rotate.Generate{
		"8 out of 89 characters are 51 bits, less than 64": {Length: 8},
		"a length of -1 is not between 1 and 4096":         {Length: -1},
		"a length of 4097 is not between 1 and 4096":       {Length: 4097},
		"every one of 0123456789 is left out":              {RequireEach: true, Exclude: "0123456789"},
		"32 out of 0 characters":                           {NoPunctuation: true, Exclude: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"},
	} {
		if _, err := rotate.Password(g); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want %s", err, part)
		}
	}
}
