package cli

import (
	"regexp"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/config"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/wire"
)

var (
	// example matches a comment that is an entry or a key of a configuration, and no prose.
	example = regexp.MustCompile(`(?m)^( *)# ( *(- )?[a-zA-Z]+:( .*)?)$`)
	// login matches a way to log in to Vault: one is in use, the others are comments.
	login = regexp.MustCompile(`(?m)^    (# )?(auth: \{.*?\}).*\n`)
)

func TestWhatAStarterHoldsAsCommentsIsValidToo(t *testing.T) {
	_, registry, err := (&app{}).drivers("test")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(t *testing.T, text string) {
		t.Helper()
		f, err := config.Parse("starter", []byte(text), nil, wire.Kinds(registry))
		if err == nil {
			_, err = wire.Open(f, registry)
		}
		if err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	all := &findings{
		account: "123456789012", region: "us-east-1", groups: true, accounts: []secret.AccountID{"111111111111", "222222222222"},
		vault: "https://vault.example.com:8200/$base", cluster: "admin@$prod", namespace: "apps",
	}
	for name, f := range map[string]*findings{"nothing": {}, "all": all} {
		t.Run(name+" was found", func(t *testing.T) {
			text := starter(f)
			valid(t, text)
			if n := len(example.FindAllString(text, -1)); n < 18 {
				t.Errorf("only %d lines of comments are configuration\n%s", n, text)
			}
			ways := login.FindAllStringSubmatch(text, -1)
			if want := map[bool]int{false: 0, true: 5}[f.vault != ""]; len(ways) != want {
				t.Errorf("%d ways to log in to Vault, want %d", len(ways), want)
			}
			whole := example.ReplaceAllString(login.ReplaceAllString(text, ""), "$1$2")
			valid(t, whole)
			for _, way := range ways {
				valid(t, strings.Replace(whole, "    mount: secret\n", "    mount: secret\n    "+way[2]+"\n", 1))
			}
		})
	}
}
