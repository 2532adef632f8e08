package kubernetes

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fields are what the server keeps on who set which key of a Secret's data. A write of another value takes a key from everybody who set it before,
// so a key that is ours holds what we wrote. Others may share it: they have set the same value. An apply of stringData is the exception: the server writes
// data, and takes no key from anybody.
type fields struct {
	applied bool            // our server-side apply is there
	ours    map[string]bool // set by our server-side apply
	theirs  map[string]bool // set by anybody else
	texts   bool            // some are set by an apply of stringData, which is never ours: what they hold is not known
	touched time.Time       // the last time that somebody else came to set other keys than before; zero: never
	changed time.Time       // the last of all
}

// fieldsOf reads a Secret's managed fields. What can't be read is nobody's.
func fieldsOf(managed []metav1.ManagedFieldsEntry) fields {
	f := fields{ours: map[string]bool{}, theirs: map[string]bool{}}
	for _, m := range managed {
		when := time.Time{}
		if m.Time != nil {
			when = m.Time.UTC()
		}
		if when.After(f.changed) {
			f.changed = when
		}
		var set struct {
			Data  map[string]json.RawMessage `json:"f:data"`
			Texts map[string]json.RawMessage `json:"f:stringData"`
		}
		if m.FieldsV1 == nil || json.Unmarshal(m.FieldsV1.GetRawBytes(), &set) != nil {
			continue
		}
		owned := f.theirs
		if m.Manager == managedBy && m.Operation == metav1.ManagedFieldsOperationApply {
			f.applied, owned = true, f.ours
		}
		take(owned, set.Data)
		take(f.theirs, set.Texts)
		f.texts = f.texts || len(set.Texts) > 0
		if m.Manager != managedBy && len(set.Data)+len(set.Texts) > 0 && when.After(f.touched) {
			f.touched = when
		}
	}
	return f
}

// take adds the keys that a set of fields names.
func take(keys map[string]bool, set map[string]json.RawMessage) {
	for field := range set {
		if key, ok := strings.CutPrefix(field, "f:"); ok {
			keys[key] = true
		}
	}
}

// withoutTexts returns managed fields without those of stringData. Everything else stays whose it is.
func withoutTexts(managed []metav1.ManagedFieldsEntry) ([]metav1.ManagedFieldsEntry, error) {
	var rest []metav1.ManagedFieldsEntry
	for _, m := range managed {
		if m.FieldsV1 == nil {
			rest = append(rest, m)
			continue
		}
		var set map[string]json.RawMessage
		if err := json.Unmarshal(m.FieldsV1.GetRawBytes(), &set); err != nil {
			return nil, err
		}
		if _, ok := set["f:stringData"]; ok {
			if delete(set, "f:stringData"); len(set) == 0 {
				continue
			}
			raw, err := json.Marshal(set)
			if err != nil {
				return nil, err
			}
			m.FieldsV1 = metav1.NewFieldsV1(string(raw))
		}
		rest = append(rest, m)
	}
	return rest, nil
}

// foreign returns the keys, sorted, that are set by others only.
func (f fields) foreign() []string {
	var keys []string
	for k := range f.theirs {
		if !f.ours[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
