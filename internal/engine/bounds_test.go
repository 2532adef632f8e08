package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secretsync-dev/secretsync/internal/engine"
	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store/mem"
)

// elsewhere replaces the hub by a store that holds what Secrets Manager can't.
func elsewhere(secrets map[secret.Name]secret.Value) func(*engine.Setup) {
	return func(s *engine.Setup) {
		at := secret.Place{Account: hub, Region: east}
		m := &mem.Store{At: at}
		for name, v := range secrets {
			m.Place(at).Put(name, v)
		}
		s.Stores["hub"] = m
	}
}

// Fault 28, fault 30.
func TestAValueThatSecretsManagerCanNotHoldIsRefusedWithItsSizeAndTheOthersAreApplied(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.forget()
	r := l.sync(l.engine(spokes, elsewhere(map[secret.Name]secret.Value{
		"app/big":     secret.Text([]byte(strings.Repeat("x", 65537))),
		"app/largest": secret.Binary([]byte(strings.Repeat("x", 65536))),
		"app/empty":   secret.Text(nil),
		"app/latin1":  secret.Text([]byte("\xe9")),
		"app/small":   secret.Text([]byte("x")),
	})), engine.Options{})
	expect(t, "outcomes", outcomes(r), `
refused create too-large app/big 111111111111/us-east-1
refused create missing app/empty 111111111111/us-east-1
applied create missing app/largest 111111111111/us-east-1
refused create missing app/latin1 111111111111/us-east-1
applied create missing app/small 111111111111/us-east-1
refused create too-large app/big 222222222222/us-east-1
refused create missing app/empty 222222222222/us-east-1
applied create missing app/largest 222222222222/us-east-1
refused create missing app/latin1 222222222222/us-east-1
applied create missing app/small 222222222222/us-east-1`)
	for i, says := range []string{"65537 bytes", "empty", "", "UTF-8"} {
		if !strings.Contains(r.Changes[i].Error, says) {
			t.Errorf("%s: %q does not say %q", r.Changes[i].Name, r.Changes[i].Error, says)
		}
	}
	if got := l.calls(); !strings.Contains(got, "CreateSecret 4,") {
		t.Errorf("what is refused is not even sent: %s", got)
	}
}

// Fault 29.
func TestANameThatSecretsManagerCanNotHoldIsRefusedInThePlanAndTheOthersAreApplied(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	names := map[secret.Name]secret.Value{"app/fine+=.@-_": secret.Text([]byte("x"))}
	bad := []string{"a b", "app/\u00e9", "app:db", "app/#1", strings.Repeat("n", 513)}
	for _, n := range bad {
		names[secret.Name(n)] = secret.Text([]byte("x"))
	}
	r := l.sync(l.engine(spokes, elsewhere(names)), engine.Options{})
	got := outcomes(r)
	for _, n := range bad {
		if strings.Count(got, fmt.Sprintf("refused refuse bad-name %s ", n)) != 2 {
			t.Errorf("%q is not refused", n)
		}
	}
	if strings.Count(got, "applied create missing app/fine+=.@-_ ") != 2 || !r.NotAsWanted() || len(r.Changes) != 2*len(names) {
		t.Errorf("got\n%s", got)
	}
}

// Fault 30, S0-B6.
func TestAValueOfAnySizeAndContentArrivesByteForByte(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"largest": strings.Repeat("x", 65536), "unicode": "Å e\u0301 \u00e9 \U0001f511", "quotes": `"'\` + "\n\t", "nul": "a\x00b", "json": `{"a":1.0,"a":2,"b":123456789012345678901234567890}`, "blank": " ",
	}
	l := newLab(t)
	for name, v := range values {
		l.put(hub, east, name, v)
	}
	l.put(hub, east, "bytes", "\x00\x01\xff\xfe", "binary")
	l.put(hub, east, "invalid", "\xc3\x28", "binary")
	if r := l.sync(l.engine(spokes), engine.Options{}); r.NotAsWanted() {
		t.Fatalf("got\n%s", outcomes(r))
	}
	for name := range values {
		want, _ := l.value(hub, east, name)
		if got, _ := l.value(one, east, name); got != want || got != values[name] {
			t.Errorf("%s is not the same", name)
		}
	}
	if got, _ := l.value(one, east, "bytes"); got != "binary:\x00\x01\xff\xfe" {
		t.Errorf("a binary value became %q", got)
	}
}

// S0-B11: tags go along.
func TestMoreThanFiftyTagsAreRefusedInThePlan(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var tags []string
	for i := range 48 {
		tags = append(tags, fmt.Sprintf("tag:k%d=v", i))
	}
	l.put(hub, east, "a", "one", tags...)
	r := l.sync(l.engine(spokes), engine.Options{})
	if strings.Count(outcomes(r), "refused refuse too-many-tags a") != 2 {
		t.Errorf("got\n%s", outcomes(r))
	}
}
