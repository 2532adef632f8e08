package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

const maxSlack = 30_000 // characters; Slack cuts at 40,000

type slack struct {
	*poster
	words words
}

func openSlack(s Slack, d Deps) (destination, error) {
	address := s.URL
	if address == "" {
		var err error
		if address, err = d.named("url", s.URLEnv, s.URLFile); err != nil {
			return nil, err
		}
	}
	u, err := parseURL(address, s.AllowLocal)
	w, bad := parseWords("", s.Text)
	if err := several(err, bad); err != nil {
		return nil, err
	}
	p, err := d.poster(u, s.AllowLocal, s.CAFile)
	if err != nil {
		return nil, err
	}
	return &slack{poster: p, words: w}, nil
}

func (s *slack) name() string { return "slack " + s.url.Host }

// send posts a message. What a template says itself may be markup; what comes from the message can't be.
func (s *slack) send(ctx context.Context, m Message) error {
	text, bad := render(s.words.text, "text", m, escaped, func() string {
		return escaped(defaultSubject(m) + "\n\n" + defaultText(m, maxSlack*4/5))
	})
	body, err := json.Marshal(map[string]string{"text": cutMarkup(text, maxSlack)})
	if err != nil {
		return fmt.Errorf("write the message: %w", err)
	}
	return several(s.post(ctx, s.name(), body, nil), bad)
}

// escaped returns text without the three characters that are control characters in Slack's markup.
func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// cutMarkup returns at most so many characters of a text. No escaped character and no markup between < and > is cut in two.
func cutMarkup(s string, most int) string {
	runes := []rune(strings.ToValidUTF8(s, ""))
	if len(runes) <= most {
		return string(runes)
	}
	cut := string(runes[:most-3])
	if i := strings.LastIndexByte(cut, '&'); i >= 0 && !strings.Contains(cut[i:], ";") {
		cut = cut[:i]
	}
	if i := strings.LastIndexByte(cut, '<'); i >= 0 && !strings.Contains(cut[i:], ">") {
		cut = cut[:i]
	}
	return cut + "..."
}
