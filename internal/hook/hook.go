// Package hook is what all that posts to an endpoint of somebody else has in common: which URLs and addresses are fit for it, how a body is signed, and errors that show the host at most.
package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed message. The signature is "v1=" and the HMAC-SHA256, in hex, of the timestamp, a dot and the body.
const (
	HeaderTimestamp = "X-SecretSync-Timestamp" // seconds since 1970
	HeaderSignature = "X-SecretSync-Signature"
	HeaderDelivery  = "X-SecretSync-Delivery" // the same in every attempt to deliver one message
)

// UserAgent is what requests call themselves.
const UserAgent = "secretsync"

const minKey = 16 // bytes of a signing key

// Sign signs a body as it is sent at that moment.
func Sign(h http.Header, key, body []byte, now time.Time) {
	at := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	h.Set(HeaderTimestamp, at)
	h.Set(HeaderSignature, "v1="+hex.EncodeToString(mac.Sum(nil)))
}

// Key reads a signing key from a variable of the environment; nil where none is named. The errors name the variable only.
func Key(variable string) ([]byte, error) {
	if variable == "" {
		return nil, nil
	}
	key, ok := os.LookupEnv(variable)
	key = strings.TrimRight(key, "\r\n")
	switch {
	case !ok || key == "":
		return nil, fmt.Errorf("the key of the signature: the variable %s is not set", variable)
	case len(key) < minKey:
		return nil, fmt.Errorf("the key of the signature: %s is shorter than %d characters", variable, minKey)
	}
	return []byte(key), nil
}

// ParseURL reads the URL of an endpoint: https, or http where its host is this machine. The errors quote nothing of it.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("url is not a URL with a host")
	case u.User != nil:
		return nil, errors.New("url has a user name or a password in it: the signature is what proves the sender")
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return nil, errors.New("url must begin with https: plain http is for this machine only")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("url must begin with https")
	}
	return u, checkHost(u.Hostname())
}

// checkHost refuses a host that is an address nobody listens at for us.
func checkHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return CheckAddress(ip, reachOf(host))
	}
	return nil
}

// IsLoopback reports whether a host is this machine, by its name or address.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
