package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// The headers of a signed message. The signature is "v1=" and the HMAC-SHA256, in hex, of the timestamp, a dot and the body.
const (
	HeaderTimestamp = "X-SecretSync-Timestamp" // seconds since 1970
	HeaderSignature = "X-SecretSync-Signature"
	HeaderDelivery  = "X-SecretSync-Delivery" // the run id, the same in every attempt
)

const minKey = 16 // bytes of a signing key

type webhook struct {
	*poster
	key []byte
}

func openWebhook(s Webhook, d Deps) (destination, error) {
	key, err := d.named("the key of the signature", s.SecretEnv, s.SecretFile)
	if err == nil && len(key) < minKey {
		err = fmt.Errorf("the key of the signature: it is shorter than %d characters", minKey)
	}
	u, badURL := parseURL(s.URL, s.AllowLocal)
	if err := several(err, badURL); err != nil {
		return nil, err
	}
	p, err := d.poster(u, s.AllowLocal, s.CAFile)
	if err != nil {
		return nil, err
	}
	return &webhook{poster: p, key: []byte(key)}, nil
}

func (w *webhook) name() string { return "webhook " + w.url.Host }

func (w *webhook) send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write the message: %w", err)
	}
	return w.post(ctx, w.name(), body, func(h http.Header) {
		at := strconv.FormatInt(w.deps.Now().Unix(), 10)
		mac := hmac.New(sha256.New, w.key)
		mac.Write([]byte(at + "."))
		mac.Write(body)
		h.Set(HeaderTimestamp, at)
		h.Set(HeaderSignature, "v1="+hex.EncodeToString(mac.Sum(nil)))
		h.Set(HeaderDelivery, token(m.RunID))
	})
}
