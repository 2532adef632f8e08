package parameterstore_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/store"
	"github.com/secretsync-dev/secretsync/internal/store/storetest"
)

func TestTheTierLimitsTheSize(t *testing.T) {
	for _, test := range []struct {
		tier string
		size int
		want error
		is   types.ParameterTier
		says string
	}{
		{"standard", 4096, nil, types.ParameterTierStandard, ""},
		{"standard", 4097, store.ErrTooLarge, "", "4097 bytes: at most 4096 are possible in the standard tier, and 8192 with `tier: intelligent-tiering`"},
		{"standard", 8193, store.ErrTooLarge, "", "8193 bytes: at most 8192"},
		{"intelligent-tiering", 4096, nil, types.ParameterTierStandard, ""},
		{"intelligent-tiering", 4097, nil, types.ParameterTierAdvanced, ""},
		{"intelligent-tiering", 8192, nil, types.ParameterTierAdvanced, ""},
		{"intelligent-tiering", 8193, store.ErrTooLarge, "", "8193 bytes: at most 8192"},
		{"advanced", 1, nil, types.ParameterTierAdvanced, ""},
		{"advanced", 8192, nil, types.ParameterTierAdvanced, ""},
		{"advanced", 8193, store.ErrTooLarge, "", "8193 bytes: at most 8192"},
	} {
		b := newBench(t, "tier: "+test.tier)
		w := writing(1, nil)
		w.Value = secret.Text([]byte(strings.Repeat("k", test.size)))
		if test.size > len(canary) {
			w.Value = secret.Text([]byte(canary + strings.Repeat("k", test.size-len(canary))))
		}
		m := b.server.Ledger().Mark()
		_, err := b.dest.Write(t.Context(), w)
		wantKind(t, err, test.want)
		if test.want != nil {
			if calls := b.calls(m); len(calls) != 0 || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s, %d bytes: %v, after the calls %v", test.tier, test.size, err, calls)
			}
			continue
		}
		if tier := b.back.describe(t, "/app/db").Tier; tier != test.is {
			t.Errorf("%s, %d bytes: it is %s", test.tier, test.size, tier)
		}
	}
}

func TestWhatIsAdvancedStaysAdvanced(t *testing.T) {
	for _, tier := range []string{"standard", "intelligent-tiering", "advanced"} {
		b := newBench(t, "tier: "+tier)
		b.back.put(t, &api.PutParameterInput{Name: aws.String("/app/db"), Value: aws.String("theirs"), Type: types.ParameterTypeSecureString, Tier: types.ParameterTierAdvanced})
		c := mustWrite(t, b.dest, writing(1, stat(t, b.dest)))
		mustWrite(t, b.dest, writing(2, &c))
		if got := b.back.describe(t, "/app/db").Tier; got != types.ParameterTierAdvanced {
			t.Errorf("%s: it is %s", tier, got)
		}
	}
}

func TestAValueThatParameterStoreCantHoldIsRefusedBeforeAnyCall(t *testing.T) {
	b := newBench(t, "")
	for says, v := range map[string]secret.Value{
		"binary": secret.Binary([]byte(canary)), "empty": secret.Text([]byte{}), "{{ and }}": secret.Text([]byte(canary + " {{ssm:/x}} ")), "UTF-8": secret.Text([]byte(canary + "\xff")),
	} {
		w := writing(1, nil)
		w.Value = v
		m := b.server.Ledger().Mark()
		_, err := b.dest.Write(t.Context(), w)
		wantKind(t, err, store.ErrInvalid)
		if calls := b.calls(m); len(calls) != 0 || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, after the calls %v, want %q", err, calls, says)
		}
	}
}

func TestValuesArriveToTheByte(t *testing.T) {
	for _, text := range []string{
		"{\"a\": {\"b\": {}}, \"c\":\t\"\u00e9\" }\n", "e\u0301 \u2028 \U0001f511 <&> \\u0041 \\ \" \x7f", " ", "}} {", "a,b,c", "https://example.com/{{",
	} {
		b := newBench(t, "")
		w := writing(1, nil)
		w.Value = secret.Text([]byte(text))
		mustWrite(t, b.dest, w)
		if v, _ := b.back.Value(t, "/app/db"); !v.Equal(w.Value) {
			t.Errorf("%q arrives as another value, of %d bytes", text, v.Size())
		}
	}
}

func TestAParameterOfAnotherTypeIsASourceAndNoTarget(t *testing.T) {
	f := onEmbedded().New(t)
	back := f.Back.(storetest.RenamedBackdoor).Backdoor.(backdoor)
	for _, kind := range []types.ParameterType{types.ParameterTypeString, types.ParameterTypeStringList} {
		name := "/app/" + string(kind)
		want := back.put(t, &api.PutParameterInput{Name: &name, Value: aws.String("a,b"), Type: kind, Description: aws.String("theirs")})
		short := secret.Name(strings.TrimPrefix(name, "/"))
		m, err := f.Source.Stat(t.Context(), short)
		if err != nil || m.Version != want || m.Description != "theirs" || m.CustomKey || m.Deleted != m.Created {
			t.Errorf("%s: got %+v and the error %v", kind, m, err)
		}
		r := f.Source.Read(t.Context(), []secret.Name{short})[0]
		if r.Err != nil || r.Version != want || !r.Value.Equal(secret.Text([]byte("a,b"))) {
			t.Errorf("%s: got %+v", kind, r)
		}
		c, err := f.Destination.Stat(t.Context(), short)
		if err != nil || c.Unwritable != "it is a "+string(kind)+", which can't become a SecureString: delete it, or give the copy another name" {
			t.Errorf("%s: got %+v and the error %v", kind, c, err)
		}
		w := writing(1, &c)
		w.Name = short
		_, err = f.Destination.Write(t.Context(), w)
		wantKind(t, err, store.ErrInvalid)
	}
}
