package kubernetes

import (
	"encoding/json"

	"github.com/secretsync-dev/secretsync/internal/secret"
)

// making is what the settings of a store decided of a copy, as far as they did: an object has keys of its own, and a sync may give the type.
type making struct {
	Store secret.StoreName `json:"store"`
	Key   string           `json:"key,omitempty"`
	Type  string           `json:"type,omitempty"`
}

// note returns the making as the annotation has it; empty where the settings decided nothing.
func (m making) note() string {
	if m.Key == "" && m.Type == "" {
		return ""
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return "" // strings: can't happen
	}
	return string(raw)
}

// unlike says how a copy is not as this store's settings would make it now; empty: it is, or can't be known. A namespace that several stores write to is listed
// through one of them: what another has made is not judged by its settings.
func (d *destination) unlike(e *entry) string {
	var m making
	note, ok := e.meta.Annotations[noteMade]
	switch {
	case !ok || json.Unmarshal([]byte(note), &m) != nil || m.Store != d.store:
		return ""
	case m.Key != "" && m.Key != d.set.Key:
		return " under another key"
	case m.Type != "" && m.Type != d.set.SecretType:
		return " of another type"
	}
	return ""
}
