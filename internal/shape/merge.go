package shape

import (
	"slices"
	"strings"

	"github.com/secretsync-dev/secretsync/internal/secret"
	"github.com/secretsync-dev/secretsync/internal/template"
)

// merged returns a JSON object with a member for each source, in the order of their names.
func (s *Shaper) merged(sources []source) ([]byte, error) {
	sources = slices.SortedFunc(slices.Values(sources), func(a, b source) int { return strings.Compare(string(a.name), string(b.name)) })
	out := []byte{'{'}
	secrets := template.Object{}
	from := map[string]secret.Name{}
	for _, src := range sources {
		made, err := s.merge.Execute(append(nameData(src.name), template.Member{Key: "Key", Value: noKey}))
		if err != nil {
			return nil, of(src.name, wrong(err))
		}
		key := string(made)
		if other, twice := from[key]; twice {
			return nil, of(src.name, bad("merge: it has the same key as %q", other))
		}
		if key == "" {
			return nil, of(src.name, bad("merge: its key is empty"))
		}
		from[key] = src.name
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted(key)...), ':'), nested(src.text)...)
		secrets = append(secrets, template.Member{Key: key, Value: append(nameData(src.name), valueData(src.text)...)})
	}
	if s.render == nil {
		return append(out, '}'), nil
	}
	data := template.Object{{Key: "Secrets", Value: secrets}}
	for _, field := range []string{"Name", "Path", "Base", "Dir", "Value", "Text", "Key"} {
		data = append(data, template.Member{Key: field, Value: noSingle})
	}
	text, err := s.render.Execute(data)
	return text, wrong(err)
}
