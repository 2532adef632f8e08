package shape

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// pick returns the text of an input with only the keys, and under the names, that the shape wants. budget is how many members may still be read.
func (s *Shaper) pick(in Input, budget *int) ([]byte, error) {
	text := in.Value.Reveal()
	switch {
	case in.Value.IsZero():
		return nil, bad("there is none")
	case in.Value.IsBinary():
		return nil, bad("it is binary, and only text can be changed")
	case !utf8.Valid(text):
		return nil, bad("it is not UTF-8")
	}
	if err := count(text, budget); err != nil {
		return nil, err
	}
	if len(s.shape.Include)+len(s.shape.Exclude)+len(s.shape.Rename) == 0 {
		return text, nil
	}
	all, err := members(text)
	if err != nil {
		return nil, err
	}
	for _, key := range s.shape.Include {
		if !all.has(key) {
			return nil, bad("include: it has no key %q", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.shape.Rename)) {
		if !all.has(key) {
			return nil, bad("rename: it has no key %q", key)
		}
	}
	return s.picked(all)
}

func (s *Shaper) picked(all memberList) ([]byte, error) {
	out := []byte{'{'}
	written := map[string]bool{}
	for _, m := range all {
		if slices.Contains(s.shape.Exclude, m.key) || len(s.shape.Include) > 0 && !slices.Contains(s.shape.Include, m.key) {
			continue
		}
		key, raw := m.key, m.rawKey
		if renamed, ok := s.shape.Rename[key]; ok {
			key, raw = renamed, quoted(renamed)
		}
		if written[key] { // one of the two was renamed: the configuration names the key
			return nil, bad("rename: it has a key %q already", key)
		}
		written[key] = true
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, raw...), ':'), m.raw...)
	}
	return append(out, '}'), nil
}
