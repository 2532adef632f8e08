package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/secretsync-dev/secretsync/internal/hook"
)

// The headers of a signed message, as hook.Sign and hook.HeaderDelivery have them. A delivery is named by the run id.
const (
	HeaderTimestamp = hook.HeaderTimestamp
	HeaderSignature = hook.HeaderSignature
	HeaderDelivery  = hook.HeaderDelivery
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
		hook.Sign(h, w.key, body, w.deps.Now())
		h.Set(HeaderDelivery, token(m.RunID))
	})
}
