package secret

import (
	"bytes"
	"log/slog"
)

const redacted = "[redacted]"

// Value is secret material: bytes, and whether they are text or binary. Whatever prints it prints "[redacted]": the bytes sit behind a pointer in an
// unexported field, so that not even %+v of a struct around it reaches them. The zero Value holds nothing. Safe for concurrent use: it never changes, but for Wipe.
type Value struct{ m *material }

type material struct {
	data   []byte
	binary bool
}

// Text returns a value that a store keeps as text, byte for byte. It takes data over.
func Text(data []byte) Value { return Value{&material{data: data}} }

// Binary returns a value that a store keeps as binary. It takes data over.
func Binary(data []byte) Value { return Value{&material{data: data, binary: true}} }

// Clone returns a value with bytes of its own.
func (v Value) Clone() Value {
	if v.m == nil {
		return v
	}
	return Value{&material{data: bytes.Clone(v.m.data), binary: v.m.binary}}
}

// IsZero reports whether there is no value at all; an empty one is a value.
func (v Value) IsZero() bool { return v.m == nil }

// IsBinary reports whether the value is binary.
func (v Value) IsBinary() bool { return v.m != nil && v.m.binary }

// Size returns the number of bytes.
func (v Value) Size() int {
	if v.m == nil {
		return 0
	}
	return len(v.m.data)
}

// Reveal returns the bytes, which the caller must not change or keep. Only drivers call it: the import rules' test says so.
func (v Value) Reveal() []byte {
	if v.m == nil {
		return nil
	}
	return v.m.data
}

// Equal reports whether both hold the same bytes of the same kind.
func (v Value) Equal(w Value) bool {
	if v.m == nil || w.m == nil {
		return v.m == w.m
	}
	return v.m.binary == w.m.binary && bytes.Equal(v.m.data, w.m.data)
}

// Wipe overwrites the bytes, as far as the runtime allows. Nobody may use the value afterwards.
func (v Value) Wipe() {
	if v.m != nil {
		clear(v.m.data)
	}
}

// String keeps the value out of %v and %s.
func (Value) String() string { return redacted }

// GoString keeps the value out of %#v.
func (Value) GoString() string { return redacted }

// MarshalText keeps the value out of whatever encodes text.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON keeps the value out of JSON.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue keeps the value out of logs.
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }
