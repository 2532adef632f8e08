package hook

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

const canary = "CANARY-9b2e-4c61-aa07"

// signed computes a signature by HMAC's definition: H((K ^ opad) || H((K ^ ipad) || text)).
func signed(key, text string) string {
	pad := func(with byte) []byte {
		block := make([]byte, 64)
		copy(block, key)
		for i := range block {
			block[i] ^= with
		}
		return block
	}
	inner := sha256.Sum256(append(pad(0x36), text...))
	return fmt.Sprintf("v1=%x", sha256.Sum256(append(pad(0x5c), inner[:]...)))
}

func TestASignatureIsOfTheTimeAndTheBody(t *testing.T) {
	h := http.Header{}
	Sign(h, []byte(canary), []byte(`{"a":1}`), time.Unix(1700000000, 999))
	if h.Get(HeaderTimestamp) != "1700000000" || h.Get(HeaderSignature) != signed(canary, `1700000000.{"a":1}`) {
		t.Errorf("%v", h)
	}
}

func TestAKeyComesFromTheEnvironmentAndIsNotShort(t *testing.T) {
	t.Setenv("HOOK_KEY", canary+"\n")
	t.Setenv("HOOK_SHORT", "CANARY")
	t.Setenv("HOOK_EMPTY", "\n")
	if key, err := Key("HOOK_KEY"); err != nil || string(key) != canary {
		t.Errorf("%v", err)
	}
	if key, err := Key(""); err != nil || key != nil {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"HOOK_SHORT", "HOOK_EMPTY", "HOOK_NONE"} {
		if _, err := Key(name); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAURLThatIsUnfitIsRefusedWithoutBeingQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"https://hooks.example.com/x":   "",
		"https://10.0.0.1/x":            "",
		"http://localhost:8080/x":       "",
		"https://127.0.0.1/x":           "",
		"http://[::1]:1/x":              "",
		"http://hooks.example.com/c":    "plain http is for this machine only",
		"http://10.0.0.1/":              "plain http",
		"ftp://h/":                      "must begin with https",
		"https://u:" + canary + "@h/":   "a user name or a password",
		"https://":                      "not a URL with a host",
		"%" + canary:                    "not a URL with a host",
		"https://169.254.169.254/":      "a metadata address",
		"https://[fd00:ec2::254]/":      "a metadata address",
		"https://[fe80::1]/":            "a link-local address",
		"https://169.254.1.1/" + canary: "a link-local address",
		"https://0.0.0.0/":              "an unspecified address",
		"https://[::ffff:127.0.0.1]/":   "",
		"https://[64:ff9b::7f00:1]/":    "it is this machine",
	} {
		_, err := ParseURL(text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestEveryFormOfAnAddressThatIsNoEndpointIsRefused(t *testing.T) {
	const loopback, linkLocal, never, fine = "loopback", "link-local", "never", "fine"
	for ip, want := range map[string]string{
		"127.0.0.1": loopback, "127.8.9.1": loopback, "::1": loopback, "::ffff:127.0.0.1": loopback, "64:ff9b::7f00:1": loopback, "2002:7f00:1::": loopback, "::127.0.0.1": loopback,
		"169.254.1.1": linkLocal, "fe80::1": linkLocal, "fe80::1%eth0": linkLocal, "febf::1": linkLocal, "::ffff:169.254.1.1": linkLocal,
		"169.254.169.254": never, "169.254.170.2": never, "::ffff:169.254.169.254": never, "64:ff9b::a9fe:a9fe": never, "fd00:ec2::254": never, "fd00:ec2::254%eth0": never,
		"64:ff9b:1::7f00:1": loopback, "64:ff9b:1:7f00:0:100::": loopback, "64:ff9b:1:7f:0:1::": loopback, "64:ff9b:1:0:7f:0:100:0": loopback, "64:ff9b:1::a9fe:a9fe": never,
		"64:ff9b:1:a9fe:a9:fe00::": never, "2001::80ff:fffe": loopback, "2001:0:5db8:d822::5601:5601": never, "64:ff9b:1::5db8:d822": fine, "64:ff9b:1:5db8:d8:2200::": fine, "2001::f5ff:fffe": fine,
		"0.0.0.0": never, "::": never, "::ffff:0.0.0.0": never, "0.1.2.3": never, "224.0.0.1": never, "ff02::1": never, "255.255.255.255": never,
		"100.100.100.200": never, "168.63.129.16": never,
		"10.0.0.1": fine, "192.168.1.1": fine, "93.184.216.34": fine, "2606:2800:220:1::1": fine, "fd12::1": fine, "64:ff9b::5db8:d822": fine,
	} {
		a := netip.MustParseAddr(ip)
		elsewhere, here, local := CheckAddress(a, Elsewhere), CheckAddress(a, Here), CheckAddress(a, Local)
		if (elsewhere == nil) != (want == fine) || (here == nil) != (want == loopback) || (local == nil) != (want != never) {
			t.Errorf("%s is %s: elsewhere %v, here %v, local %v", ip, want, elsewhere, here, local)
		}
		if refused := (*AddressError)(nil); errors.As(elsewhere, &refused) && refused.Local != (local == nil) {
			t.Errorf("%s: %v and %v", ip, elsewhere, local)
		}
	}
}

// client is Client without the variables of the test's own environment.
func client(t *testing.T, u *url.URL) *http.Client {
	t.Helper()
	c, err := Client(u)
	if err != nil {
		t.Fatal(err)
	}
	c.Transport.(*http.Transport).Proxy = nil
	return c
}

func TestAClientFollowsNothingAndSaysWhatWentWrong(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/"+canary, http.StatusFound) }))
	t.Cleanup(s.Close)
	u, err := ParseURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t, u).Get(s.URL)
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()

	away := &url.URL{Scheme: "https", Host: "10.0.0.1"} // a name that leads somewhere else than it says
	_, err = client(t, away).Get(s.URL + "/" + canary)
	if err == nil || !Refused(err) || !Unsent(err) || strings.Contains(Cause(err).Error(), canary) || !strings.Contains(Cause(err).Error(), "it is this machine") {
		t.Errorf("error %v", err)
	}
	s.Close()
	if _, err = client(t, u).Get(s.URL + "/" + canary); err == nil || Refused(err) || !Unsent(err) || strings.Contains(Cause(err).Error(), canary) {
		t.Errorf("error %v", err)
	}
}

func TestAServerThatRepeatsWhatItWasSentIsNotQuoted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			n, _ := c.Read(buf)
			_, _ = c.Write(buf[:n])
			_ = c.Close()
		}
	}()
	u := &url.URL{Scheme: "http", Host: l.Addr().String()}
	_, err = client(t, u).Post(u.String(), "text/plain", strings.NewReader(canary))
	if err == nil || Unsent(err) || Cause(err).Error() != "the connection broke before there was an answer" {
		t.Errorf("error %v", err)
	}
	u.Scheme = "https"
	if _, err = client(t, u).Get(u.String()); err == nil || strings.Contains(Cause(err).Error(), canary) {
		t.Errorf("error %v", err)
	}
}
