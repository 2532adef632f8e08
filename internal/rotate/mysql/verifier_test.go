package mysql

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestVerifiersAreThoseOfPublishedExamples(t *testing.T) {
	if got := native("password"); got != "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19" {
		t.Errorf("mysql_native_password: %s", got)
	}
	if got, err := ed25519("secret"); err != nil || got != "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY" {
		t.Errorf("ed25519: %s, %v", got, err)
	}
	salt, _ := hex.DecodeString("F9CC98CE08892924F50A213B6BC571A2C11778C5")
	digest, _ := hex.DecodeString("625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F")
	if got := sha2("hashcat", string(salt)); got != "$A$005$"+string(salt)+string(digest) {
		t.Errorf("caching_sha2_password: %q", got)
	}
}

func TestTheDigestIsThatOfSHA256Crypt(t *testing.T) {
	// The vectors of the text that defines it, but for those whose salt crypt(3) cuts off.
	for _, c := range []struct {
		password, salt string
		rounds         int
		want           string
	}{
		{"Hello world!", "saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
		{"Hello world!", "saltstringsaltst", 10000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"},
		{"we have a short salt string but not a short password", "short", 77777, "JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/"},
		{"a short string", "asaltof16chars..", 123456, "gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD"},
	} {
		if got := crypt([]byte(c.password), []byte(c.salt), c.rounds); got != c.want {
			t.Errorf("%q: got %s, want %s", c.password, got, c.want)
		}
	}
}

func TestSaltsArePrintableAndNeverTheSame(t *testing.T) {
	one, known, err := verifier(pluginSHA2, "x")
	two, _, _ := verifier(pluginSHA2, "x")
	if err != nil || !known || one == two || len(one) != 70 || strings.Trim(one, "$"+alphabet) != "" {
		t.Errorf("%q, %q, %v", one, two, err)
	}
}
