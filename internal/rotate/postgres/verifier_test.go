package postgres

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestTheVerifierIsThatOfThePublishedExample(t *testing.T) {
	// RFC 7677, 3: user "user", password "pencil". Its client's proof and its server's signature follow from StoredKey and ServerKey; both are checked against what the example sends.
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := scramSalted("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	head, serverKey, _ := strings.Cut(strings.TrimPrefix(verifier, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"), ":")
	if strings.HasPrefix(head, "SCRAM") || len(head) != 44 {
		t.Fatalf("got %s", verifier)
	}
	key, err := base64.StdEncoding.DecodeString(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	const said = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	if got := base64.StdEncoding.EncodeToString(sign(key, said)); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("the server's signature is %s", got)
	}
}

func TestTheOldVerifierHasTheUserInIt(t *testing.T) {
	if got := md5Verifier("app", "secret"); got != "md56a422f785c9e20873908ce25d1736ae2" {
		t.Errorf("got %s", got)
	}
}

func TestPreparedPasswords(t *testing.T) {
	for in, want := range map[string]string{
		"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX", // RFC 4013, 3
		"\u0007": "\u0007", "a\u00a0b": "a b", "a\u200bb": "a b", "\ufb01": "fi", "\u00ad": "\u00ad", " ": " ", "": "",
	} {
		if got := prepare(in); got != want {
			t.Errorf("%q is prepared as %q, want %q", in, got, want)
		}
	}
}

func TestVersionsAreRead(t *testing.T) {
	for in, want := range map[string]int{"15.20 (Debian 15.20-0+deb12u1)": 15, "9.6.24": 9, "8.0.2": 8, "18beta1": 18, "": 0, "x": 0} {
		if got := major(in); got != want {
			t.Errorf("%q: got %d, want %d", in, got, want)
		}
	}
}

func TestAServerDoesNotSayForHowLongThisMachineHashes(t *testing.T) {
	for setting, want := range map[string]int{"": 4096, "0": 4096, "-1": 4096, "x": 4096, "1": 1, "8192": 8192, "1000000": 1_000_000, "2147483647": 1_000_000, "99999999999999999999": 4096} {
		if got := iterations(setting); got != want {
			t.Errorf("%q: got %d, want %d", setting, got, want)
		}
	}
}
